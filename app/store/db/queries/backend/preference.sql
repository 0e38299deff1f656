-- name: InsertPreferences :exec
INSERT INTO preferences (user_id, updated_at) VALUES (@user_id, @updated_at);

-- name: Preferences :one
SELECT sqlc.embed(p), u.email, u.name, u.email_confirmed_at, u.unsubscribe_key FROM preferences p JOIN users u ON u.id = p.user_id WHERE p.user_id = @user_id;

-- Changes of a user's preferences and push subscriptions, and what is told of
-- them, wait for one another here.
-- name: PreferencesForUpdate :one
SELECT * FROM preferences WHERE user_id = @user_id FOR UPDATE;

-- name: UpdatePreferences :exec
UPDATE preferences SET timezone = @timezone, channels = @channels, quiet_from = @quiet_from, quiet_until = @quiet_until,
    digest = @digest, muted_types = @muted_types, phrasing = @phrasing, updated_at = @updated_at
WHERE user_id = @user_id;

-- name: PushSubscriptions :many
SELECT * FROM push_subscriptions WHERE user_id = @user_id ORDER BY created_at, endpoint;

-- name: PutPushSubscription :exec
INSERT INTO push_subscriptions (user_id, endpoint, p256dh, auth, created_at)
VALUES (@user_id, @endpoint, @p256dh, @auth, @created_at)
ON CONFLICT (user_id, endpoint) DO UPDATE SET p256dh = excluded.p256dh, auth = excluded.auth, created_at = excluded.created_at;

-- name: DeletePushSubscription :execrows
DELETE FROM push_subscriptions WHERE user_id = @user_id AND endpoint = @endpoint;

-- Browsers come and go without a word: the newest stay.
-- name: DropOldPushSubscriptions :exec
DELETE FROM push_subscriptions p WHERE p.user_id = @user_id AND p.endpoint NOT IN
    (SELECT n.endpoint FROM push_subscriptions n WHERE n.user_id = @user_id ORDER BY n.created_at DESC, n.endpoint LIMIT @most);

-- name: EndEmails :execrows
UPDATE preferences SET channels = array_remove(channels, 'email'), updated_at = @updated_at
WHERE user_id = @user_id AND 'email' = ANY (channels);

-- name: TouchPreferences :exec
UPDATE preferences SET updated_at = @updated_at WHERE user_id = @user_id;

-- Each event on a user's preferences has a version of its own.
-- name: NextPreferencesVersion :one
UPDATE preferences SET version = version + 1 WHERE user_id = @user_id RETURNING version;
