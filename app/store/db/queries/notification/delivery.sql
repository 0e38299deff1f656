-- name: KeepPreferences :exec
INSERT INTO preferences (user_id, data, changed_at, version) VALUES (@user_id, @data, @changed_at, @version)
ON CONFLICT (user_id) DO UPDATE SET data = excluded.data, changed_at = excluded.changed_at, version = greatest(preferences.version, excluded.version)
WHERE CASE WHEN excluded.version > 0 THEN excluded.version > preferences.version ELSE excluded.changed_at > preferences.changed_at END;

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
INSERT INTO alerts (id, user_id, channel, title, message, source_event, source_event_id, status, delivered_at, due_at, correlation_id, traceparent)
VALUES (@id, @user_id, @channel, @title, @message, @source_event, @source_event_id, @status, @delivered_at, @due_at, @correlation_id, @traceparent)
ON CONFLICT (source_event_id, channel) DO NOTHING;

-- What is due of the users whose alerts have been due for longest, leased for a
-- while: should the process that takes it die, it is due again then. All that is due of a user by
-- a channel is taken at once, for it goes out in one message; a replica that asks at the
-- same moment waits for the first, and finds it taken.
-- name: TakeDue :many
UPDATE alerts SET due_at = @again_at::timestamptz
WHERE alerts.status = 'pending' AND alerts.due_at <= @now::timestamptz AND (alerts.user_id, alerts.channel) IN (
    SELECT waiting.user_id, waiting.channel FROM alerts AS waiting WHERE waiting.status = 'pending' AND waiting.due_at <= @now::timestamptz
    ORDER BY waiting.due_at, waiting.id LIMIT @most
)
RETURNING *;

-- name: Settle :exec
UPDATE alerts SET status = @status, delivered_at = @delivered_at, due_at = @due_at, last_error = @last_error, tries = @attempts WHERE id = @id;

-- Ends the lease of what was not attempted.
-- name: ReturnAlerts :exec
UPDATE alerts SET due_at = @due_at WHERE id = ANY (@ids::uuid[]) AND status = 'pending';

-- One e-mail more on a user's day; no row: the cap is reached.
-- name: CountMail :execrows
INSERT INTO mails (user_id, day, sent) VALUES (@user_id, @day, 1)
ON CONFLICT (user_id, day) DO UPDATE SET sent = mails.sent + 1 WHERE mails.sent < @most::integer;

-- name: UncountMail :exec
UPDATE mails SET sent = sent - 1 WHERE user_id = @user_id AND day = @day;

-- name: ForgetOldMails :exec
DELETE FROM mails WHERE day < @before;

-- name: ForgetMails :exec
DELETE FROM mails WHERE user_id = @user_id;

-- name: BrowserGone :exec
INSERT INTO gone_browsers (user_id, endpoint, gone_at) VALUES (@user_id, @endpoint, @gone_at) ON CONFLICT DO NOTHING;

-- name: GoneBrowsers :many
SELECT endpoint FROM gone_browsers WHERE user_id = @user_id;

-- name: ForgetGoneBrowsers :exec
DELETE FROM gone_browsers WHERE user_id = @user_id;
