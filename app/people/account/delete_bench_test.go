//go:build bench

package account_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
)

// How long it takes a person with 300,000 transactions, and the removal in all.
func TestBenchErasure(t *testing.T) {
	pool := pgtest.AsService(t, event.Backend)
	a := accounts(pool)
	ada := register(t, a, "ada@example.org", 300_000)
	began := time.Now()
	require.NoError(t, a.Delete(t.Context(), ada, password))
	answered := time.Since(began)
	rest := left(t, pool, ada.User)["transactions"]
	slowest := watchStatements(t, pool)
	require.NoError(t, a.EraseClosed(t.Context(), time.Now()))
	t.Logf("300,000 transactions: answered after %s, with %d left; all erased after %s; the longest transaction was seen at %s",
		answered.Round(time.Millisecond), rest, time.Since(began).Round(time.Millisecond), slowest().Round(time.Millisecond))
	require.Empty(t, left(t, pool, ada.User))
	require.Less(t, answered, 8*time.Second)
}

// watchStatements looks every few milliseconds for how long transactions have been open,
// until the function that it returns is called, which returns the longest.
func watchStatements(t *testing.T, pool *pgxpool.Pool) func() time.Duration {
	admin, err := pgx.Connect(t.Context(), pgtest.AdminURL(pool))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	longest := make(chan time.Duration, 1)
	go func() {
		var most time.Duration
		for ctx.Err() == nil {
			var open float64
			if admin.QueryRow(t.Context(), `SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8
				FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&open) == nil {
				most = max(most, time.Duration(open*float64(time.Second)))
			}
			time.Sleep(3 * time.Millisecond)
		}
		longest <- most
	}()
	return func() time.Duration {
		stop()
		defer func() { _ = admin.Close(t.Context()) }()
		return <-longest
	}
}
