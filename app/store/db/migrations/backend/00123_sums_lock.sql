-- +goose Up
-- A person's changes of transactions are made one after the other, each until it is
-- committed. They meet at the same sums, and two that wrote several in opposite orders
-- (imports of files that are sorted the other way round, a transfer and an import into
-- its other end) would wait for one another until PostgreSQL ended one of them.
-- Before a statement: no row is locked by it yet.
-- +goose StatementBegin
CREATE FUNCTION lock_sums() RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('sums:' || nullif(current_setting('app.user_id', true), ''), 0))
$$;
CREATE FUNCTION transactions_lock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_sums();
    RETURN NULL;
END $$;

-- Computes a person's sums from scratch. It acts for the person of app.user_id. Changes
-- of transactions that are under way are waited for, later ones wait, so that nothing is
-- counted twice or not at all.
CREATE OR REPLACE FUNCTION make_sums_anew() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_sums();
    DELETE FROM wallet_balances;
    DELETE FROM daily_sums;
    INSERT INTO wallet_balances SELECT * FROM wallet_balances_of_transactions;
    INSERT INTO daily_sums SELECT * FROM daily_sums_of_transactions;
END $$;
-- +goose StatementEnd
CREATE TRIGGER transactions_lock BEFORE INSERT OR UPDATE OR DELETE ON transactions
    FOR EACH STATEMENT EXECUTE FUNCTION transactions_lock();

-- +goose Down
DROP TRIGGER transactions_lock ON transactions;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION make_sums_anew() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE wallet_balances IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM wallet_balances;
    DELETE FROM daily_sums;
    INSERT INTO wallet_balances SELECT * FROM wallet_balances_of_transactions;
    INSERT INTO daily_sums SELECT * FROM daily_sums_of_transactions;
END $$;
-- +goose StatementEnd
DROP FUNCTION transactions_lock, lock_sums;
