-- +goose Up
-- +goose StatementBegin
-- Computes a person's sums from scratch. It acts for the person of app.user_id. Every
-- change of a transaction writes to wallet_balances first: changes that are under way
-- are waited for, later ones wait, so that nothing is counted twice or not at all.
CREATE OR REPLACE FUNCTION make_sums_anew() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE wallet_balances IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM wallet_balances;
    DELETE FROM daily_sums;
    INSERT INTO wallet_balances SELECT * FROM wallet_balances_of_transactions;
    INSERT INTO daily_sums SELECT * FROM daily_sums_of_transactions;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION make_sums_anew() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM wallets FOR UPDATE;
    DELETE FROM wallet_balances;
    DELETE FROM daily_sums;
    INSERT INTO wallet_balances SELECT * FROM wallet_balances_of_transactions;
    INSERT INTO daily_sums SELECT * FROM daily_sums_of_transactions;
END $$;
-- +goose StatementEnd
