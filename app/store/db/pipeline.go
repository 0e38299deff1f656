package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Queue is a Querier whose statements wait in a batch, to be sent together. It
// takes those that return no rows; that they succeeded is known when the batch
// was sent.
type Queue struct {
	Batch     *pgx.Batch
	committed *[]func() // of AfterCommit; nil: nobody calls them
}

var errQueued = errors.New("a statement that waits in a batch has no rows to return")

// Exec has the statement wait. Its command tag is not known yet.
func (q Queue) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	q.Batch.Queue(sql, args...)
	return pgconn.CommandTag{}, nil
}

// Query fails: there is nothing to read yet.
func (q Queue) Query(context.Context, string, ...any) (pgx.Rows, error) { return nil, errQueued }

// QueryRow fails: there is nothing to read yet.
func (q Queue) QueryRow(context.Context, string, ...any) pgx.Row { return noRow{} }

type noRow struct{}

func (noRow) Scan(...any) error { return errQueued }

// rollbackTime is how long the end of a failed transaction may take.
const rollbackTime = 2 * time.Second

// Pipeline runs a transaction of the user's in two round trips: one for the
// beginning and what ask queues, one for what act queues and the commit. What
// ask reads, it reads in the callbacks of its queries; act is called once they
// have all run. An error of either undoes everything.
func Pipeline(ctx context.Context, pool *pgxpool.Pool, user uuid.UUID, ask func(*pgx.Batch), act func(Queue) error) error {
	connection, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	// A connection that is still in a transaction is closed, not used again.
	defer connection.Release()
	first, second := &pgx.Batch{}, &pgx.Batch{}
	var after []func()
	first.Queue("BEGIN")
	first.Queue("SELECT set_config('app.user_id', $1, true)", user.String())
	ask(first)
	if err = connection.SendBatch(ctx, first).Close(); err == nil {
		err = act(Queue{second, &after})
	}
	if err == nil {
		second.Queue("COMMIT")
		err = connection.SendBatch(ctx, second).Close()
	}
	if err == nil {
		for _, call := range after {
			call()
		}
		return nil
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	if connection.Conn().PgConn().TxStatus() != 'I' && !connection.Conn().IsClosed() {
		if _, failed := connection.Exec(limited, "ROLLBACK"); failed != nil {
			err = errors.Join(err, fmt.Errorf("roll back: %w", failed))
		}
	}
	return err
}
