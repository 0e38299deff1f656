-- +goose Up
-- What people read most are sums, which would take longer to work out the longer
-- their history is. They are kept by triggers, in the database transaction of every
-- change of a transaction, whichever statement makes it.

-- What was earned by and spent on a category on a day of the person's calendar.
-- type tells a refund from income: it is an expense of less than zero. Deleted
-- transactions are in no sum, nor are transfers, which neither earn nor spend.
CREATE TABLE daily_sums (
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    date         date NOT NULL,
    currency     text NOT NULL,
    type         text NOT NULL CHECK (type IN ('income', 'expense')),
    category     text NOT NULL,
    amount       numeric NOT NULL,
    transactions bigint NOT NULL,
    PRIMARY KEY (user_id, date, currency, type, category)
) WITH (fillfactor = 70); -- room for the next versions of a row on its page

-- What the transactions of a wallet moved: its balance less the opening balance.
CREATE TABLE wallet_balances (
    wallet_id uuid PRIMARY KEY REFERENCES wallets ON DELETE CASCADE,
    user_id   uuid NOT NULL,
    moved     numeric NOT NULL
) WITH (fillfactor = 50);

-- The sums from scratch: what the tables above must hold.
CREATE VIEW daily_sums_of_transactions WITH (security_invoker = true) AS
    SELECT user_id, date, currency, CASE WHEN refund THEN 'expense' ELSE type END AS type, category,
        sum(CASE WHEN refund THEN -amount ELSE amount END) AS amount, count(*) AS transactions
    FROM transactions WHERE deleted_at IS NULL AND type <> 'transfer'
    GROUP BY 1, 2, 3, 4, 5;
CREATE VIEW wallet_balances_of_transactions WITH (security_invoker = true) AS
    SELECT wallet_id, user_id, sum(amount) AS moved FROM (
        SELECT wallet_id, user_id, CASE WHEN type = 'income' THEN amount ELSE -amount END AS amount
        FROM transactions WHERE deleted_at IS NULL
        UNION ALL
        SELECT to_wallet_id, user_id, coalesce(to_amount, amount)
        FROM transactions WHERE deleted_at IS NULL AND to_wallet_id IS NOT NULL
    ) ends GROUP BY 1, 2;

-- +goose StatementBegin
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['daily_sums', 'wallet_balances'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON %I USING (user_id = nullif(current_setting(''app.user_id'', true), '''')::uuid)', name);
    END LOOP;
END $$;

-- Balances first, then sums, each in the order of their keys: two changes of one
-- person's at the same moment wait for one another and never in a circle.
CREATE FUNCTION transactions_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO wallet_balances AS b (wallet_id, user_id, moved)
    SELECT wallet_id, user_id, sum(amount) FROM (
        SELECT wallet_id, user_id, CASE WHEN type = 'income' THEN amount ELSE -amount END AS amount
        FROM new_rows WHERE deleted_at IS NULL
        UNION ALL
        SELECT to_wallet_id, user_id, coalesce(to_amount, amount)
        FROM new_rows WHERE deleted_at IS NULL AND to_wallet_id IS NOT NULL
    ) ends GROUP BY 1, 2 ORDER BY 1
    ON CONFLICT (wallet_id) DO UPDATE SET moved = b.moved + excluded.moved;

    INSERT INTO daily_sums AS s (user_id, date, currency, type, category, amount, transactions)
    SELECT user_id, date, currency, CASE WHEN refund THEN 'expense' ELSE type END, category,
        sum(CASE WHEN refund THEN -amount ELSE amount END), count(*)
    FROM new_rows WHERE deleted_at IS NULL AND type <> 'transfer'
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (user_id, date, currency, type, category)
        DO UPDATE SET amount = s.amount + excluded.amount, transactions = s.transactions + excluded.transactions;
    RETURN NULL;
END $$;

CREATE FUNCTION transactions_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO wallet_balances AS b (wallet_id, user_id, moved)
    SELECT wallet_id, user_id, sum(amount) FROM (
        SELECT wallet_id, user_id, CASE WHEN type = 'income' THEN amount ELSE -amount END AS amount
        FROM new_rows WHERE deleted_at IS NULL
        UNION ALL
        SELECT to_wallet_id, user_id, coalesce(to_amount, amount)
        FROM new_rows WHERE deleted_at IS NULL AND to_wallet_id IS NOT NULL
        UNION ALL
        SELECT wallet_id, user_id, CASE WHEN type = 'income' THEN -amount ELSE amount END
        FROM old_rows WHERE deleted_at IS NULL
        UNION ALL
        SELECT to_wallet_id, user_id, -coalesce(to_amount, amount)
        FROM old_rows WHERE deleted_at IS NULL AND to_wallet_id IS NOT NULL
    ) ends GROUP BY 1, 2 HAVING sum(amount) <> 0 ORDER BY 1
    ON CONFLICT (wallet_id) DO UPDATE SET moved = b.moved + excluded.moved;

    INSERT INTO daily_sums AS s (user_id, date, currency, type, category, amount, transactions)
    SELECT user_id, date, currency, type, category, sum(amount), sum(transactions) FROM (
        SELECT user_id, date, currency, CASE WHEN refund THEN 'expense' ELSE type END AS type, category,
            CASE WHEN refund THEN -amount ELSE amount END AS amount, 1 AS transactions
        FROM new_rows WHERE deleted_at IS NULL AND type <> 'transfer'
        UNION ALL
        SELECT user_id, date, currency, CASE WHEN refund THEN 'expense' ELSE type END, category,
            CASE WHEN refund THEN amount ELSE -amount END, -1
        FROM old_rows WHERE deleted_at IS NULL AND type <> 'transfer'
    ) changed GROUP BY 1, 2, 3, 4, 5 HAVING sum(amount) <> 0 OR sum(transactions) <> 0 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (user_id, date, currency, type, category)
        DO UPDATE SET amount = s.amount + excluded.amount, transactions = s.transactions + excluded.transactions;
    RETURN NULL;
END $$;

CREATE FUNCTION transactions_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
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

-- Where a person's kept sums differ from those from scratch: no row where all is
-- right. It acts for the person of app.user_id.
CREATE FUNCTION sums_that_differ() RETURNS TABLE (what text, kept text, computed text) LANGUAGE sql STABLE AS $$
    SELECT concat_ws(' ', 'wallet', coalesce(k.wallet_id, c.wallet_id)), k.moved::text, c.moved::text
    FROM wallet_balances k FULL JOIN wallet_balances_of_transactions c USING (wallet_id)
    WHERE coalesce(k.moved, 0) <> coalesce(c.moved, 0)
    UNION ALL
    SELECT concat_ws(' ', 'day', date, currency, type, category), concat_ws(' of ', k.amount, k.transactions), concat_ws(' of ', c.amount, c.transactions)
    FROM daily_sums k FULL JOIN daily_sums_of_transactions c USING (user_id, date, currency, type, category)
    WHERE coalesce(k.amount, 0) <> coalesce(c.amount, 0) OR coalesce(k.transactions, 0) <> coalesce(c.transactions, 0)
$$;

-- Computes a person's sums anew. It acts for the person of app.user_id, whose
-- changes of transactions wait meanwhile: they need the rows that it locks.
CREATE FUNCTION make_sums_anew() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM wallets FOR UPDATE;
    DELETE FROM wallet_balances;
    DELETE FROM daily_sums;
    INSERT INTO wallet_balances SELECT * FROM wallet_balances_of_transactions;
    INSERT INTO daily_sums SELECT * FROM daily_sums_of_transactions;
END $$;
-- +goose StatementEnd

-- Row level security would hide every row from the role that migrates.
ALTER TABLE transactions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE daily_sums NO FORCE ROW LEVEL SECURITY;
ALTER TABLE wallet_balances NO FORCE ROW LEVEL SECURITY;
LOCK TABLE transactions IN SHARE ROW EXCLUSIVE MODE; -- nothing is written between the sums and the triggers
INSERT INTO wallet_balances SELECT * FROM wallet_balances_of_transactions;
INSERT INTO daily_sums SELECT * FROM daily_sums_of_transactions;
ALTER TABLE transactions FORCE ROW LEVEL SECURITY;
ALTER TABLE daily_sums FORCE ROW LEVEL SECURITY;
ALTER TABLE wallet_balances FORCE ROW LEVEL SECURITY;

CREATE TRIGGER transactions_inserted AFTER INSERT ON transactions
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION transactions_inserted();
CREATE TRIGGER transactions_updated AFTER UPDATE ON transactions
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION transactions_updated();
CREATE TRIGGER transactions_deleted AFTER DELETE ON transactions
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION transactions_deleted();

-- +goose Down
DROP TRIGGER transactions_inserted ON transactions;
DROP TRIGGER transactions_updated ON transactions;
DROP TRIGGER transactions_deleted ON transactions;
DROP FUNCTION transactions_inserted, transactions_updated, transactions_deleted, sums_that_differ, make_sums_anew;
DROP VIEW daily_sums_of_transactions, wallet_balances_of_transactions;
DROP TABLE daily_sums, wallet_balances;
