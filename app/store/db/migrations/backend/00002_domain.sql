-- +goose Up
CREATE TABLE users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL UNIQUE, -- in small letters
    name          text NOT NULL DEFAULT '',
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE wallets (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name       text NOT NULL,
    type       text NOT NULL,
    currency   text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (user_id, name)
);

CREATE TABLE categories (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    slug       text NOT NULL,
    name       text NOT NULL,
    kind       text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (user_id, slug)
);

CREATE TABLE transactions (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    wallet_id   uuid NOT NULL REFERENCES wallets,
    amount      numeric(17, 4) NOT NULL CHECK (amount > 0),
    currency    text NOT NULL,
    type        text NOT NULL,
    category    text NOT NULL,
    description text NOT NULL DEFAULT '',
    occurred_at timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
CREATE INDEX transactions_list ON transactions (user_id, occurred_at DESC, id DESC);
CREATE INDEX transactions_spending ON transactions (user_id, category, currency, occurred_at) WHERE type = 'expense';

-- Requests that were carried out, so that one sent twice is carried out once.
CREATE TABLE idempotency_keys (
    user_id        uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    key            uuid NOT NULL,
    request        bytea NOT NULL, -- its SHA-256
    transaction_id uuid NOT NULL REFERENCES transactions ON DELETE CASCADE,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE budgets (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    category   text NOT NULL,
    amount     numeric(17, 4) NOT NULL CHECK (amount > 0),
    currency   text NOT NULL,
    month      date NOT NULL, -- its first day
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (user_id, category, currency, month)
);

-- What the agents say. No reference to users: an event may outlive its user.
CREATE TABLE insights (
    id               uuid PRIMARY KEY,
    user_id          uuid NOT NULL,
    type             text NOT NULL,
    title            text NOT NULL,
    message          text NOT NULL,
    confidence       double precision NOT NULL,
    related_entities jsonb NOT NULL DEFAULT '{}',
    event_id         uuid NOT NULL,
    correlation_id   uuid NOT NULL,
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz
);
CREATE INDEX insights_list ON insights (user_id, created_at DESC, id DESC);

-- The audit of what users were told.
CREATE TABLE alerts (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL,
    channel         text NOT NULL,
    source_event    text NOT NULL,
    source_event_id uuid NOT NULL,
    status          text NOT NULL,
    delivered_at    timestamptz NOT NULL,
    correlation_id  uuid NOT NULL
);
CREATE INDEX alerts_list ON alerts (user_id, delivered_at DESC, id DESC);

-- +goose Down
DROP TABLE alerts, insights, budgets, idempotency_keys, transactions, categories, wallets, users;
