-- +goose Up
-- What the user answered about the files of a wallet, by format and header: the next file
-- of the kind is not asked about again. They go with the import that they come from.
CREATE TABLE import_presets (
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    wallet_id  uuid NOT NULL,
    format     text NOT NULL,
    header     text NOT NULL, -- a digest; the names of a CSV's columns
    answers    jsonb NOT NULL, -- statement.Answers: by question what was proposed and what was said
    accounts   jsonb NOT NULL, -- names of other accounts and the wallets that they are
    import_id  uuid NOT NULL REFERENCES imports ON DELETE CASCADE,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (wallet_id, format, header),
    FOREIGN KEY (user_id, wallet_id) REFERENCES wallets (user_id, id) ON DELETE CASCADE
);
CREATE INDEX import_presets_of_user ON import_presets (user_id);
CREATE INDEX import_presets_import ON import_presets (import_id);
ALTER TABLE import_presets ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_presets FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON import_presets USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid);

-- +goose Down
DROP TABLE import_presets;
