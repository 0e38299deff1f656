-- Another event on the same alert tells how it went on, in whichever order they come.
-- name: PutAlert :exec
INSERT INTO alerts (id, user_id, channel, source_event, source_event_id, status, title, message, delivered_at, correlation_id)
VALUES (@id, @user_id, @channel, @source_event, @source_event_id, @status, @title, @message, @delivered_at, @correlation_id)
ON CONFLICT (id) DO UPDATE SET status = excluded.status, delivered_at = excluded.delivered_at
    WHERE alerts.status = 'pending';

-- Newest first. What an insight caused says what the insight says, unless it
-- came with words of its own.
-- name: Alerts :many
SELECT a.id, a.channel, a.source_event, a.source_event_id, a.status, a.delivered_at, a.read_at,
    coalesce(nullif(a.title, ''), i.title, '')::text AS title, coalesce(nullif(a.message, ''), i.message, '')::text AS message, i.id AS insight_id
FROM alerts a LEFT JOIN insights i ON i.event_id = a.source_event_id AND i.user_id = a.user_id
WHERE a.user_id = @user_id
    AND (NOT @unread::boolean OR (a.read_at IS NULL AND a.channel = 'in_app'))
    AND (sqlc.narg(id)::uuid IS NULL OR a.id = sqlc.narg(id))
    AND (sqlc.narg(before_at)::timestamptz IS NULL OR (a.delivered_at, a.id) < (sqlc.narg(before_at), sqlc.narg(before_id)::uuid))
ORDER BY a.delivered_at DESC, a.id DESC LIMIT @most;

-- Only what is shown in the application is read there.
-- name: UnreadAlerts :one
SELECT count(*) FROM alerts WHERE user_id = @user_id AND read_at IS NULL AND channel = 'in_app';

-- name: ReadAlert :execrows
UPDATE alerts SET read_at = coalesce(read_at, @read_at) WHERE id = @id AND user_id = @user_id;

-- name: ReadAlerts :execrows
UPDATE alerts SET read_at = @read_at WHERE user_id = @user_id AND read_at IS NULL AND channel = 'in_app';
