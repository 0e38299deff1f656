-- +goose Up
-- An expense is compared with the latest of its category: what is read for that does
-- not grow with the history.
CREATE INDEX seen_transactions_category ON seen_transactions (user_id, category, currency, occurred_at DESC) WHERE type = 'expense' AND NOT deleted;

-- +goose Down
DROP INDEX seen_transactions_category;
