-- name: InsertUser :exec
INSERT INTO users (id, email, name, password_hash, created_at, updated_at)
VALUES (@id, @email, @name, @password_hash, @created_at, @created_at);

-- name: UserByID :one
SELECT * FROM users WHERE id = $1;

-- name: UserForUpdate :one
SELECT * FROM users WHERE id = $1 FOR NO KEY UPDATE;

-- name: UserByEmail :one
SELECT * FROM users WHERE email = $1;

-- Holds off a change of the password until the session that it lets begin is there.
-- name: UserWithPassword :one
SELECT * FROM users WHERE id = @id AND password_hash = @password_hash FOR SHARE;

-- name: UserByIdentity :one
SELECT u.* FROM users u JOIN identities i ON i.user_id = u.id WHERE i.issuer = @issuer AND i.subject = @subject FOR SHARE OF u;

-- name: UserByEmailForUpdate :one
SELECT * FROM users WHERE email = $1 FOR NO KEY UPDATE;

-- name: HasIdentity :one
SELECT EXISTS (SELECT FROM identities WHERE user_id = $1);

-- name: InsertIdentity :exec
INSERT INTO identities (issuer, subject, user_id, created_at) VALUES (@issuer, @subject, @user_id, @created_at);

-- name: RenameUser :exec
UPDATE users SET name = @name, updated_at = @updated_at WHERE id = @id;

-- name: SetPassword :exec
UPDATE users SET password_hash = @password_hash, updated_at = @updated_at WHERE id = @id;

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
SELECT t.spent_at, t.expires_at, sqlc.embed(s)
FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id
WHERE t.hash = $1 FOR UPDATE;

-- name: SpendRefreshToken :exec
UPDATE refresh_tokens SET spent_at = @spent_at WHERE hash = @hash;

-- name: ProlongSession :exec
UPDATE sessions SET expires_at = @expires_at WHERE id = @id;

-- name: ForgetRefreshTokens :exec
DELETE FROM refresh_tokens WHERE session_id = @session_id AND expires_at < @now;

-- name: SessionOfRefreshToken :one
SELECT session_id FROM refresh_tokens WHERE hash = $1;

-- name: EndSession :exec
DELETE FROM sessions WHERE id = $1;

-- name: EndSessions :exec
DELETE FROM sessions WHERE user_id = @user_id AND id <> @other_than;

-- name: EndExpiredSessions :exec
DELETE FROM sessions WHERE user_id = @user_id AND expires_at < @now;

-- name: WalletsToScrub :many
SELECT id, type, currency FROM wallets WHERE user_id = @user_id;

-- name: BudgetsToScrub :many
SELECT id, currency, month FROM budgets WHERE user_id = @user_id;

-- name: GoalsToScrub :many
SELECT id, currency, created_at FROM goals WHERE user_id = @user_id;
