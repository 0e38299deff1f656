-- name: InsertDemo :execrows
INSERT INTO demos (user_id, id, created_at) VALUES (@user_id, @id, @created_at) ON CONFLICT DO NOTHING;

-- name: Demo :one
SELECT * FROM demos WHERE user_id = @user_id;

-- name: UpdateDemo :exec
UPDATE demos SET complete = @complete, wallets = @wallets, budgets = @budgets, goals = @goals, tasks = @tasks WHERE user_id = @user_id;

-- name: DeleteDemo :exec
DELETE FROM demos WHERE user_id = @user_id;

-- name: HasTransactions :one
SELECT EXISTS (SELECT FROM transactions WHERE user_id = @user_id AND deleted_at IS NULL);

-- name: TransactionsIn :many
SELECT id FROM transactions
WHERE user_id = @user_id AND deleted_at IS NULL AND (wallet_id = ANY (@wallets::uuid[]) OR to_wallet_id = ANY (@wallets::uuid[]));

-- name: ForgetTransactionsIn :exec
DELETE FROM transactions WHERE user_id = @user_id AND (wallet_id = ANY (@wallets::uuid[]) OR to_wallet_id = ANY (@wallets::uuid[]));

-- name: ForgetImportsIn :exec
DELETE FROM imports WHERE user_id = @user_id AND wallet_id = ANY (@wallets::uuid[]);

-- name: ForgetWallets :exec
DELETE FROM wallets WHERE user_id = @user_id AND id = ANY (@wallets::uuid[]);
