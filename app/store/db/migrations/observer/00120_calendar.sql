-- +goose Up
-- date is the day of the person's calendar on which a transaction counts, and month
-- its month. What was heard of before events carried it counts on its day in UTC.
-- refund: money that came back of what was spent; it lowers what was spent.
ALTER TABLE seen_transactions
    ADD COLUMN date date,
    ADD COLUMN refund boolean NOT NULL DEFAULT false;
UPDATE seen_transactions SET date = (occurred_at AT TIME ZONE 'UTC')::date;
ALTER TABLE seen_transactions ALTER COLUMN date SET NOT NULL;
-- While a release is rolled out, replicas of the one before write rows without it.
-- +goose StatementBegin
CREATE FUNCTION seen_transactions_fill_date() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.date := (NEW.occurred_at AT TIME ZONE 'UTC')::date;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER seen_transactions_fill_date BEFORE INSERT ON seen_transactions
    FOR EACH ROW WHEN (NEW.date IS NULL) EXECUTE FUNCTION seen_transactions_fill_date();

-- The person's time zone: what "today" and "this month" mean to them.
ALTER TABLE preferences ADD COLUMN timezone text NOT NULL DEFAULT 'UTC';

-- What is spent of budgets: refunds are taken off.
DROP VIEW spending;
DROP INDEX seen_transactions_month;
CREATE INDEX seen_transactions_month ON seen_transactions (user_id, category, currency, month) WHERE type = 'expense' OR refund;
CREATE VIEW spending AS
    SELECT user_id, category, currency, month, sum(CASE WHEN refund THEN -amount ELSE amount END) AS amount
    FROM seen_transactions
    WHERE (type = 'expense' OR refund) AND NOT deleted
    GROUP BY user_id, category, currency, month;

-- +goose Down
DROP VIEW spending;
DROP INDEX seen_transactions_month;
ALTER TABLE preferences DROP COLUMN timezone;
DROP TRIGGER seen_transactions_fill_date ON seen_transactions;
DROP FUNCTION seen_transactions_fill_date;
ALTER TABLE seen_transactions DROP COLUMN date, DROP COLUMN refund;
CREATE INDEX seen_transactions_month ON seen_transactions (user_id, category, currency, month) WHERE type = 'expense';
CREATE VIEW spending AS
    SELECT user_id, category, currency, month, sum(amount) AS amount
    FROM seen_transactions
    WHERE type = 'expense' AND NOT deleted
    GROUP BY user_id, category, currency, month;
