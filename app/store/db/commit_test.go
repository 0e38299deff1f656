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

func TestAfterCommitIsCalledForWhatIsCommittedOnly(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	called := 0
	call := func() { called++ }
	defect := errors.New("a defect")
	user := uuid.New()
	for name, c := range map[string]struct {
		run  func(result error) error
		want int
	}{
		"a transaction": {func(result error) error {
			return db.InTx(t.Context(), pool, func(tx pgx.Tx) error { db.AfterCommit(tx, call); return result })
		}, 1},
		"a user's transaction": {func(result error) error {
			return db.AsUser(t.Context(), pool, user, func(tx pgx.Tx) error { db.AfterCommit(tx, call); return result })
		}, 1},
		"a pipeline": {func(result error) error {
			return db.Pipeline(t.Context(), pool, user, func(*pgx.Batch) {}, func(q db.Queue) error { db.AfterCommit(q, call); return result })
		}, 1},
		"a transaction in batches": {func(result error) error {
			return db.InBatches(t.Context(), pool, &pgx.Batch{}, func(tx pgx.Tx, _ db.Queue) error { db.AfterCommit(tx, call); return result })
		}, 1},
		"no transaction": {func(error) error { db.AfterCommit(pool, call); return nil }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			called = 0
			if c.want > 0 {
				require.ErrorIs(t, c.run(defect), defect)
				require.Zero(t, called, "what is rolled back has no effect")
			}
			require.NoError(t, c.run(nil))
			require.Equal(t, c.want, called)
			require.NoError(t, db.InTx(t.Context(), pool, func(pgx.Tx) error { return nil }))
			require.Equal(t, c.want, called, "another transaction on the same connection has none of its own")
		})
	}
}

func TestADryRunChecksEverythingAndLeavesNothing(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	_, err := pool.Exec(t.Context(), `CREATE TABLE kept (id int PRIMARY KEY, parent int REFERENCES kept DEFERRABLE INITIALLY DEFERRED)`)
	require.NoError(t, err)
	dry := db.DryRun(t.Context())
	defect := errors.New("a defect")
	for name, run := range map[string]func(ctx context.Context, statement string, result error) error{
		"a transaction": func(ctx context.Context, statement string, result error) error {
			return db.InTx(ctx, pool, func(tx pgx.Tx) error {
				db.AfterCommit(tx, func() { t.Error("called") })
				_, err := tx.Exec(ctx, statement)
				return errors.Join(err, result)
			})
		},
		"a user's transaction": func(ctx context.Context, statement string, result error) error {
			return db.AsUser(ctx, pool, uuid.New(), func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, statement)
				return errors.Join(err, result)
			})
		},
		"a pipeline": func(ctx context.Context, statement string, result error) error {
			return db.Pipeline(ctx, pool, uuid.New(), func(*pgx.Batch) {}, func(q db.Queue) error {
				db.AfterCommit(q, func() { t.Error("called") })
				_, err := q.Exec(ctx, statement)
				return errors.Join(err, result)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, run(dry, "INSERT INTO kept VALUES (1)", nil))
			require.ErrorIs(t, run(dry, "INSERT INTO kept VALUES (1)", defect), defect)
			require.ErrorContains(t, run(dry, "INSERT INTO kept VALUES (1, 2)", nil), "foreign key", "what only a commit checks")
			require.ErrorContains(t, run(dry, "INSERT INTO kept VALUES (1), (1)", nil), "duplicate key")
			var rows int
			require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM kept").Scan(&rows))
			require.Zero(t, rows)
		})
	}
}

func TestACommitThatFailsIsNone(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	_, err := pool.Exec(t.Context(), `CREATE TABLE parent (id int PRIMARY KEY);
		CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)`)
	require.NoError(t, err)
	require.Error(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error {
		db.AfterCommit(tx, func() { t.Error("called") })
		_, err := tx.Exec(t.Context(), "INSERT INTO child VALUES (1)")
		return err
	}))
}

func TestSessionsHaveTimeOuts(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	for name, want := range db.SessionSettings() {
		if name[:4] == "tcp_" {
			continue // of no meaning on the socket of the tests
		}
		var got string
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT setting FROM pg_settings WHERE lower(name) = $1", name).Scan(&got))
		require.Equal(t, want, got, name)
	}
}
