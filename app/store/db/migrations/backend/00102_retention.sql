-- +goose Up
-- A row comes for each request with a key, and goes a day later (see 00101).
ALTER TABLE idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000,
    autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_limit = 2000);

-- What people are told is kept for a time (store/retention), and removed for all of
-- them together: row level security shows it to whoever names that work.
CREATE INDEX insights_age ON insights (created_at);
CREATE INDEX alerts_age ON alerts (delivered_at);
CREATE POLICY retention ON insights USING (current_setting('app.across_users', true) = 'retention');
CREATE POLICY retention ON alerts USING (current_setting('app.across_users', true) = 'retention');

-- +goose Down
DROP POLICY retention ON insights;
DROP POLICY retention ON alerts;
DROP INDEX insights_age, alerts_age;
ALTER TABLE idempotency_keys RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
    autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor, autovacuum_vacuum_cost_limit);
