-- +goose Up
-- Lines that the user left out of an import, for they were there already, and as
-- which transaction: the next download of them is not asked about again.
CREATE TABLE import_skips (
    user_id        uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    wallet_id      uuid NOT NULL REFERENCES wallets ON DELETE CASCADE,
    fingerprint    text NOT NULL,
    transaction_id uuid NOT NULL REFERENCES transactions ON DELETE CASCADE,
    import_id      uuid NOT NULL REFERENCES imports ON DELETE CASCADE,
    PRIMARY KEY (wallet_id, fingerprint)
);
CREATE INDEX import_skips_of_user ON import_skips (user_id);
CREATE INDEX import_skips_transaction ON import_skips (transaction_id);
CREATE INDEX import_skips_import ON import_skips (import_id);

ALTER TABLE import_skips ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_skips FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON import_skips USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid);

-- +goose Down
DROP TABLE import_skips;
