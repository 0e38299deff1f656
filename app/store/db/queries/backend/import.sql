-- name: InsertImport :exec
INSERT INTO imports (id, user_id, wallet_id, format, file_name, imported, duplicates, bad, bad_lines, created_at)
VALUES (@id, @user_id, @wallet_id, @format, @file_name, @imported, @duplicates, @bad, @bad_lines, @created_at);

-- name: Imports :many
SELECT * FROM imports
WHERE user_id = @user_id
    AND (sqlc.narg(before_at)::timestamptz IS NULL OR (created_at, id) < (sqlc.narg(before_at), sqlc.narg(before_id)::uuid))
ORDER BY created_at DESC, id DESC LIMIT @most;

-- name: ImportByID :one
SELECT * FROM imports WHERE id = @id AND user_id = @user_id;

-- name: ImportForUpdate :one
SELECT * FROM imports WHERE id = @id AND user_id = @user_id FOR UPDATE;

-- name: UndoImport :exec
UPDATE imports SET undone_at = @undone_at WHERE id = @id;

-- Which of the fingerprints were imported into the wallet, and as what, wherever that
-- was moved since. What an undone import left deleted was not; what its user deleted
-- by hand was.
-- name: Imported :many
SELECT t.id, t.fingerprint::text AS fingerprint FROM transactions t JOIN imports i ON i.id = t.import_id
WHERE t.user_id = @user_id AND i.wallet_id = @wallet_id AND t.fingerprint = ANY (@fingerprints::text[])
    AND (t.deleted_at IS NULL OR i.undone_at IS NULL);

-- What may be a line of a statement of the wallet already: what touches the wallet
-- within days, and what was entered for another of its currency.
-- name: Nearby :many
SELECT id, wallet_id, to_wallet_id, type, amount, to_amount, description, date, import_id FROM transactions
WHERE user_id = @user_id AND deleted_at IS NULL AND date BETWEEN @since AND @until
    AND (wallet_id = @wallet_id OR to_wallet_id = @wallet_id OR currency = @currency AND type <> 'transfer' AND import_id IS NULL)
ORDER BY date, id LIMIT 50000;

-- How the user filed what they paid to whom, the latest first.
-- name: Filed :many
SELECT description, type, category, count(*) AS times, max(occurred_at)::timestamptz AS latest, max(amount)::numeric AS largest FROM transactions
WHERE user_id = @user_id AND type = ANY (ARRAY ['income', 'expense']) AND deleted_at IS NULL AND description <> ''
GROUP BY description, type, category ORDER BY latest DESC LIMIT 5000;

-- name: ActiveOfImport :many
SELECT * FROM transactions WHERE user_id = @user_id AND import_id = @import_id AND deleted_at IS NULL ORDER BY id FOR UPDATE;

-- name: DeleteTransactions :exec
UPDATE transactions SET version = version + 1, deleted_at = @at, updated_at = @at WHERE id = ANY (@ids::uuid[]);

-- name: InsertTransactions :exec
INSERT INTO transactions (id, user_id, wallet_id, amount, currency, type, category, refund, description, tags, occurred_at, date,
    import_id, fingerprint, created_at, updated_at)
SELECT unnest(@ids::uuid[]), @user_id, unnest(@wallet_ids::uuid[]), unnest(@amounts::text[])::numeric, unnest(@currencies::text[]),
    unnest(@types::text[]), unnest(@categories::text[]), unnest(@refunds::boolean[]), unnest(@descriptions::text[]), '{}'::text[],
    unnest(@times::timestamptz[]), unnest(@dates::date[]), unnest(@import_ids::uuid[]), unnest(@fingerprints::text[]),
    @created_at::timestamptz, @created_at::timestamptz;
