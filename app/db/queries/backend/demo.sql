-- name: InsertDemo :execrows
INSERT INTO demos (user_id, id, created_at) VALUES (@user_id, @id, @created_at) ON CONFLICT DO NOTHING;

-- name: Demo :one
SELECT * FROM demos WHERE user_id = @user_id;

-- name: UpdateDemo :exec
UPDATE demos SET complete = @complete, wallets = @wallets, budgets = @budgets, goals = @goals, tasks = @tasks WHERE user_id = @user_id;

-- name: DeleteDemo :exec
DELETE FROM demos WHERE user_id = @user_id;

-- name: HasTransactions :one
SELECT EXISTS (SELECT FROM transactions WHERE user_id = @user_id);
