-- Income and expenses within a time, by currency. Transfers move money, they
-- neither earn nor spend any.
-- name: Flows :many
SELECT currency, type, sum(amount)::numeric AS amount, count(*) AS transactions FROM transactions
WHERE user_id = @user_id AND type <> 'transfer' AND deleted_at IS NULL AND occurred_at >= @since AND occurred_at < @until
GROUP BY currency, type ORDER BY currency, type;

-- name: FlowsByCategory :many
SELECT currency, category, sum(amount)::numeric AS amount, count(*) AS transactions FROM transactions
WHERE user_id = @user_id AND type = @type AND deleted_at IS NULL AND occurred_at >= @since AND occurred_at < @until
GROUP BY currency, category ORDER BY currency, category;

-- name: FlowsByMonth :many
SELECT date_trunc('month', occurred_at, 'UTC')::timestamptz AS month, currency, type, sum(amount)::numeric AS amount, count(*) AS transactions FROM transactions
WHERE user_id = @user_id AND type <> 'transfer' AND deleted_at IS NULL AND occurred_at >= @since AND occurred_at < @until
GROUP BY 1, currency, type ORDER BY 1, currency, type;

-- The currency of the user's oldest wallet that is in use, or the oldest at all.
-- name: MainCurrency :one
SELECT currency FROM wallets WHERE user_id = @user_id ORDER BY archived_at IS NOT NULL, created_at, id LIMIT 1;
