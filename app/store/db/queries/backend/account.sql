-- name: InsertUser :exec
INSERT INTO users (id, email, name, password_hash, holds_email, email_confirmed_at, created_at, updated_at)
VALUES (@id, @email, @name, @password_hash, @holds_email, @email_confirmed_at, @created_at, @created_at);

-- name: UserByID :one
SELECT * FROM users WHERE id = $1 AND closed_at IS NULL;

-- name: UserForUpdate :one
SELECT * FROM users WHERE id = $1 AND closed_at IS NULL FOR NO KEY UPDATE;

-- Nothing of a person is left in the row of a closed account. The address is free.
-- name: CloseAccount :exec
UPDATE users SET email = '', name = '', password_hash = NULL, holds_email = false, email_confirmed_at = NULL,
    updated_at = @at::timestamptz, closed_at = @at::timestamptz WHERE id = @id;

-- name: DropMailRequests :exec
DELETE FROM mail_requests WHERE user_id = @user_id::uuid;

-- In pages.
-- name: ClosedAccounts :many
SELECT id, closed_at::timestamptz AS closed_at FROM users
WHERE closed_at < @before::timestamptz AND (closed_at, id) > (@after::timestamptz, @after_id::uuid) ORDER BY closed_at, id LIMIT @most;

-- Those of which nobody has proved that the address is theirs, in pages.
-- name: UnconfirmedAccounts :many
SELECT id, created_at FROM users
WHERE NOT holds_email AND closed_at IS NULL AND created_at < @before AND (created_at, id) > (@after::timestamptz, @after_id::uuid)
ORDER BY created_at, id LIMIT @most;

-- Waits for whoever is making something of the user's, and keeps others from it.
-- name: UnconfirmedForUpdate :one
SELECT * FROM users WHERE id = $1 AND NOT holds_email AND closed_at IS NULL FOR UPDATE;

-- Whether a session of the user's expires after a time, which tells when it was used.
-- name: HasSession :one
SELECT EXISTS (SELECT FROM sessions WHERE user_id = @user_id AND expires_at > @after) AS has;

-- Whether the user can log in by a provider.
-- name: HasIdentity :one
SELECT EXISTS (SELECT FROM identities WHERE user_id = @user_id) AS has;

-- Whether the user has made anything besides the account.
-- name: HasBelongings :one
SELECT (EXISTS (SELECT FROM wallets w WHERE w.user_id = @user_id) OR EXISTS (SELECT FROM transactions t WHERE t.user_id = @user_id)
    OR EXISTS (SELECT FROM imports i WHERE i.user_id = @user_id) OR EXISTS (SELECT FROM budgets b WHERE b.user_id = @user_id)
    OR EXISTS (SELECT FROM goals g WHERE g.user_id = @user_id) OR EXISTS (SELECT FROM tasks k WHERE k.user_id = @user_id)
    OR EXISTS (SELECT FROM rates r WHERE r.user_id = @user_id) OR EXISTS (SELECT FROM push_subscriptions p WHERE p.user_id = @user_id)
    OR EXISTS (SELECT FROM demos d WHERE d.user_id = @user_id))::boolean AS has;

-- name: IsClosed :one
SELECT EXISTS (SELECT FROM users WHERE id = $1 AND closed_at IS NOT NULL) AS closed;

-- Waits for whoever is making something of the user's, and keeps others from it:
-- what refers to the user cannot be made before the transaction ends.
-- name: ClosedAccountForDeletion :one
SELECT id FROM users WHERE id = $1 AND closed_at IS NOT NULL FOR UPDATE;

-- The account that a log-in with the address leads to.
-- name: HolderOf :one
SELECT * FROM users WHERE email = $1 AND holds_email;

-- name: HolderForUpdate :one
SELECT * FROM users WHERE email = $1 AND holds_email FOR NO KEY UPDATE;

-- name: NewestClaimantOf :one
SELECT * FROM users WHERE email = $1 ORDER BY created_at DESC, id DESC LIMIT 1;

-- Holds off a change of the password until the session that it lets begin is there.
-- name: UserWithPassword :one
SELECT * FROM users WHERE id = @id AND password_hash = @password_hash AND closed_at IS NULL FOR SHARE;

-- Seen under app.issuer and app.subject only.
-- name: UserByIdentity :one
SELECT u.* FROM users u JOIN identities i ON i.user_id = u.id WHERE i.issuer = @issuer AND i.subject = @subject AND u.closed_at IS NULL FOR SHARE OF u;

-- name: InsertIdentity :exec
INSERT INTO identities (issuer, subject, user_id, created_at) VALUES (@issuer, @subject, @user_id, @created_at);

-- name: DropIdentities :exec
DELETE FROM identities WHERE user_id = @user_id;

-- name: DropPushSubscriptions :exec
DELETE FROM push_subscriptions WHERE user_id = @user_id;

-- name: RenameUser :exec
UPDATE users SET name = @name, updated_at = @updated_at WHERE id = @id;

-- name: SetPassword :exec
UPDATE users SET password_hash = @password_hash, updated_at = @updated_at WHERE id = @id;

-- name: ConfirmAddress :exec
UPDATE users SET email_confirmed_at = coalesce(email_confirmed_at, @at::timestamptz), holds_email = true, updated_at = @at::timestamptz WHERE id = @id;

-- Everything of the user's goes with the row.
-- name: DeleteUser :execrows
DELETE FROM users WHERE id = @id;

-- name: InsertSession :exec
INSERT INTO sessions (id, user_id, authenticated_at, created_at, expires_at)
VALUES (@id, @user_id, @authenticated_at, @created_at, @expires_at);

-- name: InsertRefreshToken :exec
INSERT INTO refresh_tokens (hash, session_id, expires_at) VALUES (@hash, @session_id, @expires_at);

-- Of two at the same moment the second waits here, and finds the token spent.
-- name: RefreshTokenForUpdate :one
SELECT t.spent_at, t.spent_by, t.successor_salt, t.expires_at, sqlc.embed(s)
FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id
WHERE t.hash = $1 FOR UPDATE;

-- name: RefreshToken :one
SELECT spent_at, expires_at FROM refresh_tokens WHERE hash = $1;

-- name: SpendRefreshToken :exec
UPDATE refresh_tokens SET spent_at = @spent_at, spent_by = @spent_by, successor_salt = @successor_salt WHERE hash = @hash;

-- name: ProlongSession :exec
UPDATE sessions SET expires_at = @expires_at WHERE id = @id;

-- name: ForgetRefreshTokens :exec
DELETE FROM refresh_tokens WHERE session_id = @session_id AND expires_at < @now;

-- name: SessionOfRefreshToken :one
SELECT session_id FROM refresh_tokens WHERE hash = $1;

-- Seen under app.session_id, too.
-- name: UserOfSession :one
SELECT user_id FROM sessions WHERE id = $1;

-- name: EndSession :exec
DELETE FROM sessions WHERE id = $1;

-- name: EndSessions :exec
DELETE FROM sessions WHERE user_id = @user_id AND id <> @other_than;

-- name: EndExpiredSessions :exec
DELETE FROM sessions WHERE user_id = @user_id AND expires_at < @now;

-- name: EndedSessions :many
SELECT id, ended_at FROM ended_sessions WHERE ended_at > @since;

-- name: InsertOneTimeToken :exec
INSERT INTO one_time_tokens (hash, user_id, purpose, expires_at) VALUES (@hash, @user_id, @purpose, @expires_at);

-- name: SpendOneTimeToken :execrows
DELETE FROM one_time_tokens WHERE hash = @hash AND user_id = @user_id AND purpose = @purpose AND expires_at > @now;

-- name: DropOneTimeTokens :exec
DELETE FROM one_time_tokens WHERE user_id = @user_id;

-- name: InsertMailRequest :exec
INSERT INTO mail_requests (id, user_id, email, kind, requested_at) VALUES (@id, @user_id, @email, @kind, @requested_at);

-- name: TakeMailRequests :many
SELECT * FROM mail_requests WHERE due_at <= now() ORDER BY due_at, id LIMIT @most FOR UPDATE SKIP LOCKED;

-- name: PostponeMailRequest :exec
UPDATE mail_requests SET attempts = attempts + 1, due_at = now() + make_interval(secs => @seconds::float8) WHERE id = @id;

-- name: DropMailRequest :exec
DELETE FROM mail_requests WHERE id = $1;

-- name: CountAttempt :one
INSERT INTO throttles AS t (key, count, ends_at) VALUES (@key, 1, now() + make_interval(secs => @seconds::float8))
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN t.ends_at <= now() THEN 1 ELSE least(t.count, 1000000) + 1 END,
    ends_at = CASE WHEN t.ends_at <= now() THEN excluded.ends_at ELSE t.ends_at END
RETURNING count, ceil(extract(epoch FROM ends_at - now()))::float8 AS seconds_left;

-- name: ForgetAttempts :exec
DELETE FROM throttles WHERE key = $1;

-- What compacted topics keep of a user, to be overwritten. The locks have whoever is
-- changing one of them finish first.
-- name: WalletsToScrub :many
SELECT id, type, currency, version FROM wallets WHERE user_id = @user_id ORDER BY id FOR UPDATE;

-- name: BudgetsToScrub :many
SELECT id, currency, month, version FROM budgets WHERE user_id = @user_id ORDER BY id LIMIT @most FOR UPDATE;

-- name: DropBudgets :exec
DELETE FROM budgets WHERE user_id = @user_id AND id = ANY(@ids::uuid[]);

-- name: GoalsToScrub :many
SELECT id, currency, created_at, version FROM goals WHERE user_id = @user_id ORDER BY id FOR UPDATE;

-- Adds to several counts at once, in the order of the keys, and says what they are then.
-- name: AddAttempts :many
INSERT INTO throttles AS t (key, count, ends_at)
SELECT added.key, added.count, @ends_at::timestamptz
FROM (SELECT unnest(@keys::bytea[]) AS key, unnest(@counts::integer[]) AS count) AS added ORDER BY added.key
ON CONFLICT (key) DO UPDATE SET count = t.count + excluded.count
RETURNING key, count;

-- name: CategoriesToScrub :many
SELECT id, kind, version FROM categories WHERE user_id = @user_id ORDER BY id FOR UPDATE;
