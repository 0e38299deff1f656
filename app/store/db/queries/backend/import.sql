-- name: InsertImport :exec
INSERT INTO imports (id, user_id, wallet_id, format, file_name, imported, duplicates, bad, bad_lines, created_at, file_digest, movements_digest)
VALUES (@id, @user_id, @wallet_id, @format, @file_name, @imported, @duplicates, @bad, @bad_lines, @created_at, @file_digest, @movements_digest);

-- Imports of the same file, or of the same movements, of which transactions are there
-- still, the latest first.
-- name: SameFiles :many
SELECT i.id, i.wallet_id, w.name AS wallet, i.file_name, i.created_at, i.file_digest, count(*) AS present
FROM imports i JOIN wallets w ON w.id = i.wallet_id JOIN transactions t ON t.import_id = i.id AND t.deleted_at IS NULL
WHERE i.user_id = @user_id AND i.undone_at IS NULL AND (i.file_digest = @file_digest::text OR i.movements_digest = @movements_digest::text)
GROUP BY i.id, w.name ORDER BY i.created_at DESC, i.id LIMIT 20;

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
SELECT t.id, t.wallet_id, t.to_wallet_id, t.type, t.amount, t.to_amount, t.description, t.date, t.import_id, i.wallet_id AS imported_into
FROM transactions t LEFT JOIN imports i ON i.id = t.import_id
WHERE t.user_id = @user_id AND t.deleted_at IS NULL AND t.date BETWEEN @since AND @until
    AND (t.wallet_id = @wallet_id OR t.to_wallet_id = @wallet_id OR t.currency = @currency AND t.type <> 'transfer' AND t.import_id IS NULL)
ORDER BY t.date, t.id LIMIT 50000;

-- What imports into other wallets brought that may be lines of a statement of the
-- wallet: the same lines, and the same amounts within its days.
-- name: ImportedElsewhere :many
SELECT t.id, t.wallet_id, w.name AS wallet, t.to_wallet_id, t.type, t.amount, t.to_amount, t.description, t.date, coalesce(t.fingerprint, '') AS fingerprint, i.wallet_id AS imported_into
FROM transactions t JOIN imports i ON i.id = t.import_id JOIN wallets w ON w.id = t.wallet_id
WHERE t.id IN (
        SELECT f.id FROM transactions f WHERE f.user_id = @user_id AND f.fingerprint = ANY (sqlc.arg(fingerprints)::text[])
        UNION
        SELECT d.id FROM transactions d WHERE d.user_id = @user_id AND d.date BETWEEN @since AND @until AND d.amount = ANY (@amounts::numeric[]) AND d.import_id IS NOT NULL)
    AND t.deleted_at IS NULL AND i.wallet_id <> @wallet_id AND t.wallet_id <> @wallet_id AND t.to_wallet_id IS DISTINCT FROM @wallet_id
ORDER BY t.date, t.id LIMIT 50000;

-- What may be the other sides of transfers, in the wallets that a statement names.
-- name: OtherSides :many
SELECT id, wallet_id, type, amount, date FROM transactions
WHERE user_id = @user_id AND wallet_id = ANY (@wallet_ids::uuid[]) AND deleted_at IS NULL AND type <> 'transfer' AND date BETWEEN @since AND @until
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
INSERT INTO transactions (id, user_id, wallet_id, amount, currency, type, to_wallet_id, category, refund, description, tags, occurred_at, date,
    import_id, fingerprint, created_at, updated_at)
SELECT unnest(@ids::uuid[]), @user_id, unnest(@wallet_ids::uuid[]), unnest(@amounts::text[])::numeric, unnest(@currencies::text[]),
    unnest(@types::text[]), nullif(unnest(@to_wallet_ids::uuid[]), '00000000-0000-0000-0000-000000000000'), unnest(@categories::text[]), unnest(@refunds::boolean[]), unnest(@descriptions::text[]), '{}'::text[],
    unnest(@times::timestamptz[]), unnest(@dates::date[]), unnest(@import_ids::uuid[]), unnest(@fingerprints::text[]),
    @created_at::timestamptz, @created_at::timestamptz;

-- Which of the fingerprints were left out as what, which is still there, or is a side
-- of a transfer that is.
-- name: Skipped :many
SELECT s.fingerprint, s.transaction_id FROM import_skips s JOIN transactions t ON t.id = s.transaction_id
WHERE s.user_id = @user_id AND s.wallet_id = @wallet_id AND s.fingerprint = ANY (@fingerprints::text[])
    AND (t.deleted_at IS NULL OR EXISTS (SELECT FROM transfer_matches m WHERE m.in_id = t.id AND m.accepted));

-- name: PutSkips :exec
INSERT INTO import_skips (user_id, wallet_id, import_id, fingerprint, transaction_id)
SELECT @user_id, @wallet_id, @import_id, unnest(@fingerprints::text[]), unnest(@transaction_ids::uuid[])
ON CONFLICT (wallet_id, fingerprint) DO UPDATE SET transaction_id = excluded.transaction_id, import_id = excluded.import_id;

-- name: DeleteSkips :exec
DELETE FROM import_skips WHERE user_id = @user_id AND import_id = @import_id;

-- The wallets that may be the other end of a transfer.
-- name: OpenWallets :many
SELECT id, name, type, currency FROM wallets WHERE user_id = @user_id AND archived_at IS NULL ORDER BY created_at, id;

-- name: ImportPreset :one
SELECT answers, accounts FROM import_presets WHERE user_id = @user_id AND wallet_id = @wallet_id AND format = @format AND header = @header;

-- name: PutImportPreset :exec
INSERT INTO import_presets (user_id, wallet_id, format, header, answers, accounts, import_id, updated_at)
VALUES (@user_id, @wallet_id, @format, @header, @answers, @accounts, @import_id, @updated_at)
ON CONFLICT (wallet_id, format, header) DO UPDATE
SET answers = excluded.answers, accounts = excluded.accounts, import_id = excluded.import_id, updated_at = excluded.updated_at;

-- The latest of a wallet's stay.
-- name: TrimImportPresets :exec
DELETE FROM import_presets p WHERE p.user_id = @user_id AND p.wallet_id = @wallet_id AND (p.format, p.header) IN (
    SELECT o.format, o.header FROM import_presets o WHERE o.user_id = @user_id AND o.wallet_id = @wallet_id ORDER BY o.updated_at DESC, o.header OFFSET @keep);

-- name: DeleteImportPresets :exec
DELETE FROM import_presets WHERE user_id = @user_id AND import_id = @import_id;
