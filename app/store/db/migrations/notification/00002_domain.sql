-- +goose Up
CREATE TABLE alerts (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL,
    channel         text NOT NULL,
    title           text NOT NULL,
    message         text NOT NULL,
    source_event    text NOT NULL,
    source_event_id uuid NOT NULL,
    status          text NOT NULL,
    delivered_at    timestamptz NOT NULL,
    UNIQUE (source_event_id, channel)
);
CREATE INDEX alerts_of ON alerts (user_id, delivered_at DESC);

-- +goose Down
DROP TABLE alerts;
