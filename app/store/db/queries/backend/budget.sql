-- name: InsertBudget :exec
INSERT INTO budgets (id, user_id, category, amount, currency, month, threshold, rollover, created_at, updated_at)
VALUES (@id, @user_id, @category, @amount, @currency, @month, @threshold, @rollover, @created_at, @created_at);

-- name: BudgetForUpdate :one
SELECT * FROM budgets
WHERE id = @id AND user_id = @user_id FOR UPDATE;

-- name: UpdateBudget :exec
UPDATE budgets SET version = version + 1, amount = @amount, threshold = @threshold, rollover = @rollover, updated_at = @updated_at WHERE id = @id;

-- name: DeleteBudget :exec
DELETE FROM budgets WHERE id = @id;

-- Those of a month that the other month has none in place of.
-- name: BudgetsToCopy :many
SELECT * FROM budgets b
WHERE b.user_id = @user_id AND b.month = @source AND NOT EXISTS (
    SELECT FROM budgets o WHERE o.user_id = b.user_id AND o.category = b.category AND o.currency = b.currency AND o.month = @target)
ORDER BY category, currency;

-- Budgets with what was spent, and those of the months before from which they
-- carry something over: back to one that carries nothing, or to a gap. A budget is
-- wanted that was asked for, and not only carried over from.
-- name: BudgetsWithSpending :many
WITH RECURSIVE wanted AS (
    SELECT w.id, w.category, w.currency, w.month, w.rollover FROM budgets w
    WHERE w.user_id = @user_id
        AND (sqlc.narg(since)::date IS NULL OR w.month >= sqlc.narg(since))
        AND (sqlc.narg(until)::date IS NULL OR w.month <= sqlc.narg(until))
        AND (sqlc.narg(id)::uuid IS NULL OR w.id = sqlc.narg(id))
    ORDER BY w.month DESC, w.category, w.currency
    LIMIT 1001 -- one more than a list has, to tell when it is cut
), chain AS (
    SELECT id, category, currency, month, rollover FROM wanted
    UNION
    SELECT e.id, e.category, e.currency, e.month, e.rollover FROM chain c
    JOIN budgets e ON e.user_id = @user_id AND e.category = c.category AND e.currency = c.currency AND e.month = (c.month - interval '1 month')::date
    WHERE c.rollover
), spending AS (
    SELECT category, currency, date_trunc('month', date::timestamp)::date AS month, sum(amount) AS amount FROM daily_sums
    WHERE user_id = @user_id AND type = 'expense'
        AND date >= (SELECT min(month) FROM chain) AND date < (SELECT max(month) FROM chain) + interval '1 month'
    GROUP BY 1, 2, 3
)
SELECT sqlc.embed(b), coalesce(s.amount, 0)::numeric AS spent, EXISTS (SELECT FROM wanted WHERE wanted.id = b.id) AS wanted
FROM budgets b JOIN chain ON chain.id = b.id
LEFT JOIN spending s ON s.category = b.category AND s.currency = b.currency AND s.month = b.month
WHERE b.user_id = @user_id
ORDER BY b.month DESC, b.category, b.currency;
