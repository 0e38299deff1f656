package db

import (
	"context"
	"errors"

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

// Pipeline acts for a user in two round trips, each a transaction of its own: one for
// what ask queues, one for what act queues. What ask reads, it reads in the callbacks
// of its queries, and writing is refused there; act is called once they have all run.
// An error of either has nothing be written. What was read may have changed since: what must hold is for constraints.
//
// Without BEGIN and COMMIT PostgreSQL takes all statements up to the end of a round trip
// for one transaction. So none is open while nothing is asked, and a client that is
// gone leaves no locks.
func Pipeline(ctx context.Context, pool *pgxpool.Pool, user uuid.UUID, ask func(*pgx.Batch), act func(Queue) error) error {
	connection, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer connection.Release()
	first, second := &pgx.Batch{}, &pgx.Batch{}
	var after []func()
	first.Queue(readingAsUser, user.String())
	ask(first)
	if err := connection.SendBatch(ctx, first).Close(); err != nil {
		return err
	}
	if isDryRun(ctx) {
		return rehearseBatch(ctx, connection.Conn(), user, act)
	}
	second.Queue(asUser, user.String())
	if err := act(Queue{second, &after}); err != nil {
		return err
	}
	if err := connection.SendBatch(ctx, second).Close(); err != nil {
		return err
	}
	for _, call := range after {
		call()
	}
	return nil
}

// asUser has the rest of a transaction see the rows of one user only.
const asUser = "SELECT set_config('app.user_id', $1, true)"

// readingAsUser is asUser for a transaction that must not write.
const readingAsUser = "SELECT set_config('app.user_id', $1, true), set_config('transaction_read_only', 'on', true)"
