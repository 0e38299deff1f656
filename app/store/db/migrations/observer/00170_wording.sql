-- +goose Up
-- What the person's banks write before and behind the names of merchants, as the last
-- review learnt it (merchant.Wording).
ALTER TABLE reviews ADD COLUMN wording jsonb NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE reviews DROP COLUMN wording;
