//go:build integration

package inbox

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func remembered(t *testing.T, pool *pgxpool.Pool) (n int) {
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM inbox").Scan(&n))
	return n
}

func TestOnce(t *testing.T) {
	pool := pgtest.Pool(t, event.Notification)
	id := tracing.NewID().String()
	defect := errors.New("a defect")
	effects := 0
	_, err := Once(t.Context(), pool, id, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "INSERT INTO gone (user_id, deleted_at) VALUES (gen_random_uuid(), now())")
		return errors.Join(err, defect)
	})
	require.ErrorIs(t, err, defect)
	require.Zero(t, remembered(t, pool), "what failed is not remembered")
	var gone int
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM gone").Scan(&gone))
	require.Zero(t, gone, "nor is its effect")
	for i := range 3 {
		first, err := Once(t.Context(), pool, id, func(pgx.Tx) error { effects++; return nil })
		require.NoError(t, err)
		require.Equal(t, i == 0, first)
	}
	require.Equal(t, 1, effects)
}

func TestOfDeliveriesAtOnceOneIsFirst(t *testing.T) {
	pool := pgtest.Pool(t, event.Notification)
	id := tracing.NewID().String()
	var effects, firsts atomic.Int64
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			first, err := Once(t.Context(), pool, id, func(pgx.Tx) error { effects.Add(1); return nil })
			if err != nil {
				t.Error(err)
			}
			if first {
				firsts.Add(1)
			}
		})
	}
	wait.Wait()
	require.EqualValues(t, 1, effects.Load())
	require.EqualValues(t, 1, firsts.Load())
}
