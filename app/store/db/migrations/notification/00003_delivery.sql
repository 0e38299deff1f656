-- +goose Up
-- How a user wants to be told, as last heard of (event.PreferencesChanged).
CREATE TABLE preferences (
    user_id    uuid PRIMARY KEY,
    data       jsonb NOT NULL,
    changed_at timestamptz NOT NULL
);

-- Users who deleted their account: what comes of them later leaves nothing.
CREATE TABLE gone (
    user_id    uuid PRIMARY KEY,
    deleted_at timestamptz NOT NULL
);

-- An alert that goes by e-mail or push waits here until it is due, and is tried
-- again after a while when it could not be delivered. delivered_at is null until then.
ALTER TABLE alerts ALTER COLUMN delivered_at DROP NOT NULL;
ALTER TABLE alerts ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE alerts ADD COLUMN due_at timestamptz;
ALTER TABLE alerts ADD COLUMN digest boolean NOT NULL DEFAULT false; -- one e-mail for all that are due
ALTER TABLE alerts ADD COLUMN tries integer NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN last_error text NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN correlation_id uuid;
ALTER TABLE alerts ADD COLUMN traceparent text NOT NULL DEFAULT '';
CREATE INDEX alerts_due ON alerts (due_at) WHERE status = 'pending';

-- +goose Down
DROP INDEX alerts_due;
ALTER TABLE alerts DROP COLUMN traceparent, DROP COLUMN correlation_id, DROP COLUMN last_error, DROP COLUMN tries,
    DROP COLUMN digest, DROP COLUMN due_at, DROP COLUMN created_at;
DROP TABLE gone;
DROP TABLE preferences;
