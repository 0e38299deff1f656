-- +goose Up
-- By which a file is known when it comes again: its bytes with the account that was
-- chosen of it, and its movements, which stay the same when it is downloaded or saved
-- once more. Imports of before have neither.
ALTER TABLE imports
    ADD COLUMN file_digest text,
    ADD COLUMN movements_digest text;
CREATE INDEX imports_of_file ON imports (user_id, file_digest) WHERE undone_at IS NULL;
CREATE INDEX imports_of_movements ON imports (user_id, movements_digest) WHERE undone_at IS NULL;

-- +goose Down
ALTER TABLE imports DROP COLUMN file_digest, DROP COLUMN movements_digest;
