-- +goose Up
-- An account that its owner has deleted is closed at once, and what is kept of it is
-- removed in many small transactions (package account): thousands of rows do not go
-- within the time that one statement may take.
ALTER TABLE users ADD COLUMN closed_at timestamptz;
CREATE INDEX users_closed ON users (closed_at) WHERE closed_at IS NOT NULL;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION transactions_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- With an account its sums go too.
    IF NOT EXISTS (SELECT FROM users WHERE id IN (SELECT user_id FROM old_rows) AND closed_at IS NULL) THEN
        RETURN NULL;
    END IF;
    UPDATE wallet_balances b SET moved = b.moved - gone.moved FROM (
        SELECT wallet_id, sum(amount) AS moved FROM (
            SELECT wallet_id, CASE WHEN type = 'income' THEN amount ELSE -amount END AS amount
            FROM old_rows WHERE deleted_at IS NULL
            UNION ALL
            SELECT to_wallet_id, coalesce(to_amount, amount)
            FROM old_rows WHERE deleted_at IS NULL AND to_wallet_id IS NOT NULL
        ) ends GROUP BY 1
    ) gone WHERE b.wallet_id = gone.wallet_id;

    UPDATE daily_sums s SET amount = s.amount - gone.amount, transactions = s.transactions - gone.transactions FROM (
        SELECT user_id, date, currency, CASE WHEN refund THEN 'expense' ELSE type END AS type, category,
            sum(CASE WHEN refund THEN -amount ELSE amount END) AS amount, count(*) AS transactions
        FROM old_rows WHERE deleted_at IS NULL AND type <> 'transfer'
        GROUP BY 1, 2, 3, 4, 5
    ) gone WHERE s.user_id = gone.user_id AND s.date = gone.date AND s.currency = gone.currency AND s.type = gone.type AND s.category = gone.category;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION transactions_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- With an account its sums go too.
    IF NOT EXISTS (SELECT FROM users WHERE id IN (SELECT user_id FROM old_rows)) THEN
        RETURN NULL;
    END IF;
    UPDATE wallet_balances b SET moved = b.moved - gone.moved FROM (
        SELECT wallet_id, sum(amount) AS moved FROM (
            SELECT wallet_id, CASE WHEN type = 'income' THEN amount ELSE -amount END AS amount
            FROM old_rows WHERE deleted_at IS NULL
            UNION ALL
            SELECT to_wallet_id, coalesce(to_amount, amount)
            FROM old_rows WHERE deleted_at IS NULL AND to_wallet_id IS NOT NULL
        ) ends GROUP BY 1
    ) gone WHERE b.wallet_id = gone.wallet_id;

    UPDATE daily_sums s SET amount = s.amount - gone.amount, transactions = s.transactions - gone.transactions FROM (
        SELECT user_id, date, currency, CASE WHEN refund THEN 'expense' ELSE type END AS type, category,
            sum(CASE WHEN refund THEN -amount ELSE amount END) AS amount, count(*) AS transactions
        FROM old_rows WHERE deleted_at IS NULL AND type <> 'transfer'
        GROUP BY 1, 2, 3, 4, 5
    ) gone WHERE s.user_id = gone.user_id AND s.date = gone.date AND s.currency = gone.currency AND s.type = gone.type AND s.category = gone.category;
    RETURN NULL;
END $$;
-- +goose StatementEnd
DELETE FROM users WHERE closed_at IS NOT NULL; -- all that is left goes with them
DROP INDEX users_closed;
ALTER TABLE users DROP COLUMN closed_at;
