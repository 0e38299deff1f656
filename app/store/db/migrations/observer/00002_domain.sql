-- +goose Up
-- Budgets as last heard of. changed_at is the time of that event: an older one
-- that comes late changes nothing.
CREATE TABLE budgets (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    category   text NOT NULL,
    amount     numeric(17, 4) NOT NULL,
    currency   text NOT NULL,
    month      text NOT NULL, -- YYYY-MM
    deleted    boolean NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX budgets_of ON budgets (user_id, category, currency, month) WHERE NOT deleted;

-- Changes of transactions. They come on another topic than the transactions,
-- hence possibly before them, so they are kept and applied in their own order.
CREATE TABLE transaction_changes (
    event_id       uuid PRIMARY KEY,
    transaction_id uuid NOT NULL,
    changes        jsonb NOT NULL,
    updated_at     timestamptz NOT NULL
);
CREATE INDEX transaction_changes_of ON transaction_changes (transaction_id, updated_at, event_id);

-- Transactions as they are with all known changes; original is as created.
CREATE TABLE seen_transactions (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL,
    original    jsonb NOT NULL,
    type        text NOT NULL,
    category    text NOT NULL,
    amount      numeric(17, 4) NOT NULL,
    currency    text NOT NULL,
    month       text NOT NULL, -- YYYY-MM
    occurred_at timestamptz NOT NULL
);
CREATE INDEX seen_transactions_month ON seen_transactions (user_id, category, currency, month) WHERE type = 'expense';
CREATE INDEX seen_transactions_recent ON seen_transactions (user_id, category, currency, occurred_at DESC) WHERE type = 'expense';

-- A view, so that a sum is never out of step with what it sums.
CREATE VIEW spending AS
    SELECT user_id, category, currency, month, sum(amount) AS amount
    FROM seen_transactions
    WHERE type = 'expense'
    GROUP BY user_id, category, currency, month;

-- What was said already, so that it is said once: of a budget for each of its
-- limits, of a transaction.
CREATE TABLE raised (
    subject   uuid NOT NULL,
    kind      text NOT NULL,
    detail    text NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, kind, detail)
);

-- +goose Down
DROP TABLE raised;
DROP VIEW spending;
DROP TABLE seen_transactions, transaction_changes, budgets;
