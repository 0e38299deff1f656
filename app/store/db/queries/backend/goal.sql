-- name: InsertGoal :exec
INSERT INTO goals (id, user_id, name, target, currency, deadline, status, created_at, updated_at)
VALUES (@id, @user_id, @name, @target, @currency, @deadline, @status, @created_at, @created_at);

-- name: GoalForUpdate :one
SELECT * FROM goals WHERE id = @id AND user_id = @user_id FOR UPDATE;

-- name: UpdateGoal :exec
UPDATE goals SET version = version + 1, name = @name, target = @target, saved = @saved, deadline = @deadline, status = @status, updated_at = @updated_at
WHERE id = @id;

-- name: DeleteGoal :exec
DELETE FROM goals WHERE id = @id;

-- Goals, oldest first, with what was contributed since a time.
-- name: GoalsWithPace :many
SELECT sqlc.embed(goals),
    coalesce((SELECT sum(c.amount) FROM goal_contributions c WHERE c.goal_id = goals.id AND c.created_at >= @since), 0)::numeric AS contributed
FROM goals
WHERE goals.user_id = @user_id AND (sqlc.narg(id)::uuid IS NULL OR goals.id = sqlc.narg(id))
    AND (sqlc.narg(status)::text IS NULL OR goals.status = sqlc.narg(status))
ORDER BY goals.created_at, goals.id
LIMIT 1001;

-- name: CountGoals :one
SELECT count(*) FROM goals WHERE user_id = @user_id;

-- name: InsertContribution :exec
INSERT INTO goal_contributions (id, user_id, goal_id, amount, note, created_at)
VALUES (@id, @user_id, @goal_id, @amount, @note, @created_at);

-- name: Contributions :many
SELECT id, goal_id, amount, note, created_at FROM goal_contributions
WHERE user_id = @user_id AND goal_id = @goal_id
    AND (sqlc.narg(before_at)::timestamptz IS NULL OR (created_at, id) < (sqlc.narg(before_at), sqlc.narg(before_id)::uuid))
ORDER BY created_at DESC, id DESC LIMIT @most;
