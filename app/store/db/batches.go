package db

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// InBatches runs a transaction in few round trips: BEGIN goes with what first holds, and
// COMMIT with what fn queues in last. What first reads, it reads in the callbacks of its
// queries, which have run when fn is called. An error of any of them has nothing be
// written. Within fn there are no savepoints.
func InBatches(ctx context.Context, pool *pgxpool.Pool, first *pgx.Batch, fn func(tx pgx.Tx, last Queue) error) (err error) {
	connection, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer connection.Release()
	tx := &openTx{connection.Conn()}
	defer func() {
		if err != nil || tx.PgConn().TxStatus() != idle {
			tx.abandon(ctx)
		}
	}()
	begin := &pgx.Batch{}
	begin.Queue("BEGIN")
	begin.QueuedQueries = append(begin.QueuedQueries, first.QueuedQueries...)
	if err := tx.SendBatch(ctx, begin).Close(); err != nil {
		return err
	}
	data := tx.PgConn().CustomData()
	delete(data, afterCommit) // of the transaction before
	var after []func()
	last := Queue{&pgx.Batch{}, &after}
	if err := fn(tx, last); err != nil {
		return err
	}
	// A transaction in which a statement failed is rolled back by COMMIT, without an error.
	last.Batch.Queue("COMMIT").Exec(func(did pgconn.CommandTag) error {
		if did.String() != "COMMIT" {
			return pgx.ErrTxCommitRollback
		}
		return nil
	})
	if err := tx.SendBatch(ctx, last.Batch).Close(); err != nil {
		return err
	}
	more, _ := data[afterCommit].([]func())
	delete(data, afterCommit)
	for _, call := range append(after, more...) {
		call()
	}
	return nil
}

// idle is PostgreSQL's status of a session that is in no transaction.
const idle = 'I'

// openTx is the transaction that InBatches has begun on a connection. Whoever began it
// ends it.
type openTx struct{ *session }

// session is a connection under a name that leaves the method Conn free.
type session = pgx.Conn

var (
	errSavepoint = errors.New("a transaction of InBatches has no savepoints")
	errNotYours  = errors.New("a transaction of InBatches is ended by InBatches")
)

func (*openTx) Begin(context.Context) (pgx.Tx, error) { return nil, errSavepoint }
func (*openTx) Commit(context.Context) error          { return errNotYours }
func (*openTx) Rollback(context.Context) error        { return errNotYours }
func (*openTx) LargeObjects() pgx.LargeObjects        { return pgx.LargeObjects{} }
func (tx *openTx) Conn() *pgx.Conn                    { return tx.session }

// abandon rolls back. Without an answer the connection is closed, which does the same.
func (tx *openTx) abandon(ctx context.Context) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if tx.IsClosed() {
		return
	}
	if _, err := tx.Exec(limited, "ROLLBACK"); err != nil {
		_ = tx.Close(limited)
	}
}
