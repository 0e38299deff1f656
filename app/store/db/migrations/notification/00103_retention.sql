-- +goose Up
CREATE INDEX alerts_age ON alerts (created_at);

-- +goose Down
DROP INDEX alerts_age;
