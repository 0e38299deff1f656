-- name: InsertWallet :exec
INSERT INTO wallets (id, user_id, name, type, currency, opening_balance, created_at, updated_at)
VALUES (@id, @user_id, @name, @type, @currency, @opening_balance, @created_at, @created_at);

-- Wallets, oldest first, with what their transactions moved: a transfer counts
-- on both its ends.
-- name: WalletsWithBalance :many
SELECT sqlc.embed(wallets), (wallets.opening_balance + coalesce(b.moved, 0))::numeric AS balance
FROM wallets LEFT JOIN wallet_balances b ON b.wallet_id = wallets.id
WHERE wallets.user_id = @user_id AND (sqlc.narg(id)::uuid IS NULL OR wallets.id = sqlc.narg(id))
    AND (@archived::boolean OR wallets.archived_at IS NULL)
ORDER BY wallets.created_at, wallets.id
LIMIT 1001;

-- name: CountWallets :one
SELECT count(*) FROM wallets WHERE user_id = @user_id;

-- name: WalletForUpdate :one
SELECT * FROM wallets WHERE id = @id AND user_id = @user_id FOR NO KEY UPDATE;

-- name: UpdateWallet :exec
UPDATE wallets SET version = version + 1, name = @name, type = @type, opening_balance = @opening_balance, updated_at = @updated_at, archived_at = @archived_at
WHERE id = @id;

-- The ends of a transaction. No lock: what is posted to a wallet while it is
-- being archived was posted before.
-- name: Ends :many
SELECT id, type, currency, archived_at FROM wallets WHERE user_id = @user_id AND id = ANY (@ids::uuid[]);

-- name: InsertCategory :exec
INSERT INTO categories (id, user_id, slug, name, kind, created_at, updated_at)
VALUES (@id, @user_id, @slug, @name, @kind, @created_at, @created_at);

-- name: Categories :many
SELECT * FROM categories WHERE user_id = @user_id AND (@archived::boolean OR archived_at IS NULL)
ORDER BY kind, name, id LIMIT 1001;

-- name: CountCategories :one
SELECT count(*) FROM categories WHERE user_id = @user_id;

-- name: CategoryForUpdate :one
SELECT * FROM categories WHERE id = @id AND user_id = @user_id FOR UPDATE;

-- name: Category :one
SELECT * FROM categories WHERE id = @id AND user_id = @user_id;

-- name: UpdateCategory :exec
UPDATE categories SET version = version + 1, name = @name, updated_at = @updated_at, archived_at = @archived_at WHERE id = @id;

-- The kind of a category that new things can be filed under.
-- name: KindOfCategory :one
SELECT kind FROM categories WHERE user_id = @user_id AND slug = @slug AND archived_at IS NULL;

-- name: InsertTransaction :exec
INSERT INTO transactions (id, user_id, wallet_id, to_wallet_id, amount, to_amount, currency, type, category, refund, description, tags,
    occurred_at, date, import_id, fingerprint, created_at, updated_at)
VALUES (@id, @user_id, @wallet_id, @to_wallet_id, @amount, @to_amount, @currency, @type, @category, @refund, @description, @tags,
    @occurred_at, @date, @import_id, @fingerprint, @created_at, @updated_at);

-- name: Transaction :one
SELECT * FROM transactions WHERE id = @id AND user_id = @user_id;

-- name: TransactionForUpdate :one
SELECT * FROM transactions WHERE id = @id AND user_id = @user_id FOR UPDATE;

-- name: UpdateTransaction :exec
UPDATE transactions SET version = version + 1, wallet_id = @wallet_id, to_wallet_id = @to_wallet_id, amount = @amount, to_amount = @to_amount, currency = @currency,
    type = @type, category = @category, refund = @refund, description = @description, tags = @tags, occurred_at = @occurred_at, date = @date,
    updated_at = @updated_at, deleted_at = @deleted_at
WHERE id = @id;

-- Newest first, among the latest @looked_through of that time or that import: a search
-- that finds little takes no longer for a long history. Whatever is null does not narrow
-- it. Row level security lets no index on the text be used before a row is known to be
-- the user's.
-- name: SearchTransactions :many
SELECT t.* FROM (
    SELECT * FROM transactions
    WHERE user_id = @user_id
        AND (sqlc.narg(import_id)::uuid IS NULL OR import_id = sqlc.narg(import_id))
        AND (sqlc.narg(since)::timestamptz IS NULL OR occurred_at >= sqlc.narg(since))
        AND (sqlc.narg(until)::timestamptz IS NULL OR occurred_at < sqlc.narg(until))
        AND (sqlc.narg(before_at)::timestamptz IS NULL OR (occurred_at, id) < (sqlc.narg(before_at), sqlc.narg(before_id)::uuid))
    ORDER BY occurred_at DESC, id DESC LIMIT @looked_through
) t
WHERE (deleted_at IS NOT NULL) = @deleted::boolean
    AND (sqlc.narg(wallet_id)::uuid IS NULL OR wallet_id = sqlc.narg(wallet_id) OR to_wallet_id = sqlc.narg(wallet_id))
    AND (sqlc.narg(category)::text IS NULL OR category = sqlc.narg(category))
    AND (sqlc.narg(type)::text IS NULL OR type = sqlc.narg(type))
    AND (sqlc.narg(tag)::text IS NULL OR sqlc.narg(tag) = ANY (tags))
    AND (sqlc.narg(first_day)::date IS NULL OR date >= sqlc.narg(first_day))
    AND (sqlc.narg(last_day)::date IS NULL OR date <= sqlc.narg(last_day))
    AND (sqlc.narg(least)::numeric IS NULL OR amount >= sqlc.narg(least))
    AND (sqlc.narg(largest)::numeric IS NULL OR amount <= sqlc.narg(largest))
    AND (description ILIKE ALL (@patterns::text[]))
ORDER BY occurred_at DESC, id DESC LIMIT @most;

-- The last transaction that SearchTransactions looks through; no row: it looks through
-- all that there are.
-- name: LookedThrough :one
SELECT occurred_at, id FROM transactions
WHERE user_id = @user_id
    AND (sqlc.narg(import_id)::uuid IS NULL OR import_id = sqlc.narg(import_id))
    AND (sqlc.narg(since)::timestamptz IS NULL OR occurred_at >= sqlc.narg(since))
    AND (sqlc.narg(until)::timestamptz IS NULL OR occurred_at < sqlc.narg(until))
    AND (sqlc.narg(before_at)::timestamptz IS NULL OR (occurred_at, id) < (sqlc.narg(before_at), sqlc.narg(before_id)::uuid))
ORDER BY occurred_at DESC, id DESC OFFSET @looked_through - 1 LIMIT 1;

-- What was earned and spent, as finely as rates tell days apart: by day, and by
-- month what is in the currency already. A date is truncated as a timestamp without
-- time zone: one with a time zone, which it is taken for otherwise, takes twice as long.
-- name: SumsToConvert :many
SELECT (CASE WHEN currency = @code::text THEN date_trunc('month', date::timestamp) ELSE date END)::date AS day, currency, type,
    sum(amount)::numeric AS amount, sum(transactions)::bigint AS transactions
FROM daily_sums
WHERE user_id = @user_id AND date >= @since AND date < @until AND transactions > 0
GROUP BY 1, currency, type ORDER BY 1, currency, type;
