package db

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// afterCommit is where a connection keeps what is to be done after the commit of
// its transaction.
const afterCommit = "companion: after commit"

// AfterCommit has fn called once the transaction of q is committed, by whoever
// commits it: InTx, AsUser and Pipeline do. It is called at most once, not at all
// when the transaction is rolled back or q is no transaction, and must not wait.
// fn may be lost, as when the process ends: it is for what would be noticed later
// without it.
func AfterCommit(q Querier, fn func()) {
	switch q := q.(type) {
	case Queue:
		if q.committed != nil {
			*q.committed = append(*q.committed, fn)
		}
	case pgx.Tx:
		data := q.Conn().PgConn().CustomData()
		waiting, _ := data[afterCommit].([]func())
		data[afterCommit] = append(waiting, fn)
	}
}

// begin runs fn in a transaction, and after its commit what AfterCommit was given.
// In a dry run it is rolled back instead.
func begin(ctx context.Context, pool beginner, options pgx.TxOptions, fn func(pgx.Tx) error) error {
	var after []func()
	if isDryRun(ctx) {
		fn = rehearse(ctx, fn)
	}
	err := pgx.BeginTxFunc(ctx, pool, options, func(tx pgx.Tx) error {
		data := tx.Conn().PgConn().CustomData()
		// What a transaction leaves on its connection is not the next one's.
		delete(data, afterCommit)
		err := fn(tx)
		after, _ = data[afterCommit].([]func())
		delete(data, afterCommit)
		return err
	})
	if errors.Is(err, errDryRun) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, call := range after {
		call()
	}
	return nil
}

type beginner interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}
