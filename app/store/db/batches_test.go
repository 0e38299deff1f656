//go:build integration

package db_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/store/db"
)

const noteEvent = "INSERT INTO inbox (event_id) VALUES ($1)"

func TestInBatchesCommitsAllOrNothing(t *testing.T) {
	pool := pgtest.Pool(t, event.Analytics)
	defect := errors.New("a defect")
	for name, c := range map[string]struct {
		first string // besides a row of its own
		fn    func(ctx context.Context, tx pgx.Tx, last db.Queue) error
		want  string // of the error
	}{
		"all succeed": {"SELECT 1", func(context.Context, pgx.Tx, db.Queue) error { return nil }, ""},
		"a statement of the first round trip fails": {"SELECT 1 / 0", func(context.Context, pgx.Tx, db.Queue) error {
			panic("nothing is to be done")
		}, "division by zero"},
		"what is done between fails": {"SELECT 1", func(context.Context, pgx.Tx, db.Queue) error { return defect }, "a defect"},
		"a statement between fails": {"SELECT 1", func(ctx context.Context, tx pgx.Tx, _ db.Queue) error {
			_, err := tx.Exec(ctx, "SELECT 1 / 0")
			return err
		}, "division by zero"},
		"a statement of the last fails": {"SELECT 1", func(ctx context.Context, _ pgx.Tx, last db.Queue) error {
			_, err := last.Exec(ctx, "SELECT 1 / 0")
			return err
		}, "division by zero"},
		"a failure is overlooked": {"SELECT 1", func(ctx context.Context, tx pgx.Tx, _ db.Queue) error {
			_, _ = tx.Exec(ctx, "SELECT 1 / 0")
			return nil
		}, "current transaction is aborted"},
		"a savepoint is asked for": {"SELECT 1", func(ctx context.Context, tx pgx.Tx, _ db.Queue) error { _, err := tx.Begin(ctx); return err }, "no savepoints"},
	} {
		t.Run(name, func(t *testing.T) {
			ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
			called := false
			first := &pgx.Batch{}
			first.Queue(noteEvent, ids[0])
			first.Queue(c.first)
			err := db.InBatches(t.Context(), pool, first, func(tx pgx.Tx, last db.Queue) error {
				_, err := tx.Exec(t.Context(), noteEvent, ids[1])
				require.NoError(t, err)
				_, err = last.Exec(t.Context(), noteEvent, ids[2])
				require.NoError(t, err)
				db.AfterCommit(last, func() { called = true })
				return c.fn(t.Context(), tx, last)
			})
			var written int
			require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM inbox WHERE event_id = ANY($1)", ids).Scan(&written))
			require.Equal(t, c.want == "", called)
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, 3, written)
				return
			}
			require.ErrorContains(t, err, c.want)
			require.Zero(t, written)
			require.Zero(t, pool.Stat().AcquiredConns(), "the connection is given back")
		})
	}
	overlooked := db.InBatches(t.Context(), pool, &pgx.Batch{}, func(tx pgx.Tx, _ db.Queue) error { _, _ = tx.Exec(t.Context(), "SELECT 1 / 0"); return nil })
	require.ErrorIs(t, overlooked, pgx.ErrTxCommitRollback, "nothing else in the last round trip would notice")
	require.EqualValues(t, 1, pool.Stat().NewConnsCount(), "one that failed goes on being used")
}
