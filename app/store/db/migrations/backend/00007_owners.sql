-- +goose Up
-- What refers to a wallet refers to one of its own user's, which PostgreSQL
-- makes sure of. With the user's id, the rows that refer to a wallet are found by
-- an index: without it, to delete an account was to read all transactions there
-- are, once for each of its wallets.
ALTER TABLE wallets ADD UNIQUE (user_id, id);
ALTER TABLE imports
    DROP CONSTRAINT imports_wallet_id_fkey,
    ADD CONSTRAINT imports_wallet_id_fkey FOREIGN KEY (user_id, wallet_id) REFERENCES wallets (user_id, id);
ALTER TABLE transactions
    DROP CONSTRAINT transactions_wallet_id_fkey,
    DROP CONSTRAINT transactions_to_wallet_id_fkey,
    ADD CONSTRAINT transactions_wallet_id_fkey FOREIGN KEY (user_id, wallet_id) REFERENCES wallets (user_id, id),
    ADD CONSTRAINT transactions_to_wallet_id_fkey FOREIGN KEY (user_id, to_wallet_id) REFERENCES wallets (user_id, id);
CREATE INDEX goal_contributions_of_user ON goal_contributions (user_id);

-- +goose Down
DROP INDEX goal_contributions_of_user;
ALTER TABLE transactions
    DROP CONSTRAINT transactions_wallet_id_fkey,
    DROP CONSTRAINT transactions_to_wallet_id_fkey,
    ADD CONSTRAINT transactions_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets,
    ADD CONSTRAINT transactions_to_wallet_id_fkey FOREIGN KEY (to_wallet_id) REFERENCES wallets;
ALTER TABLE imports
    DROP CONSTRAINT imports_wallet_id_fkey,
    ADD CONSTRAINT imports_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets;
ALTER TABLE wallets DROP CONSTRAINT wallets_user_id_id_key;
