-- What may be one side of a transfer, the latest first.
-- name: TransferSides :many
SELECT sqlc.embed(t), w.name FROM transactions t JOIN wallets w ON w.id = t.wallet_id
WHERE t.user_id = @user_id AND t.deleted_at IS NULL AND t.date >= @since AND t.type <> 'transfer'
ORDER BY t.date DESC, t.id DESC LIMIT @most;

-- name: RejectedTransfers :many
SELECT out_id, in_id FROM transfer_matches WHERE user_id = @user_id AND NOT accepted;

-- name: AcceptedTransfer :one
SELECT * FROM transfer_matches WHERE user_id = @user_id AND (out_id = @id OR in_id = @id) AND accepted;

-- name: AcceptedTransfersOfImport :many
SELECT DISTINCT m.* FROM transfer_matches m JOIN transactions t ON t.id IN (m.out_id, m.in_id)
WHERE m.user_id = @user_id AND m.accepted AND t.import_id = @import_id ORDER BY m.out_id;

-- name: PutTransferMatch :exec
INSERT INTO transfer_matches (user_id, out_id, in_id, accepted, category) VALUES (@user_id, @out_id, @in_id, @accepted, @category)
ON CONFLICT (out_id, in_id) DO UPDATE SET accepted = excluded.accepted, category = excluded.category;
