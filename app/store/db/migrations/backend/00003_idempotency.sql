-- +goose Up
-- The answer is kept with the key: a request sent again is answered as then,
-- whatever it made.
DROP TABLE idempotency_keys;
CREATE TABLE idempotency_keys (
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    key        uuid NOT NULL,
    request    bytea NOT NULL, -- its SHA-256
    answer     bytea,          -- JSON; written with the effect
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- +goose Down
DROP TABLE idempotency_keys;
CREATE TABLE idempotency_keys (
    user_id        uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    key            uuid NOT NULL,
    request        bytea NOT NULL,
    transaction_id uuid NOT NULL REFERENCES transactions ON DELETE CASCADE,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
