//go:build bench

package systemtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/internal/stack"
)

// meter reads how far the services are, of this release or an earlier one, as one who
// may read all of their tables. Unlike books it has the services do nothing more.
type meter struct {
	pool        *pgxpool.Pool
	unpublished []string // queries, one a service
}

func newMeter(t *testing.T, s *stack.Stack) meter {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), s.DatabaseURL("admin", "companion"))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	m := meter{pool: pool}
	for _, service := range stack.Services() {
		// Earlier releases kept what was published for a while.
		var keeps bool
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM information_schema.columns
			WHERE table_schema = $1 AND table_name = 'outbox' AND column_name = 'published_at')`, service).Scan(&keeps))
		query := fmt.Sprintf("SELECT count(*) FROM %s.outbox", service)
		if keeps {
			query += " WHERE published_at IS NULL"
		}
		m.unpublished = append(m.unpublished, query)
	}
	return m
}

// progress is how far the services are.
type progress struct {
	unpublished int
	unseen      int // transactions that an agent does not know, of all agents
	received    int // events, by all services
}

func (m meter) progress(ctx context.Context) (now progress, err error) {
	add := func(to *int, query string) {
		var n int
		if err == nil {
			err = m.pool.QueryRow(ctx, query).Scan(&n)
		}
		*to += n
	}
	for _, query := range m.unpublished {
		add(&now.unpublished, query)
	}
	for _, agent := range observers {
		add(&now.unseen, fmt.Sprintf("SELECT (SELECT count(*) FROM backend.transactions) - (SELECT count(*) FROM %s.seen_transactions)", agent))
	}
	for _, service := range stack.Services() {
		add(&now.received, fmt.Sprintf("SELECT count(*) FROM %s.inbox", service))
	}
	return now, err
}

// backlog counts, so many times and so far apart, the transactions that the slowest
// agent does not know.
func (m meter) backlog(t *testing.T, apart time.Duration, times int) (behind []int) {
	t.Helper()
	for next := time.Now(); len(behind) < times; {
		next = next.Add(apart)
		time.Sleep(time.Until(next))
		most := 0
		for _, agent := range observers {
			var n int
			err := m.pool.QueryRow(t.Context(), fmt.Sprintf("SELECT (SELECT count(*) FROM backend.transactions) - (SELECT count(*) FROM %s.seen_transactions)", agent)).Scan(&n)
			if err != nil {
				t.Error(err) // not this goroutine's to end the test
			}
			most = max(most, n)
		}
		behind = append(behind, most)
	}
	return behind
}

// calm is how long nothing must happen.
const calm = 500 * time.Millisecond

// settle waits until every event was published, every agent knows every transaction
// and nobody has received anything for a while. It returns when the last thing happened.
func (m meter) settle(t *testing.T, within time.Duration) (last time.Time) {
	t.Helper()
	var before progress
	end := time.Now().Add(within)
	for last = time.Now(); time.Since(last) < calm; time.Sleep(50 * time.Millisecond) {
		looked := time.Now()
		now, err := m.progress(t.Context())
		require.NoError(t, err)
		if now != before || now.unpublished > 0 || now.unseen != 0 {
			before, last = now, looked
		}
		require.Truef(t, looked.Before(end), "after %s still: %+v", within, now)
	}
	return last
}
