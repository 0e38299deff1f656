-- +goose Up
-- The version of a row, counted up by every change under the row's lock. Events
-- carry it, so that their consumers order them whatever replicas' clocks say.
ALTER TABLE transactions ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE budgets ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE wallets ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE goals ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE categories ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE preferences ADD COLUMN version bigint NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE preferences DROP COLUMN version;
ALTER TABLE categories DROP COLUMN version;
ALTER TABLE goals DROP COLUMN version;
ALTER TABLE wallets DROP COLUMN version;
ALTER TABLE budgets DROP COLUMN version;
ALTER TABLE transactions DROP COLUMN version;
