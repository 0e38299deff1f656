-- +goose Up
-- What the user said of two movements that may be the sides of one transfer. Accepted:
-- out_id has become the transfer, in_id is deleted, and category is what out_id was
-- filed under before. Otherwise the two are not proposed again.
CREATE TABLE transfer_matches (
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    out_id     uuid NOT NULL REFERENCES transactions ON DELETE CASCADE,
    in_id      uuid NOT NULL REFERENCES transactions ON DELETE CASCADE,
    accepted   boolean NOT NULL,
    category   text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (out_id, in_id)
);
CREATE INDEX transfer_matches_of_user ON transfer_matches (user_id);
CREATE INDEX transfer_matches_in ON transfer_matches (in_id);
CREATE UNIQUE INDEX transfer_matches_one_out ON transfer_matches (out_id) WHERE accepted;
CREATE UNIQUE INDEX transfer_matches_one_in ON transfer_matches (in_id) WHERE accepted;
ALTER TABLE transfer_matches ENABLE ROW LEVEL SECURITY;
ALTER TABLE transfer_matches FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON transfer_matches USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid);

-- +goose Down
DROP TABLE transfer_matches;
