-- +goose Up
-- E-mails about accounts themselves, from their request until they are sent. A
-- link holds a one-time secret, so a letter that was sent is deleted.
CREATE TABLE letters (
    id         uuid PRIMARY KEY, -- of the event that asked for it
    user_id    uuid NOT NULL,
    email      text NOT NULL,
    kind       text NOT NULL,
    link       text NOT NULL,
    expires_at timestamptz NOT NULL,
    due_at     timestamptz NOT NULL,
    attempts   integer NOT NULL DEFAULT 0
);
CREATE INDEX letters_due ON letters (due_at);
CREATE INDEX letters_of ON letters (user_id);

-- +goose Down
DROP TABLE letters;
