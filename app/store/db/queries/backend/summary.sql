-- Income and expenses of some days, by currency. Transfers move money, they
-- neither earn nor spend any.
-- name: Flows :many
SELECT currency, type, sum(amount)::numeric AS amount, sum(transactions)::bigint AS transactions FROM daily_sums
WHERE user_id = @user_id AND date >= @since AND date < @until AND transactions > 0
GROUP BY currency, type ORDER BY currency, type;

-- name: FlowsByCategory :many
SELECT currency, category, sum(amount)::numeric AS amount, sum(transactions)::bigint AS transactions FROM daily_sums
WHERE user_id = @user_id AND type = @type AND date >= @since AND date < @until AND transactions > 0
GROUP BY currency, category ORDER BY currency, category;

-- The user's time zone, and the currency of their oldest wallet that is in use, or
-- of the oldest at all; '' while they have none.
-- name: Person :one
SELECT coalesce((SELECT timezone FROM preferences WHERE preferences.user_id = @user_id), 'UTC')::text AS timezone,
    coalesce((SELECT currency FROM wallets WHERE wallets.user_id = @user_id ORDER BY archived_at IS NOT NULL, created_at, id LIMIT 1), '')::text AS currency;
