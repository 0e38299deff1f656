-- +goose Up
-- What the three agents that observe people's money keep: each in a schema of
-- its own, of the same shape.

-- All that detectors take of a transaction. A deleted one stays, for it may be
-- restored. merchant is the normalised name in the description.
ALTER TABLE seen_transactions
    ADD COLUMN wallet_id    uuid,
    ADD COLUMN to_wallet_id uuid,
    ADD COLUMN to_amount    numeric(17, 4),
    ADD COLUMN description  text NOT NULL DEFAULT '',
    ADD COLUMN merchant     text NOT NULL DEFAULT '',
    ADD COLUMN deleted      boolean NOT NULL DEFAULT false;
UPDATE seen_transactions SET wallet_id = (original ->> 'walletId')::uuid, description = coalesce(original ->> 'description', '');
ALTER TABLE seen_transactions ALTER COLUMN wallet_id SET NOT NULL;
CREATE INDEX seen_transactions_of ON seen_transactions (user_id, occurred_at DESC) WHERE NOT deleted;
CREATE INDEX seen_transactions_with ON seen_transactions (user_id, merchant, occurred_at DESC) WHERE NOT deleted;
DROP INDEX seen_transactions_recent;

CREATE OR REPLACE VIEW spending AS
    SELECT user_id, category, currency, month, sum(amount) AS amount
    FROM seen_transactions
    WHERE type = 'expense' AND NOT deleted
    GROUP BY user_id, category, currency, month;

-- Whose they are, so that all of a user can go.
ALTER TABLE transaction_changes ADD COLUMN user_id uuid;
UPDATE transaction_changes SET user_id = seen_transactions.user_id FROM seen_transactions WHERE seen_transactions.id = transaction_id;
DELETE FROM transaction_changes WHERE user_id IS NULL;
ALTER TABLE transaction_changes ALTER COLUMN user_id SET NOT NULL;
CREATE INDEX transaction_changes_user ON transaction_changes (user_id);

ALTER TABLE budgets
    ADD COLUMN threshold integer NOT NULL DEFAULT 80, -- percent of the limit
    ADD COLUMN rollover  boolean NOT NULL DEFAULT false;

ALTER TABLE raised ADD COLUMN user_id uuid;
UPDATE raised SET user_id = budgets.user_id, detail = detail || '@80' FROM budgets WHERE budgets.id = subject AND kind = 'ai.insight.generated';
UPDATE raised SET user_id = budgets.user_id FROM budgets WHERE budgets.id = subject AND kind <> 'ai.insight.generated';
UPDATE raised SET kind = 'budget_warning' FROM budgets WHERE budgets.id = subject AND kind = 'ai.insight.generated';
UPDATE raised SET user_id = seen_transactions.user_id, kind = 'anomaly' FROM seen_transactions WHERE seen_transactions.id = subject;
DELETE FROM raised WHERE user_id IS NULL;
ALTER TABLE raised ALTER COLUMN user_id SET NOT NULL;
CREATE INDEX raised_of ON raised (user_id, kind, raised_at DESC);

-- Wallets, goals and preferences as last heard of. changed_at is the time of that
-- event: an older one that comes late changes nothing.
CREATE TABLE wallets (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    name       text NOT NULL,
    type       text NOT NULL,
    currency   text NOT NULL,
    opening    numeric(17, 4) NOT NULL, -- before the first transaction
    deleted    boolean NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX wallets_of ON wallets (user_id);

CREATE TABLE goals (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    name       text NOT NULL,
    currency   text NOT NULL,
    target     numeric(17, 4) NOT NULL,
    saved      numeric(17, 4) NOT NULL,
    status     text NOT NULL,
    deadline   date,
    created_at timestamptz NOT NULL,
    deleted    boolean NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX goals_of ON goals (user_id);

CREATE TABLE preferences (
    user_id    uuid PRIMARY KEY,
    muted      text[] NOT NULL,  -- kinds of insight
    phrasing   boolean NOT NULL, -- consent to a language model
    changed_at timestamptz NOT NULL
);

-- What a user thought of an insight when they dismissed it.
CREATE TABLE dismissals (
    insight_id   uuid PRIMARY KEY,
    user_id      uuid NOT NULL,
    detector     text NOT NULL,
    feedback     text NOT NULL,
    dismissed_at timestamptz NOT NULL
);
CREATE INDEX dismissals_of ON dismissals (user_id, dismissed_at);

-- When each user's money is to be looked at as a whole, and was. backfilled: since
-- then something was heard of a month that was complete already.
CREATE TABLE reviews (
    user_id     uuid PRIMARY KEY,
    due_at      timestamptz NOT NULL,
    reviewed_at timestamptz,
    backfilled  boolean NOT NULL DEFAULT false
);
CREATE INDEX reviews_due ON reviews (due_at);

-- Insights that wait to be phrased. taken_at: by whom is at it; should they die,
-- another takes it after a while.
CREATE TABLE unphrased (
    event_id uuid PRIMARY KEY,
    user_id  uuid NOT NULL,
    event    jsonb NOT NULL,
    taken_at timestamptz
);
CREATE INDEX unphrased_of ON unphrased (user_id);

-- Users who deleted their account: what comes of them later leaves nothing.
CREATE TABLE gone (
    user_id    uuid PRIMARY KEY,
    deleted_at timestamptz NOT NULL
);

-- +goose Down
DROP TABLE gone, unphrased, reviews, dismissals, preferences, goals, wallets;
DROP INDEX raised_of, transaction_changes_user, seen_transactions_of, seen_transactions_with;
ALTER TABLE raised DROP COLUMN user_id;
ALTER TABLE budgets DROP COLUMN threshold, DROP COLUMN rollover;
ALTER TABLE transaction_changes DROP COLUMN user_id;
DELETE FROM seen_transactions WHERE deleted;
CREATE OR REPLACE VIEW spending AS
    SELECT user_id, category, currency, month, sum(amount) AS amount
    FROM seen_transactions
    WHERE type = 'expense'
    GROUP BY user_id, category, currency, month;
ALTER TABLE seen_transactions DROP COLUMN wallet_id, DROP COLUMN to_wallet_id, DROP COLUMN to_amount,
    DROP COLUMN description, DROP COLUMN merchant, DROP COLUMN deleted;
CREATE INDEX seen_transactions_recent ON seen_transactions (user_id, category, currency, occurred_at DESC) WHERE type = 'expense';
