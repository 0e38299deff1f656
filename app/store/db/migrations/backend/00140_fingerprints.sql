-- +goose Up
-- A line stays known when its transaction is moved to another wallet.
CREATE INDEX transactions_fingerprint ON transactions (user_id, fingerprint) WHERE fingerprint IS NOT NULL;
DROP INDEX transactions_imported;

-- +goose Down
CREATE INDEX transactions_imported ON transactions (wallet_id, fingerprint) WHERE fingerprint IS NOT NULL;
DROP INDEX transactions_fingerprint;
