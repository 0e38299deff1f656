-- +goose Up
-- The version that the database of the publisher gave to what an event tells; 0:
-- the event is from before versions, and its time orders it.
ALTER TABLE budgets ADD COLUMN version bigint NOT NULL DEFAULT 0;
ALTER TABLE wallets ADD COLUMN version bigint NOT NULL DEFAULT 0;
ALTER TABLE goals ADD COLUMN version bigint NOT NULL DEFAULT 0;
ALTER TABLE preferences ADD COLUMN version bigint NOT NULL DEFAULT 0;
ALTER TABLE transaction_changes ADD COLUMN version bigint NOT NULL DEFAULT 0;

-- What users call their categories, as far as it is not what the slug says.
CREATE TABLE categories (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    slug       text NOT NULL,
    name       text NOT NULL,
    version    bigint NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX categories_of ON categories (user_id, slug);

-- +goose Down
DROP TABLE categories;
ALTER TABLE transaction_changes DROP COLUMN version;
ALTER TABLE preferences DROP COLUMN version;
ALTER TABLE goals DROP COLUMN version;
ALTER TABLE wallets DROP COLUMN version;
ALTER TABLE budgets DROP COLUMN version;
