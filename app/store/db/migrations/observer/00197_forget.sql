-- +goose Up
-- With these and the indexes of those that are not deleted, all of a user's rows are
-- found by an index when the account goes. They hold few rows.
CREATE INDEX seen_transactions_deleted ON seen_transactions (user_id) WHERE deleted;
CREATE INDEX budgets_deleted ON budgets (user_id) WHERE deleted;

-- +goose Down
DROP INDEX seen_transactions_deleted, budgets_deleted;
