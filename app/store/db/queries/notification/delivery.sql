-- name: KeepPreferences :exec
INSERT INTO preferences (user_id, data, changed_at) VALUES (@user_id, @data, @changed_at)
ON CONFLICT (user_id) DO UPDATE SET data = excluded.data, changed_at = excluded.changed_at
WHERE preferences.changed_at < excluded.changed_at;

-- name: Preferences :one
SELECT data FROM preferences WHERE user_id = @user_id;

-- name: IsGone :one
SELECT EXISTS (SELECT FROM gone WHERE user_id = @user_id);

-- name: Leave :exec
INSERT INTO gone (user_id, deleted_at) VALUES (@user_id, @deleted_at) ON CONFLICT DO NOTHING;

-- name: ForgetPreferences :exec
DELETE FROM preferences WHERE user_id = @user_id;

-- name: ForgetAlerts :exec
DELETE FROM alerts WHERE user_id = @user_id;

-- name: InsertAlert :execrows
INSERT INTO alerts (id, user_id, channel, title, message, source_event, source_event_id, status, delivered_at, due_at, digest, correlation_id, traceparent)
VALUES (@id, @user_id, @channel, @title, @message, @source_event, @source_event_id, @status, @delivered_at, @due_at, @digest, @correlation_id, @traceparent)
ON CONFLICT (source_event_id, channel) DO NOTHING;

-- What is due, taken for a while: should the one who takes it die, it is due again then.
-- name: TakeDue :many
UPDATE alerts SET tries = alerts.tries + 1, due_at = @again_at::timestamptz
WHERE alerts.id IN (
    SELECT waiting.id FROM alerts AS waiting WHERE waiting.status = 'pending' AND waiting.due_at <= @now::timestamptz
    ORDER BY waiting.due_at, waiting.id LIMIT @most FOR UPDATE SKIP LOCKED
)
RETURNING *;

-- name: Settle :exec
UPDATE alerts SET status = @status, delivered_at = @delivered_at, due_at = @due_at, last_error = @last_error WHERE id = @id;
