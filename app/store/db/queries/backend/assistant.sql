-- name: InsertOAuthClient :exec
INSERT INTO oauth_clients (id, name, redirect_uris, created_at, expires_at) VALUES (@id, @name, @redirect_uris, @created_at, @expires_at);

-- name: OAuthClient :one
SELECT * FROM oauth_clients WHERE id = @id AND expires_at > @now;

-- A client lives as long as what it was given.
-- name: KeepOAuthClient :exec
UPDATE oauth_clients SET expires_at = greatest(expires_at, @until::timestamptz) WHERE id = @id;

-- name: InsertOAuthCode :exec
INSERT INTO oauth_codes (hash, user_id, session_id, client_id, redirect_uri, challenge, scope, expires_at)
VALUES (@hash, @user_id, @session_id, @client_id, @redirect_uri, @challenge, @scope, @expires_at);

-- Of two at the same moment the second waits here, and finds nothing.
-- name: OAuthCodeForUpdate :one
SELECT c.client_id, c.redirect_uri, c.challenge, c.scope, c.expires_at, s.authenticated_at
FROM oauth_codes c JOIN sessions s ON s.id = c.session_id
WHERE c.hash = @hash AND c.user_id = @user_id FOR UPDATE OF c;

-- name: SpendOAuthCode :exec
DELETE FROM oauth_codes WHERE hash = $1;

-- name: EndSessionOfOAuthCode :execrows
DELETE FROM sessions WHERE id IN (SELECT session_id FROM assistants a WHERE a.code_hash = @code_hash AND a.user_id = @user_id);

-- name: InsertAssistant :exec
INSERT INTO assistants (session_id, user_id, client_id, code_hash, host, scope, created_at, last_used_at)
VALUES (@session_id, @user_id, @client_id, @code_hash, @host, @scope, @at, @at);

-- name: AssistantOfSession :one
SELECT client_id, scope FROM assistants WHERE session_id = $1;

-- name: UseAssistant :exec
UPDATE assistants SET last_used_at = @at WHERE session_id = @session_id;

-- name: Assistants :many
SELECT a.session_id, c.name, a.host, a.scope, a.created_at, a.last_used_at, s.expires_at
FROM assistants a JOIN oauth_clients c ON c.id = a.client_id JOIN sessions s ON s.id = a.session_id
WHERE a.user_id = @user_id AND s.expires_at > @now ORDER BY a.created_at DESC, a.session_id;

-- name: CountAssistants :one
SELECT count(*) FROM assistants a JOIN sessions s ON s.id = a.session_id WHERE a.user_id = @user_id AND s.expires_at > @now;

-- name: EndAssistant :execrows
DELETE FROM sessions WHERE id IN (SELECT session_id FROM assistants a WHERE a.session_id = @session_id AND a.user_id = @user_id);
