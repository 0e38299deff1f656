//go:build integration

package observer_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/agent/observer/observertest"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/tracing"
)

// seen writes n transactions that the agent knows of a user, one in ten deleted, each
// with a change.
func seen(w *observertest.World, user uuid.UUID, n int) {
	w.T.Helper()
	const step = 20_000 // a statement has 30 seconds
	for _, statement := range []string{
		`INSERT INTO seen_transactions (id, user_id, wallet_id, amount, currency, type, category, occurred_at, date, month, original, merchant, deleted)
			SELECT gen_random_uuid(), $1, gen_random_uuid(), 12.34, 'EUR', 'expense', 'category-' || i % 20, at, at::date, to_char(at, 'YYYY-MM'), '{}', 'merchant-' || i % 100, i % 10 = 0
			FROM generate_series(1, $2::int) i, LATERAL (SELECT timestamptz '2026-11-01' - i * interval '10 minutes' AS at) t`,
		`INSERT INTO transaction_changes (event_id, transaction_id, user_id, updated_at, changes)
			SELECT gen_random_uuid(), gen_random_uuid(), $1, now(), '{}' FROM generate_series(1, $2::int) i`,
	} {
		for left := n; left > 0; left -= step {
			_, err := w.Pool.Exec(context.Background(), statement, user, min(left, step))
			require.NoError(w.T, err)
		}
	}
}

// rows counts a user's by table, but for the note that they are gone.
func rows(w *observertest.World, user uuid.UUID) map[string]int {
	w.T.Helper()
	found, err := w.Pool.Query(context.Background(), `SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
		WHERE column_name = 'user_id' AND table_type = 'BASE TABLE' AND table_schema = current_schema() AND table_name <> 'gone'`)
	require.NoError(w.T, err)
	tables, err := pgx.CollectRows(found, pgx.RowTo[string])
	require.NoError(w.T, err)
	require.Contains(w.T, tables, "seen_transactions")
	counts := map[string]int{}
	for _, table := range tables {
		var n int
		require.NoError(w.T, w.Pool.QueryRow(context.Background(), "SELECT count(*) FROM "+table+" WHERE user_id = $1", user).Scan(&n))
		if n > 0 {
			counts[table] = n
		}
	}
	return counts
}

func TestForgettingAUserGoesOnWhereItBrokeOff(t *testing.T) {
	w := observertest.New(t, event.Analytics, now, func(o *observer.Observer) *observer.Observer { return o })
	other := tracing.NewID()
	seen(w, w.User, 50_000)
	seen(w, other, 100)
	w.Open(history.Bank, "10.00")
	// It breaks off in the midst, as when the database fails over or time is up.
	_, err := w.Pool.Exec(t.Context(), `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF (SELECT count(*) FROM seen_transactions) < 20000 THEN RAISE EXCEPTION 'broken off'; END IF; RETURN NULL; END $$;
		CREATE TRIGGER refuse AFTER DELETE ON seen_transactions FOR EACH STATEMENT EXECUTE FUNCTION refuse()`)
	require.NoError(t, err)
	gone := w.Event(event.TypeUserDeleted, event.UserDeleted{UserID: w.User, DeletedAt: now})
	topic, _ := event.OfType(event.TypeUserDeleted)
	_, err = w.Handlers[topic.Name](t.Context(), gone)
	require.ErrorContains(t, err, "broken off")
	some := rows(w, w.User)["seen_transactions"]
	require.Greater(t, some, 5000, "it broke off")
	require.Less(t, some, 45_000, "what was done is kept")

	before := rows(w, w.User)
	w.Spend("5.00", "Rewe", "groceries", now)
	w.Open(history.Cash, "5.00")
	require.Equal(t, before, rows(w, w.User), "nothing comes any more of who is gone")

	_, err = w.Pool.Exec(t.Context(), "DROP TRIGGER refuse ON seen_transactions")
	require.NoError(t, err)
	first, err := w.Handlers[topic.Name](t.Context(), gone)
	require.NoError(t, err)
	require.True(t, first)
	require.Empty(t, rows(w, w.User))
	require.Equal(t, map[string]int{"seen_transactions": 100, "transaction_changes": 100}, rows(w, other), "nobody else's go")
	first, err = w.Handlers[topic.Name](t.Context(), gone)
	require.NoError(t, err)
	require.False(t, first, "it is handled once")
}

// Otherwise the rows of everybody are read for one who goes.
func TestAUsersRowsAreFoundByIndexes(t *testing.T) {
	w := observertest.New(t, event.Banking, now, func(o *observer.Observer) *observer.Observer { return o })
	for _, statement := range observer.Removals() {
		require.NoError(t, pgx.BeginFunc(t.Context(), w.Pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "SET LOCAL enable_seqscan = off"); err != nil {
				return err
			}
			found, err := tx.Query(t.Context(), "EXPLAIN "+statement, w.User, 10)
			if err != nil {
				return err
			}
			plan, err := pgx.CollectRows(found, pgx.RowTo[string])
			text := strings.Join(plan, "\n")
			require.NotContains(t, text, "Seq Scan", statement)
			require.Contains(t, text, "user_id =", "the index is by user: %s", statement)
			return err
		}))
	}
}

// It must be done within the time that a delivery has.
func TestForgettingALongHistoryTakesNoLongTransaction(t *testing.T) {
	w := observertest.New(t, event.Analytics, now, func(o *observer.Observer) *observer.Observer { return o })
	transactions := 60_000
	if text := os.Getenv("FORGET_ROWS"); text != "" { // to measure, such as 300000
		var err error
		transactions, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	seen(w, w.User, transactions)
	// Each statement is a transaction of its own: its rows say how long it can be.
	_, err := w.Pool.Exec(t.Context(), `CREATE TABLE removals (rows int); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO removals SELECT count(*) FROM removed; RETURN NULL; END $$;
		CREATE TRIGGER note AFTER DELETE ON seen_transactions REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION note()`)
	require.NoError(t, err)
	began := time.Now()
	w.Tell(event.TypeUserDeleted, event.UserDeleted{UserID: w.User, DeletedAt: now})
	took := time.Since(began)
	var most, sum, steps int
	require.NoError(t, w.Pool.QueryRow(t.Context(), "SELECT max(rows), sum(rows), count(*) FROM removals").Scan(&most, &sum, &steps))
	t.Logf("%d transactions and as many changes: forgotten in %s, by %d statements of %s on average", transactions, took.Round(time.Millisecond), 2*steps, (took / time.Duration(2*steps)).Round(time.Millisecond))
	require.Equal(t, transactions, sum)
	require.LessOrEqual(t, most, 20_000)
	require.Less(t, took, 25*time.Second)
	require.Empty(t, rows(w, w.User))
}
