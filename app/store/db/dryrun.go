package db

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

type dryRunKey struct{}

// DryRun returns a context whose transactions (InTx, AsUser and Pipeline) do all
// that they would do, deferred constraints included, and are then rolled back: the
// checks of a dry run are those of the run, and it leaves nothing. It reaches no
// statement outside of a transaction.
func DryRun(ctx context.Context) context.Context { return context.WithValue(ctx, dryRunKey{}, true) }

func isDryRun(ctx context.Context) bool {
	is, _ := ctx.Value(dryRunKey{}).(bool)
	return is
}

// checkDeferred has the constraints checked that a commit would check.
const checkDeferred = "SET CONSTRAINTS ALL IMMEDIATE"

// errDryRun rolls back a transaction that would have been committed.
var errDryRun = errors.New("a dry run")

// rehearse wraps fn for a transaction that ends in a roll-back though fn succeeds.
func rehearse(ctx context.Context, fn func(pgx.Tx) error) func(pgx.Tx) error {
	return func(tx pgx.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, checkDeferred); err != nil {
			return err
		}
		return errDryRun
	}
}

// rehearseBatch sends what act queues, in a transaction that is rolled back.
func rehearseBatch(ctx context.Context, connection *pgx.Conn, user uuid.UUID, act func(Queue) error) error {
	var batch pgx.Batch
	batch.Queue(asUser, user.String())
	if err := act(Queue{Batch: &batch}); err != nil {
		return err
	}
	return begin(ctx, connection, pgx.TxOptions{}, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &batch).Close() })
}
