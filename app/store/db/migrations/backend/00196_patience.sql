-- +goose Up
-- A request for mail that cannot be processed is tried again later, a few times, and
-- does not hold up the others (package account).
ALTER TABLE mail_requests
    ADD COLUMN attempts integer NOT NULL DEFAULT 0, -- that failed
    ADD COLUMN due_at timestamptz NOT NULL DEFAULT now(); -- not tried before
DROP INDEX mail_requests_age;
CREATE INDEX mail_requests_due ON mail_requests (due_at, id);

-- Accounts whose address nobody has confirmed are removed when they are old.
CREATE INDEX users_unconfirmed ON users (created_at, id) WHERE NOT holds_email AND closed_at IS NULL;

-- +goose Down
DROP INDEX users_unconfirmed, mail_requests_due;
CREATE INDEX mail_requests_age ON mail_requests (requested_at, id);
ALTER TABLE mail_requests DROP COLUMN attempts, DROP COLUMN due_at;
