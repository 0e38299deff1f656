-- +goose Up
-- An address is claimed by whoever registers with it, and held by at most one
-- account: the one that a log-in with the address leads to. Where e-mail is sent, an
-- account holds its address once its owner has confirmed it, so that a registration
-- says nothing of who else has an account.
ALTER TABLE users
    DROP CONSTRAINT users_email_key,
    ADD COLUMN holds_email boolean NOT NULL DEFAULT false,
    ADD COLUMN email_confirmed_at timestamptz,
    -- Signs the links that end all e-mail to the user. It outlives the keys that access
    -- tokens are signed with, for e-mails are read years later.
    ADD COLUMN unsubscribe_key uuid NOT NULL DEFAULT gen_random_uuid();
UPDATE users SET holds_email = true, -- addresses were unique
    email_confirmed_at = (SELECT min(created_at) FROM identities WHERE user_id = users.id); -- by their providers
ALTER TABLE users ADD CHECK (holds_email OR email_confirmed_at IS NULL);
CREATE UNIQUE INDEX users_holder ON users (email) WHERE holds_email;
CREATE INDEX users_claims ON users (email, created_at);

-- Secrets that were mailed: each works once.
CREATE TABLE one_time_tokens (
    hash       bytea PRIMARY KEY, -- SHA-256
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    purpose    text NOT NULL CHECK (purpose IN ('confirm_address', 'reset_password')),
    expires_at timestamptz NOT NULL
);
CREATE INDEX one_time_tokens_of ON one_time_tokens (user_id);
CREATE INDEX one_time_tokens_age ON one_time_tokens (expires_at);

-- E-mails about accounts that were asked for. What is sent, and whether anything is,
-- is decided after the request was answered, so that its answer takes the same time
-- whether or not the address has an account.
CREATE TABLE mail_requests (
    id           uuid PRIMARY KEY,
    user_id      uuid REFERENCES users ON DELETE CASCADE, -- null: whoever has the address
    email        text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('confirm_address', 'reset_password')),
    requested_at timestamptz NOT NULL
);
CREATE INDEX mail_requests_age ON mail_requests (requested_at, id);
CREATE INDEX mail_requests_of ON mail_requests (user_id);

-- How often something was attempted, over all replicas: log-ins, e-mails.
CREATE TABLE throttles (
    key     bytea PRIMARY KEY, -- SHA-256 of what is counted
    count   integer NOT NULL,
    ends_at timestamptz NOT NULL -- of the window; a later attempt begins another
);
CREATE INDEX throttles_ends ON throttles (ends_at);

-- Sessions that ended while access tokens of theirs may still be good: replicas
-- read them every few seconds. A trigger, so that no way to end one forgets to say so.
CREATE TABLE ended_sessions (
    id       uuid PRIMARY KEY,
    ended_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ended_sessions_age ON ended_sessions (ended_at);
-- +goose StatementBegin
CREATE FUNCTION note_ended_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ended_sessions (id) VALUES (OLD.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER ended AFTER DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION note_ended_session();
CREATE INDEX sessions_age ON sessions (expires_at);

-- A refresh token that comes again at once, from the client that spent it, whose
-- answer was lost, gets the same successor, which is made of the token and the salt.
ALTER TABLE refresh_tokens
    ADD COLUMN spent_by bytea, -- SHA-256 of what is known of the client
    ADD COLUMN successor_salt bytea;

-- Row level security for the tables that are looked into before it is known who
-- asks: their own policy shows the one row whose name the caller knows, and those
-- that are worked on for all users show them to whoever names that work
-- (app.across_users).
-- +goose StatementBegin
DO $$
DECLARE
    its text;
BEGIN
    FOREACH its IN ARRAY ARRAY['idempotency_keys', 'sessions', 'identities', 'reminders', 'one_time_tokens', 'mail_requests'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', its);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', its);
        EXECUTE format('CREATE POLICY own ON %I USING (user_id = nullif(current_setting(''app.user_id'', true), '''')::uuid)', its);
    END LOOP;
    FOREACH its IN ARRAY ARRAY['idempotency_keys', 'sessions', 'one_time_tokens'] LOOP
        EXECUTE format('CREATE POLICY retention ON %I USING (current_setting(''app.across_users'', true) = ''retention'')', its);
    END LOOP;
END $$;
-- +goose StatementEnd
CREATE POLICY named ON sessions FOR SELECT USING (id = nullif(current_setting('app.session_id', true), '')::uuid);
CREATE POLICY named ON identities FOR SELECT USING (
    issuer = nullif(current_setting('app.issuer', true), '') AND subject = nullif(current_setting('app.subject', true), ''));
CREATE POLICY due ON reminders USING (current_setting('app.across_users', true) = 'reminders');
CREATE POLICY asked ON mail_requests FOR INSERT WITH CHECK (user_id IS NULL);
CREATE POLICY mail ON mail_requests USING (current_setting('app.across_users', true) = 'mail');

-- +goose Down
DROP POLICY named ON sessions;
DROP POLICY named ON identities;
DROP POLICY due ON reminders;
-- +goose StatementBegin
DO $$
DECLARE
    its text;
BEGIN
    FOREACH its IN ARRAY ARRAY['idempotency_keys', 'sessions'] LOOP
        EXECUTE format('DROP POLICY retention ON %I', its);
    END LOOP;
    FOREACH its IN ARRAY ARRAY['idempotency_keys', 'sessions', 'identities', 'reminders'] LOOP
        EXECUTE format('DROP POLICY own ON %I', its);
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', its);
    END LOOP;
END $$;
-- +goose StatementEnd
ALTER TABLE refresh_tokens DROP COLUMN spent_by, DROP COLUMN successor_salt;
DROP INDEX sessions_age;
DROP TRIGGER ended ON sessions;
DROP FUNCTION note_ended_session;
DROP TABLE ended_sessions, throttles, mail_requests, one_time_tokens;
DELETE FROM users WHERE NOT holds_email; -- addresses are unique again
ALTER TABLE users DROP COLUMN holds_email, DROP COLUMN email_confirmed_at, DROP COLUMN unsubscribe_key, ADD UNIQUE (email);
