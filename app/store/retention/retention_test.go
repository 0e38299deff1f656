//go:build integration || bench

package retention

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var services = []string{event.Backend, event.Analytics, event.Banking, event.Investment, event.Notification}

// counted notes what a pruner removes.
type counted struct {
	mu      sync.Mutex
	removed map[string]int
	batches int
	overdue map[string]time.Duration
}

func newCounted() *counted {
	return &counted{removed: map[string]int{}, overdue: map[string]time.Duration{}}
}

func (c *counted) Removed(table string, rows int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removed[table] += rows
	c.batches++
}

func (c *counted) Overdue(table string, since time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.overdue[table] = since
}

func pruner(pool *pgxpool.Pool, service string, observer Observer) *Pruner {
	return &Pruner{Pool: pool, Service: service, Observer: observer, Log: slog.New(slog.DiscardHandler)}
}

func texts(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), sql, args...)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return found
}

func count(t *testing.T, pool *pgxpool.Pool, table string) (n int) {
	t.Helper()
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}

// fill writes rows into the two tables that a transaction writes into and nobody
// empties, as old as age.
func fill(t testing.TB, pool *pgxpool.Pool, rows int, age time.Duration) {
	t.Helper()
	for _, sql := range []string{
		`INSERT INTO users (id, email) VALUES ('00000000-0000-0000-0000-000000000001', 'a@example.com') ON CONFLICT DO NOTHING`,
		`INSERT INTO inbox (event_id, received_at) SELECT gen_random_uuid(), now() - $2::interval + n * interval '3.3 ms' FROM generate_series(1, $1::int) n`,
		`INSERT INTO idempotency_keys (user_id, key, request, answer, created_at)
			SELECT '00000000-0000-0000-0000-000000000001', gen_random_uuid(), sha256(n::text::bytea), repeat('x', 300)::bytea, now() - $2::interval + n * interval '3.3 ms'
			FROM generate_series(1, $1::int) n`,
	} {
		args := []any{rows, age}
		if !strings.Contains(sql, "$") {
			args = nil
		}
		tx, err := pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), "SET LOCAL statement_timeout = 0; SET LOCAL app.user_id = '00000000-0000-0000-0000-000000000001'")
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), sql, args...)
		require.NoError(t, err)
		require.NoError(t, tx.Commit(t.Context()))
	}
}

// plan explains the query of a batch as the pruner runs it.
func plan(t *testing.T, p *Pruner, rule Rule) string {
	t.Helper()
	var lines []string
	require.NoError(t, p.inTx(t.Context(), func(tx pgx.Tx) error {
		rows, err := tx.Query(t.Context(), "EXPLAIN (ANALYZE, BUFFERS) "+batchQuery(rule), time.Time{}, rule.Keep, batchRows)
		if err != nil {
			return err
		}
		lines, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	}))
	return strings.Join(lines, "\n")
}

// writers write rows at a rate into the tables that the pruner works on, until stop,
// which returns how many they wrote and the longest that a write took.
func writers(t *testing.T, pool *pgxpool.Pool, perSecond int) (stop func() (written int, longest time.Duration)) {
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var written int
	var longest time.Duration
	began := time.Now()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				due := began.Add(time.Duration(written) * time.Second / time.Duration(perSecond))
				written++
				mu.Unlock()
				time.Sleep(time.Until(due))
				start := time.Now()
				batch := &pgx.Batch{}
				batch.Queue("SELECT set_config('app.user_id', '00000000-0000-0000-0000-000000000001', true)")
				batch.Queue("INSERT INTO inbox (event_id) VALUES (gen_random_uuid())")
				batch.Queue(`INSERT INTO idempotency_keys (user_id, key, request, answer)
					VALUES ('00000000-0000-0000-0000-000000000001', gen_random_uuid(), 'x', 'y')`)
				if err := pool.SendBatch(context.WithoutCancel(ctx), batch).Close(); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				longest = max(longest, time.Since(start))
				mu.Unlock()
			}
		})
	}
	return func() (int, time.Duration) {
		cancel()
		all.Wait()
		return written, longest
	}
}

// keepsPace has rows that are too old removed while as many are written as people
// write, and returns how many a second were.
func keepsPace(t *testing.T, rows int) {
	pool := pgtest.AsService(t, event.Backend)
	// Half of what there is stays, so that not all of the table is removed.
	fill(t, pool, rows, 10*day)
	fill(t, pool, rows/2, 2*time.Hour)
	seen := newCounted()
	p := pruner(pool, event.Backend, seen)
	for _, rule := range aged(event.Backend) {
		explained := plan(t, p, rule)
		require.NotContains(t, explained, "Seq Scan", rule.Table)
		require.NotContains(t, explained, "Sort", rule.Table)
		if rule.Table == "inbox" {
			t.Log("\n" + explained)
		}
	}
	scans := func() string {
		return strings.Join(texts(t, pool, "SELECT relname || ' ' || seq_scan FROM pg_stat_user_tables WHERE relname IN ('inbox', 'idempotency_keys') ORDER BY 1"), ", ")
	}
	before := scans()
	const perSecond = 300
	stop := writers(t, pool, perSecond)
	began := time.Now()
	require.NoError(t, p.Prune(t.Context()))
	took := time.Since(began)
	written, longest := stop()
	require.Equal(t, before, scans(), "sequential scans")
	removed := seen.removed["inbox"] + seen.removed["idempotency_keys"]
	require.Equal(t, 2*rows, removed+2*batchRows, "the explained batches removed theirs")
	rate := float64(removed) / took.Seconds()
	t.Logf("removed %d rows in %s, %.0f a second in %d batches, while %d times two rows were written in %.1f s, the longest write took %s",
		removed, took.Round(time.Millisecond), rate, seen.batches, written, took.Seconds(), longest.Round(time.Millisecond))
	require.Greater(t, rate, 2.0*3*perSecond, "each transaction writes a row into both")
	require.Less(t, longest, 2*time.Second, "no write waits for the removal")
	require.Zero(t, seen.overdue["inbox"])
	require.Equal(t, rows/2+written, count(t, pool, "inbox"))
}

func TestEveryTableHasARule(t *testing.T) {
	for _, service := range services {
		t.Run(service, func(t *testing.T) {
			pool := pgtest.Pool(t, service)
			tables := texts(t, pool, `SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace`)
			var ruled []string
			for _, rule := range Rules(service) {
				ruled = append(ruled, rule.Table)
				require.Equal(t, rule.Bound == "", rule.Column != "" && rule.Keep > 0, "%s: rows are removed for their age, or something else bounds them", rule.Table)
			}
			require.ElementsMatch(t, tables, ruled, "a table grows by use: say in rules.go what bounds it")
			for _, rule := range aged(service) {
				require.NotEmpty(t, texts(t, pool, `SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
					WHERE i.indrelid = $1::text::regclass AND a.attname = $2 AND i.indpred IS NULL`, rule.Table, rule.Column), "no index of %s begins with %s", rule.Table, rule.Column)
			}
		})
	}
}

func TestIdsAreRememberedAsLongAsTopicsKeepEvents(t *testing.T) {
	for _, topic := range event.Catalogue() {
		require.GreaterOrEqual(t, Inbox, topic.Retention, topic.Name)
	}
	require.Greater(t, Deliveries, event.DeadLetterRetention+Inbox)
}

// Of every table, what is old goes and what is not stays, with the rights of the
// service's role, whosever the rows are.
func TestOldRowsAreRemoved(t *testing.T) {
	for service, inserts := range map[string]map[string]string{
		event.Backend: {
			"inbox": "INSERT INTO inbox (event_id, received_at) VALUES (gen_random_uuid(), $1)",
			"idempotency_keys": `INSERT INTO idempotency_keys (user_id, key, request, created_at)
				VALUES ('00000000-0000-0000-0000-000000000001', gen_random_uuid(), 'x', $1)`,
			"insights": `INSERT INTO insights (id, user_id, type, title, message, confidence, event_id, correlation_id, created_at)
				VALUES (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 't', 't', 'm', 1, gen_random_uuid(), gen_random_uuid(), $1)`,
			"alerts": `INSERT INTO alerts (id, user_id, channel, source_event, source_event_id, status, delivered_at, correlation_id)
				VALUES (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 'in_app', 's', gen_random_uuid(), 'delivered', $1, gen_random_uuid())`,
			"sessions": `INSERT INTO sessions (id, user_id, authenticated_at, created_at, expires_at)
				VALUES (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', $1, $1, $1)`,
			"oauth_clients": "INSERT INTO oauth_clients (id, name, redirect_uris, created_at, expires_at) VALUES (gen_random_uuid(), 'n', '{}', $1, $1)",
			// Of a session and a program that stay.
			"oauth_codes": `INSERT INTO oauth_codes (hash, user_id, session_id, client_id, redirect_uri, challenge, scope, expires_at)
				SELECT sha256(gen_random_uuid()::text::bytea), '00000000-0000-0000-0000-000000000001', s.id, c.id, 'r', 'c', 'read', $1
				FROM (SELECT id FROM sessions ORDER BY expires_at DESC LIMIT 1) s, (SELECT id FROM oauth_clients ORDER BY expires_at DESC LIMIT 1) c`,
			"one_time_tokens": `INSERT INTO one_time_tokens (hash, user_id, purpose, expires_at)
				VALUES (sha256(gen_random_uuid()::text::bytea), '00000000-0000-0000-0000-000000000001', 'reset_password', $1)`,
			"throttles":      "INSERT INTO throttles (key, count, ends_at) VALUES (sha256(gen_random_uuid()::text::bytea), 1, $1)",
			"ended_sessions": "INSERT INTO ended_sessions (id, ended_at) VALUES (gen_random_uuid(), $1)",
		},
		event.Notification: {
			"inbox": "INSERT INTO inbox (event_id, received_at) VALUES (gen_random_uuid(), $1)",
			"alerts": `INSERT INTO alerts (id, user_id, channel, title, message, source_event, source_event_id, status, created_at)
				VALUES (gen_random_uuid(), gen_random_uuid(), 'email', 't', 'm', 's', gen_random_uuid(), 'failed', $1)`,
		},
		event.Analytics: {"inbox": "INSERT INTO inbox (event_id, received_at) VALUES (gen_random_uuid(), $1)"},
	} {
		t.Run(service, func(t *testing.T) {
			pool := pgtest.AsService(t, service)
			if service == event.Backend {
				fill(t, pool, 0, 0)
			}
			// As they are listed: what refers to other rows comes after those.
			for _, rule := range Rules(service) {
				if rule.Column == "" {
					continue
				}
				insert, known := inserts[rule.Table]
				require.True(t, known, "%s: have the test write a row into it, above", rule.Table)
				tx, err := pool.Begin(t.Context())
				require.NoError(t, err)
				defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // it has ended, or the test has failed
				_, err = tx.Exec(t.Context(), "SET LOCAL app.user_id = '00000000-0000-0000-0000-000000000001'")
				require.NoError(t, err)
				for _, age := range []time.Duration{rule.Keep + time.Minute, rule.Keep + 1000*day, rule.Keep - time.Minute, 0} {
					made, err := tx.Exec(t.Context(), insert, time.Now().Add(-age))
					require.NoError(t, err, rule.Table)
					require.Equal(t, int64(1), made.RowsAffected(), rule.Table)
				}
				require.NoError(t, tx.Commit(t.Context()))
			}
			seen := newCounted()
			p := pruner(pool, service, seen)
			require.NoError(t, p.Prune(t.Context()))
			for _, rule := range aged(service) {
				require.Equal(t, 2, seen.removed[rule.Table], rule.Table)
				require.Zero(t, seen.overdue[rule.Table], rule.Table)
				require.NoError(t, p.inTx(t.Context(), func(tx pgx.Tx) error {
					var left int
					require.NoError(t, tx.QueryRow(t.Context(), "SELECT count(*) FROM "+rule.Table).Scan(&left))
					want := 2
					if rule.Table == "ended_sessions" {
						want += seen.removed["sessions"] // a trigger records each session that is deleted
					}
					require.Equal(t, want, left, rule.Table)
					return nil
				}))
			}
		})
	}
}

func TestRowsThatSomebodyHasLockedAreLeftAndReported(t *testing.T) {
	pool := pgtest.AsService(t, event.Analytics)
	_, err := pool.Exec(t.Context(), "INSERT INTO inbox (event_id, received_at) SELECT gen_random_uuid(), now() - interval '8 days' FROM generate_series(1, 100)")
	require.NoError(t, err)
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "SELECT FROM inbox LIMIT 1 FOR UPDATE")
	require.NoError(t, err)
	seen := newCounted()
	p := pruner(pool, event.Analytics, seen)
	require.NoError(t, p.Prune(t.Context()))
	require.Equal(t, 99, seen.removed["inbox"])
	require.InDelta(t, day.Seconds(), seen.overdue["inbox"].Seconds(), 60)
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, p.Prune(t.Context()))
	require.Equal(t, 100, seen.removed["inbox"])
	require.Zero(t, seen.overdue["inbox"])
}

func TestReplicasShareTheWork(t *testing.T) {
	pool := pgtest.AsService(t, event.Analytics)
	_, err := pool.Exec(t.Context(), "INSERT INTO inbox (event_id, received_at) SELECT gen_random_uuid(), now() - interval '8 days' FROM generate_series(1, 50000)")
	require.NoError(t, err)
	seen := newCounted()
	var replicas sync.WaitGroup
	for range 3 {
		replicas.Go(func() {
			if err := pruner(pool, event.Analytics, seen).Prune(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	replicas.Wait()
	// What one left to another that had it locked comes with the next look.
	require.NoError(t, pruner(pool, event.Analytics, seen).Prune(t.Context()))
	require.Equal(t, 50000, seen.removed["inbox"], "each row once")
	require.Zero(t, count(t, pool, "inbox"))
}

func TestOneFailingTableDoesNotKeepTheOthers(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	_, err := pool.Exec(t.Context(), `INSERT INTO inbox (event_id, received_at) VALUES (gen_random_uuid(), now() - interval '8 days'); DROP TABLE alerts`)
	require.NoError(t, err)
	seen := newCounted()
	require.ErrorContains(t, pruner(pool, event.Backend, seen).Prune(t.Context()), "remove old rows of alerts")
	require.Equal(t, 1, seen.removed["inbox"])
}

func TestRemovalKeepsPace(t *testing.T) { keepsPace(t, 60_000) }

func ExampleRules() {
	for _, rule := range aged(event.Notification) {
		fmt.Println(rule.Table, rule.Keep)
	}
	// Output:
	// alerts 2160h0m0s
	// inbox 168h0m0s
}
