-- +goose Up
-- Without a hash, the user logs in through an OpenID provider only. Hashes of
-- another kind than argon2id are of no use any more.
ALTER TABLE users
    ALTER COLUMN password_hash DROP NOT NULL,
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
UPDATE users SET password_hash = NULL WHERE password_hash NOT LIKE '$argon2id$%';

-- Who a user is at an OpenID provider.
CREATE TABLE identities (
    issuer     text NOT NULL,
    subject    text NOT NULL,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_of ON identities (user_id);

-- A login. It goes on as long as its refresh tokens follow one another, and is
-- deleted when it ends.
CREATE TABLE sessions (
    id               uuid PRIMARY KEY,
    user_id          uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    authenticated_at timestamptz NOT NULL, -- when the user last proved who they are
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL
);
CREATE INDEX sessions_of ON sessions (user_id);

-- The refresh tokens of a session, of which one is not spent. Spent ones stay
-- until they would have expired: one that comes again was stolen.
CREATE TABLE refresh_tokens (
    hash       bytea PRIMARY KEY, -- SHA-256
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    spent_at   timestamptz
);
CREATE INDEX refresh_tokens_of ON refresh_tokens (session_id);

-- How a user wants to be told.
CREATE TABLE preferences (
    user_id     uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    timezone    text NOT NULL DEFAULT 'UTC',
    channels    text[] NOT NULL DEFAULT '{in_app}',
    quiet_from  text NOT NULL DEFAULT '', -- HH:MM in the timezone; both or neither
    quiet_until text NOT NULL DEFAULT '',
    digest      text NOT NULL DEFAULT 'off' CHECK (digest IN ('off', 'daily', 'weekly')),
    muted_types text[] NOT NULL DEFAULT '{}',
    phrasing    boolean NOT NULL DEFAULT false,
    updated_at  timestamptz NOT NULL
);
INSERT INTO preferences (user_id, updated_at) SELECT id, now() FROM users;

CREATE TABLE push_subscriptions (
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    endpoint   text NOT NULL,
    p256dh     text NOT NULL,
    auth       text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, endpoint)
);

-- +goose StatementBegin
DO $$
DECLARE
    its text;
BEGIN
    FOREACH its IN ARRAY ARRAY['preferences', 'push_subscriptions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', its);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', its);
        EXECUTE format('CREATE POLICY own ON %I USING (user_id = nullif(current_setting(''app.user_id'', true), '''')::uuid)', its);
    END LOOP;
END $$;
-- +goose StatementEnd

-- What agents say of a user goes with the user, and what they say later of one who
-- has gone is refused, so that it leaves nothing.
DELETE FROM insights WHERE user_id NOT IN (SELECT id FROM users);
DELETE FROM alerts WHERE user_id NOT IN (SELECT id FROM users);
ALTER TABLE insights ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
ALTER TABLE alerts ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;

-- +goose Down
ALTER TABLE insights DROP CONSTRAINT insights_user_id_fkey;
ALTER TABLE alerts DROP CONSTRAINT alerts_user_id_fkey;
DROP TABLE push_subscriptions, preferences, refresh_tokens, sessions, identities;
DELETE FROM users WHERE password_hash IS NULL;
ALTER TABLE users DROP COLUMN updated_at, ALTER COLUMN password_hash SET NOT NULL;
