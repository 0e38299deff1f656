-- name: InsertInsight :execrows
INSERT INTO insights (id, user_id, type, title, message, confidence, related_entities, facts, dismiss, event_id, correlation_id, created_at, expires_at)
VALUES (@id, @user_id, @type, @title, @message, @confidence, @related_entities, @facts, @dismiss, @event_id, @correlation_id, @created_at, @expires_at)
ON CONFLICT DO NOTHING;

-- Newest first. state: active (neither dismissed nor expired), dismissed or all.
-- name: Insights :many
SELECT * FROM insights
WHERE user_id = @user_id
    AND (@state::text = 'all'
        OR (@state = 'active' AND dismissed_at IS NULL AND (expires_at IS NULL OR expires_at > now()))
        OR (@state = 'dismissed' AND dismissed_at IS NOT NULL))
    AND (sqlc.narg(type)::text IS NULL OR type = sqlc.narg(type))
    AND (sqlc.narg(before_at)::timestamptz IS NULL OR (created_at, id) < (sqlc.narg(before_at), sqlc.narg(before_id)::uuid))
ORDER BY created_at DESC, id DESC LIMIT @most;

-- name: Insight :one
SELECT * FROM insights WHERE id = @id AND user_id = @user_id;

-- name: InsightForUpdate :one
SELECT * FROM insights WHERE id = @id AND user_id = @user_id FOR UPDATE;

-- name: ReadInsight :exec
UPDATE insights SET read_at = coalesce(read_at, @read_at) WHERE id = @id;

-- name: DismissInsight :exec
UPDATE insights SET dismissed_at = @dismissed_at, feedback = @feedback, read_at = coalesce(read_at, @dismissed_at) WHERE id = @id;
