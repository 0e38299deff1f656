-- +goose Up
-- A row is deleted when its event was published, so that the table holds what waits
-- and nothing else. Ids of events are unique by how they are made; an index to prove
-- it cost every transaction a write. The payload is kept as it was written.
DELETE FROM outbox WHERE published_at IS NOT NULL;
DROP INDEX outbox_waiting, outbox_published;
ALTER TABLE outbox
    DROP COLUMN published_at,
    DROP CONSTRAINT outbox_event_id_key,
    ALTER COLUMN payload TYPE json USING payload::json;
-- The relay goes from key to key of a topic, and takes the oldest rows of each.
CREATE INDEX outbox_lanes ON outbox (topic, key, id);
-- Rows come and go: what they leave is cleared by their number, not by the share of
-- a table that is empty most of the time.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000, autovacuum_vacuum_cost_delay = 0);

-- +goose Down
ALTER TABLE outbox RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
    autovacuum_analyze_scale_factor, autovacuum_analyze_threshold, autovacuum_vacuum_cost_delay);
DROP INDEX outbox_lanes;
ALTER TABLE outbox
    ADD COLUMN published_at timestamptz,
    ADD UNIQUE (event_id),
    ALTER COLUMN payload TYPE jsonb USING payload::jsonb;
CREATE INDEX outbox_waiting ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
