-- +goose Up
-- The version that the publisher's database gave to the preferences; 0: the event
-- is from before versions, and its time orders it.
ALTER TABLE preferences ADD COLUMN version bigint NOT NULL DEFAULT 0;

-- A message was handed to a server so often: to be leased for it is no attempt.
-- alerts.digest is not read any more, since all e-mail that is due for a user goes
-- out in one; replicas of the release before still write it.
COMMENT ON COLUMN alerts.tries IS 'attempts to send';

-- How many e-mails a user was sent on a day of theirs, so that it stays below a cap.
CREATE TABLE mails (
    user_id uuid NOT NULL,
    day     date NOT NULL,
    sent    integer NOT NULL,
    PRIMARY KEY (user_id, day)
);
CREATE INDEX mails_age ON mails (day);

-- Browsers that have unsubscribed, by the SHA-256 of their endpoints, which are
-- secrets: they are not asked again, whatever later preferences list.
CREATE TABLE gone_browsers (
    user_id  uuid NOT NULL,
    endpoint bytea NOT NULL,
    gone_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, endpoint)
);

-- +goose Down
DROP TABLE gone_browsers, mails;
COMMENT ON COLUMN alerts.tries IS NULL;
ALTER TABLE preferences DROP COLUMN version;
