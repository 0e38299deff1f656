-- +goose Up
ALTER TABLE budgets
    -- The percentage of the limit at which its user is warned.
    ADD COLUMN threshold integer NOT NULL DEFAULT 80 CHECK (threshold BETWEEN 1 AND 100),
    -- What was left of the month before is added to the limit.
    ADD COLUMN rollover boolean NOT NULL DEFAULT false;

CREATE TABLE goals (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name       text NOT NULL,
    target     numeric(17, 4) NOT NULL CHECK (target > 0),
    -- The sum of its contributions, kept with them under the goal's lock.
    saved      numeric(17, 4) NOT NULL DEFAULT 0 CHECK (saved >= 0),
    currency   text NOT NULL,
    deadline   date,
    status     text NOT NULL CHECK (status IN ('active', 'reached', 'abandoned')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX goals_of ON goals (user_id, created_at, id);

CREATE TABLE goal_contributions (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    goal_id    uuid NOT NULL REFERENCES goals ON DELETE CASCADE,
    amount     numeric(17, 4) NOT NULL CHECK (amount <> 0), -- less than zero: taken out again
    note       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL
);
CREATE INDEX goal_contributions_of ON goal_contributions (goal_id, created_at DESC, id DESC);

CREATE TABLE tasks (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    title       text NOT NULL,
    notes       text NOT NULL DEFAULT '',
    due         date,
    remind_at   timestamptz,
    reminded_at timestamptz, -- when its reminder went out
    done_at     timestamptz, -- null: it is to be done
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
CREATE INDEX tasks_of ON tasks (user_id, created_at DESC, id DESC);

-- Reminders that are still to go out. The scheduler looks for those of all
-- users, so the table is not under row level security and holds ids and times
-- only; what it says is read from the task, as its user.
CREATE TABLE reminders (
    task_id uuid PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    at      timestamptz NOT NULL
);
CREATE INDEX reminders_due ON reminders (at);

ALTER TABLE insights
    ADD COLUMN facts jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN dismiss text NOT NULL DEFAULT '', -- what would end it
    ADD COLUMN read_at timestamptz,
    ADD COLUMN dismissed_at timestamptz,
    ADD COLUMN feedback text NOT NULL DEFAULT '' CHECK (feedback IN ('', 'none', 'useful', 'not_useful', 'wrong'));
CREATE INDEX insights_of_event ON insights (event_id);

ALTER TABLE alerts
    ADD COLUMN title text NOT NULL DEFAULT '',
    ADD COLUMN message text NOT NULL DEFAULT '',
    ADD COLUMN read_at timestamptz;
CREATE INDEX alerts_unread ON alerts (user_id) WHERE read_at IS NULL;

-- What POST /demo made, so that DELETE /demo finds it again.
CREATE TABLE demos (
    user_id    uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    id         uuid NOT NULL,    -- of this filling, from which the keys of its requests are made
    complete   boolean NOT NULL DEFAULT false,
    wallets    uuid[] NOT NULL DEFAULT '{}',
    budgets    uuid[] NOT NULL DEFAULT '{}',
    goals      uuid[] NOT NULL DEFAULT '{}',
    tasks      uuid[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL
);

-- Row level security, the second wall: a query that forgets to ask for its user
-- finds nothing of another's.
-- +goose StatementBegin
DO $$
DECLARE
    its text;
BEGIN
    FOREACH its IN ARRAY ARRAY['budgets', 'goals', 'goal_contributions', 'tasks', 'insights', 'alerts', 'demos'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', its);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', its);
        EXECUTE format('CREATE POLICY own ON %I USING (user_id = nullif(current_setting(''app.user_id'', true), '''')::uuid)', its);
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE demos, reminders, tasks, goal_contributions, goals;
DROP POLICY own ON budgets;
DROP POLICY own ON insights;
DROP POLICY own ON alerts;
ALTER TABLE budgets NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY, DROP COLUMN threshold, DROP COLUMN rollover;
ALTER TABLE insights NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY,
    DROP COLUMN facts, DROP COLUMN dismiss, DROP COLUMN read_at, DROP COLUMN dismissed_at, DROP COLUMN feedback;
DROP INDEX insights_of_event;
ALTER TABLE alerts NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY,
    DROP COLUMN title, DROP COLUMN message, DROP COLUMN read_at;
