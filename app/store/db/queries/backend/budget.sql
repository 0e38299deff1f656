-- name: InsertBudget :exec
INSERT INTO budgets (id, user_id, category, amount, currency, month, threshold, rollover, created_at, updated_at)
VALUES (@id, @user_id, @category, @amount, @currency, @month, @threshold, @rollover, @created_at, @created_at);

-- name: BudgetForUpdate :one
SELECT * FROM budgets
WHERE id = @id AND user_id = @user_id FOR UPDATE;

-- name: UpdateBudget :exec
UPDATE budgets SET amount = @amount, threshold = @threshold, rollover = @rollover, updated_at = @updated_at WHERE id = @id;

-- name: DeleteBudget :exec
DELETE FROM budgets WHERE id = @id;

-- Those of a month that the other month has none in place of.
-- name: BudgetsToCopy :many
SELECT * FROM budgets b
WHERE b.user_id = @user_id AND b.month = @source AND NOT EXISTS (
    SELECT FROM budgets o WHERE o.user_id = b.user_id AND o.category = b.category AND o.currency = b.currency AND o.month = @target)
ORDER BY category, currency;

-- Budgets with what was spent, and, for those that roll over, the budget of the
-- month before and what was spent then.
-- name: BudgetsWithSpending :many
SELECT sqlc.embed(b),
    coalesce((SELECT sum(t.amount) FROM transactions t
        WHERE t.user_id = b.user_id AND t.type = 'expense' AND t.category = b.category AND t.currency = b.currency AND t.deleted_at IS NULL
        AND t.occurred_at >= b.month::timestamp AT TIME ZONE 'UTC'
        AND t.occurred_at < (b.month + interval '1 month') AT TIME ZONE 'UTC'), 0)::numeric AS spent,
    coalesce(earlier.amount, 0)::numeric AS earlier_amount,
    coalesce((SELECT sum(t.amount) FROM transactions t
        WHERE earlier.id IS NOT NULL
        AND t.user_id = b.user_id AND t.type = 'expense' AND t.category = b.category AND t.currency = b.currency AND t.deleted_at IS NULL
        AND t.occurred_at >= (b.month - interval '1 month') AT TIME ZONE 'UTC'
        AND t.occurred_at < b.month::timestamp AT TIME ZONE 'UTC'), 0)::numeric AS earlier_spent
FROM budgets b
LEFT JOIN budgets earlier ON b.rollover AND earlier.user_id = b.user_id AND earlier.category = b.category
    AND earlier.currency = b.currency AND earlier.month = b.month - interval '1 month'
WHERE b.user_id = @user_id
    AND (sqlc.narg(since)::date IS NULL OR b.month >= sqlc.narg(since))
    AND (sqlc.narg(until)::date IS NULL OR b.month <= sqlc.narg(until))
    AND (sqlc.narg(id)::uuid IS NULL OR b.id = sqlc.narg(id))
ORDER BY b.month DESC, b.category, b.currency
LIMIT 1000;
