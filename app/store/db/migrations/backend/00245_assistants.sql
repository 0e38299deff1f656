-- +goose Up
-- Programs that ask people to let them look at their money (OAuth 2.1, public clients). They
-- register themselves, so that what one says of itself is nobody's word but its own. One that
-- nobody let in expires within a day; others live as long as their sessions.
CREATE TABLE oauth_clients (
    id            uuid PRIMARY KEY,
    name          text NOT NULL,
    redirect_uris text[] NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL
);
CREATE INDEX oauth_clients_age ON oauth_clients (expires_at);

-- Codes that a person has allowed and whose program has not come yet. One that comes is
-- removed: it works once. One whose person logs out meanwhile is of no use any more.
CREATE TABLE oauth_codes (
    hash         bytea PRIMARY KEY, -- SHA-256
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    session_id   uuid NOT NULL REFERENCES sessions ON DELETE CASCADE, -- in which it was allowed
    client_id    uuid NOT NULL REFERENCES oauth_clients ON DELETE CASCADE,
    redirect_uri text NOT NULL,
    challenge    text NOT NULL, -- PKCE, S256
    scope        text NOT NULL CHECK (scope IN ('read', 'read write')),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX oauth_codes_of ON oauth_codes (user_id);
CREATE INDEX oauth_codes_in ON oauth_codes (session_id);
CREATE INDEX oauth_codes_for ON oauth_codes (client_id);
CREATE INDEX oauth_codes_age ON oauth_codes (expires_at);

-- Sessions that are an assistant's: what it may do, and the code that it came with, which ends
-- the session when it comes again.
CREATE TABLE assistants (
    session_id   uuid PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    client_id    uuid NOT NULL REFERENCES oauth_clients ON DELETE CASCADE,
    code_hash    bytea NOT NULL UNIQUE,
    host         text NOT NULL, -- to which the code was sent
    scope        text NOT NULL CHECK (scope IN ('read', 'read write')),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL
);
CREATE INDEX assistants_of ON assistants (user_id, created_at);
CREATE INDEX assistants_for ON assistants (client_id);

-- +goose StatementBegin
DO $$
DECLARE
    its text;
BEGIN
    FOREACH its IN ARRAY ARRAY['oauth_codes', 'assistants'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', its);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', its);
        EXECUTE format('CREATE POLICY own ON %I USING (user_id = nullif(current_setting(''app.user_id'', true), '''')::uuid)', its);
    END LOOP;
END $$;
-- +goose StatementEnd
CREATE POLICY retention ON oauth_codes USING (current_setting('app.across_users', true) = 'retention');

-- +goose Down
-- Sessions that were assistants' are left, and expire: the release before knows neither their
-- refresh tokens, which are hashed otherwise, nor the issuer of their access tokens.
DROP TABLE assistants, oauth_codes, oauth_clients;
