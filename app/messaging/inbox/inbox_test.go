//go:build integration

package inbox

import (
	"context"
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
	"github.com/wealth-companion/companion/app/store/db"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func remembered(t *testing.T, pool *pgxpool.Pool) (n int) {
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM inbox").Scan(&n))
	return n
}

// ways are those of handling an event once.
var ways = map[string]func(ctx context.Context, pool *pgxpool.Pool, id string, effect func(db.Querier) error) (bool, error){
	"in a transaction": func(ctx context.Context, pool *pgxpool.Pool, id string, effect func(db.Querier) error) (bool, error) {
		return Once(ctx, pool, id, func(tx pgx.Tx) error { return effect(tx) })
	},
	"in batches": func(ctx context.Context, pool *pgxpool.Pool, id string, effect func(db.Querier) error) (bool, error) {
		return OnceInBatches(ctx, pool, id, &pgx.Batch{}, func(_ pgx.Tx, last db.Queue) error { return effect(last) })
	},
	"in batches, at once": func(ctx context.Context, pool *pgxpool.Pool, id string, effect func(db.Querier) error) (bool, error) {
		return OnceInBatches(ctx, pool, id, &pgx.Batch{}, func(tx pgx.Tx, _ db.Queue) error { return effect(tx) })
	},
}

func TestOnce(t *testing.T) {
	for name, once := range ways {
		t.Run(name, func(t *testing.T) {
			pool := pgtest.Pool(t, event.Notification)
			id := tracing.NewID().String()
			defect := errors.New("a defect")
			write := func(to db.Querier) error {
				_, err := to.Exec(t.Context(), "INSERT INTO gone (user_id, deleted_at) VALUES (gen_random_uuid(), now())")
				return err
			}
			gone := func() (n int) {
				require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM gone").Scan(&n))
				return n
			}
			_, err := once(t.Context(), pool, id, func(to db.Querier) error { return errors.Join(write(to), defect) })
			require.ErrorIs(t, err, defect)
			require.Zero(t, remembered(t, pool), "what failed is not remembered")
			require.Zero(t, gone(), "nor is its effect")
			for i := range 3 {
				first, err := once(t.Context(), pool, id, write)
				require.NoError(t, err)
				require.Equal(t, i == 0, first)
			}
			require.Equal(t, 1, gone())
		})
	}
}

func TestOfDeliveriesAtOnceOneIsFirst(t *testing.T) {
	for name, once := range ways {
		t.Run(name, func(t *testing.T) {
			pool := pgtest.Pool(t, event.Notification)
			id := tracing.NewID().String()
			var effects, firsts atomic.Int64
			var wait sync.WaitGroup
			for range 8 {
				wait.Go(func() {
					first, err := once(t.Context(), pool, id, func(db.Querier) error { effects.Add(1); return nil })
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
		})
	}
}

// What is known is read behind the note: of two deliveries at the same moment the second
// waits, and sees what the first did.
func TestWhatIsKnownIsReadOnceTheEventIsNoted(t *testing.T) {
	pool := pgtest.Pool(t, event.Notification)
	id := tracing.NewID().String()
	for _, want := range []bool{true, false} {
		var noted bool
		known := &pgx.Batch{}
		known.Queue("SELECT EXISTS (SELECT FROM inbox WHERE event_id = $1)", id).QueryRow(func(row pgx.Row) error { return row.Scan(&noted) })
		first, err := OnceInBatches(t.Context(), pool, id, known, func(pgx.Tx, db.Queue) error {
			require.True(t, noted)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, want, first)
		require.True(t, noted)
	}
}
