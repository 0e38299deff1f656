-- +goose Up
-- date is the day on which a transaction counts, of the person's calendar: the day
-- of occurred_at in the time zone that they had when it was written. A change of
-- their zone moves no past transaction, so it is kept and not worked out.
-- refund: money that came back of what was spent: it lowers what was spent on its
-- category, and is no income.
ALTER TABLE transactions
    ADD COLUMN date date,
    ADD COLUMN refund boolean NOT NULL DEFAULT false,
    ADD CHECK (type = 'income' OR NOT refund);

-- Row level security would hide every row from the role that migrates.
ALTER TABLE transactions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE preferences NO FORCE ROW LEVEL SECURITY;
ALTER TABLE categories NO FORCE ROW LEVEL SECURITY;
UPDATE transactions t SET
    -- What an import brought was booked on the day that the statement names.
    date = (t.occurred_at AT TIME ZONE CASE WHEN t.import_id IS NULL THEN coalesce(z.name, 'UTC') ELSE 'UTC' END)::date,
    refund = t.type = 'income' AND EXISTS (
        SELECT FROM categories c WHERE c.user_id = t.user_id AND c.slug = t.category AND c.kind = 'expense')
FROM users u
    LEFT JOIN preferences p ON p.user_id = u.id
    LEFT JOIN pg_timezone_names z ON z.name = p.timezone -- one that PostgreSQL does not know counts as UTC
WHERE u.id = t.user_id;
ALTER TABLE transactions FORCE ROW LEVEL SECURITY;
ALTER TABLE preferences FORCE ROW LEVEL SECURITY;
ALTER TABLE categories FORCE ROW LEVEL SECURITY;

ALTER TABLE transactions ALTER COLUMN date SET NOT NULL;
CREATE INDEX transactions_date ON transactions (user_id, date);

-- While a release is rolled out, replicas of the one before write rows without it.
-- +goose StatementBegin
CREATE FUNCTION transactions_fill_date() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.date := (NEW.occurred_at AT TIME ZONE coalesce((SELECT timezone FROM preferences WHERE user_id = NEW.user_id), 'UTC'))::date;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER transactions_fill_date BEFORE INSERT ON transactions
    FOR EACH ROW WHEN (NEW.date IS NULL) EXECUTE FUNCTION transactions_fill_date();

-- +goose Down
DROP INDEX transactions_date;
DROP TRIGGER transactions_fill_date ON transactions;
DROP FUNCTION transactions_fill_date;
ALTER TABLE transactions DROP COLUMN date, DROP COLUMN refund;
