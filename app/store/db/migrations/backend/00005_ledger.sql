-- +goose Up
-- A wallet's currency stays as it is; what it holds is its opening balance and
-- its transactions. An archived wallet keeps its transactions, takes no new ones
-- and sets its name free.
ALTER TABLE wallets
    ADD COLUMN opening_balance numeric(17, 4) NOT NULL DEFAULT 0,
    ADD COLUMN updated_at timestamptz,
    ADD COLUMN archived_at timestamptz,
    ADD CHECK (type IN ('cash', 'checking', 'credit', 'savings', 'investment')),
    DROP CONSTRAINT wallets_user_id_name_key;
UPDATE wallets SET updated_at = created_at;
ALTER TABLE wallets ALTER COLUMN updated_at SET NOT NULL;
CREATE UNIQUE INDEX wallets_name ON wallets (user_id, name) WHERE archived_at IS NULL;

-- A category's slug stays as it is, for transactions, budgets and events name it.
ALTER TABLE categories
    ADD COLUMN updated_at timestamptz,
    ADD COLUMN archived_at timestamptz,
    ADD CHECK (kind IN ('income', 'expense'));
UPDATE categories SET updated_at = created_at;
ALTER TABLE categories ALTER COLUMN updated_at SET NOT NULL;

CREATE TABLE imports (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    wallet_id  uuid NOT NULL REFERENCES wallets,
    format     text NOT NULL,
    file_name  text NOT NULL DEFAULT '',
    imported   integer NOT NULL,
    duplicates integer NOT NULL,
    bad        integer NOT NULL,
    bad_lines  jsonb NOT NULL DEFAULT '[]', -- the first of them, with their reasons
    created_at timestamptz NOT NULL,
    undone_at  timestamptz
);
CREATE INDEX imports_of ON imports (user_id, created_at DESC, id DESC);

ALTER TABLE transactions
    -- A transfer's other end, and what arrives there when its currency differs.
    ADD COLUMN to_wallet_id uuid REFERENCES wallets,
    ADD COLUMN to_amount numeric(17, 4) CHECK (to_amount > 0),
    ADD COLUMN tags text[] NOT NULL DEFAULT '{}',
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN import_id uuid REFERENCES imports,
    -- By which a line of a bank's statement is known when it comes again.
    ADD COLUMN fingerprint text,
    ADD CHECK (type IN ('income', 'expense', 'transfer')),
    ADD CHECK (type = 'transfer' OR to_wallet_id IS NULL),
    ADD CHECK (to_wallet_id IS NOT NULL OR to_amount IS NULL);
CREATE INDEX transactions_imported ON transactions (wallet_id, fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX transactions_of_import ON transactions (import_id) WHERE import_id IS NOT NULL;

-- What one unit of base was worth in quote on a day, as the user says.
CREATE TABLE rates (
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    base       text NOT NULL,
    quote      text NOT NULL CHECK (quote <> base),
    day        date NOT NULL,
    rate       numeric(24, 12) NOT NULL CHECK (rate > 0),
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, base, quote, day)
);

-- Row level security, the second wall: a query that forgets to ask for its user
-- finds nothing of another's.
-- +goose StatementBegin
DO $$
DECLARE
    its text;
BEGIN
    FOREACH its IN ARRAY ARRAY['wallets', 'categories', 'transactions', 'imports', 'rates'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', its);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', its);
        EXECUTE format('CREATE POLICY own ON %I USING (user_id = nullif(current_setting(''app.user_id'', true), '''')::uuid)', its);
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP POLICY own ON wallets;
DROP POLICY own ON categories;
DROP POLICY own ON transactions;
ALTER TABLE wallets NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
ALTER TABLE categories NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
ALTER TABLE transactions NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
ALTER TABLE transactions
    DROP COLUMN to_wallet_id, DROP COLUMN to_amount, DROP COLUMN tags, DROP COLUMN deleted_at,
    DROP COLUMN import_id, DROP COLUMN fingerprint, DROP CONSTRAINT transactions_type_check;
DROP TABLE rates, imports;
ALTER TABLE categories DROP COLUMN updated_at, DROP COLUMN archived_at, DROP CONSTRAINT categories_kind_check;
DROP INDEX wallets_name;
ALTER TABLE wallets DROP COLUMN opening_balance, DROP COLUMN updated_at, DROP COLUMN archived_at, DROP CONSTRAINT wallets_type_check,
    ADD UNIQUE (user_id, name);
