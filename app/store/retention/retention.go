package retention

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/store/db"
)

// Observer receives what was removed. It must not wait.
type Observer interface {
	// Removed is called for each batch of rows that was removed.
	Removed(table string, rows int)
	// Overdue receives, after each look at a table, for how long its oldest row should
	// have been gone; zero when there is none.
	Overdue(table string, since time.Duration)
}

// Pruner removes the rows of a service's tables that are older than its rules keep
// them. Each replica has one: they share the work, for none waits for rows that
// another removes. Rows are found by an index and removed in small transactions with
// pauses between them, so that nobody waits for long and the database has room.
type Pruner struct {
	Pool     *pgxpool.Pool
	Service  string
	Observer Observer
	Log      *slog.Logger
}

// How the pruner goes about it.
const (
	// every is how often old rows are looked for.
	every = time.Minute
	// batchRows is how many one transaction removes: some milliseconds' work.
	batchRows = 2000
	// rest is the least pause between two batches; it is as long as the batch took, so
	// that at most half of one connection is used.
	rest = 5 * time.Millisecond
)

// Run removes old rows until ctx ends.
func (p *Pruner) Run(ctx context.Context) {
	for {
		// Replicas that were started together do not go to work together.
		pause := every/2 + rand.N(every)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if err := p.Prune(ctx); err != nil && ctx.Err() == nil {
			p.Log.WarnContext(ctx, "old rows are not removed", "error", err)
		}
	}
}

// Prune removes all old rows there are. That one table fails does not keep the others.
func (p *Pruner) Prune(ctx context.Context) error {
	var errs []error
	for _, rule := range aged(p.Service) {
		if err := p.prune(ctx, rule); err != nil {
			errs = append(errs, fmt.Errorf("remove old rows of %s: %w", rule.Table, err))
		}
	}
	return errors.Join(errs...)
}

func (p *Pruner) prune(ctx context.Context, rule Rule) error {
	var after time.Time
	for {
		began := time.Now()
		removed, last, err := p.batch(ctx, rule, after)
		if err != nil {
			return err
		}
		if removed > 0 {
			p.Observer.Removed(rule.Table, removed)
		}
		if removed < batchRows {
			break
		}
		// What was removed stays in the index until it is vacuumed: the next batch begins
		// behind it.
		after = last
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(rest, time.Since(began))):
		}
	}
	overdue, err := p.overdue(ctx, rule)
	if err != nil {
		return err
	}
	p.Observer.Overdue(rule.Table, overdue)
	return nil
}

// batchQuery removes the oldest rows of a table from a time on, and returns how many
// there were and the time of the newest of them. Rows that somebody else has locked
// are left out.
func batchQuery(rule Rule) string {
	table, column := pgx.Identifier{rule.Table}.Sanitize(), pgx.Identifier{rule.Column}.Sanitize()
	return fmt.Sprintf(`WITH old AS MATERIALIZED (
		SELECT ctid AS row, %[2]s AS at FROM %[1]s WHERE %[2]s >= $1 AND %[2]s < now() - $2::interval
		ORDER BY %[2]s LIMIT $3 FOR UPDATE SKIP LOCKED
	), removed AS (DELETE FROM %[1]s WHERE ctid = ANY (ARRAY(SELECT row FROM old)))
	SELECT count(*), coalesce(max(at), $1)::timestamptz FROM old`, table, column)
}

func (p *Pruner) batch(ctx context.Context, rule Rule, after time.Time) (removed int, last time.Time, err error) {
	err = p.inTx(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, batchQuery(rule), after, rule.Keep, batchRows).Scan(&removed, &last)
	})
	return removed, last, err
}

// overdue returns for how long the oldest row should have been gone.
func (p *Pruner) overdue(ctx context.Context, rule Rule) (since time.Duration, err error) {
	table, column := pgx.Identifier{rule.Table}.Sanitize(), pgx.Identifier{rule.Column}.Sanitize()
	var oldest *time.Time
	err = p.inTx(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, fmt.Sprintf("SELECT min(%s)::timestamptz FROM %s", column, table)).Scan(&oldest)
	})
	if err != nil || oldest == nil {
		return 0, err
	}
	return max(0, time.Since(*oldest)-rule.Keep), nil
}

// inTx runs fn in a transaction that sees the rows of all users.
func (p *Pruner) inTx(ctx context.Context, fn func(pgx.Tx) error) error {
	return db.InTx(ctx, p.Pool, func(tx pgx.Tx) error {
		// A table that was small when it was analyzed is planned without its index. Rows
		// that a crash brings back are removed again, so nobody waits for the disk.
		if _, err := tx.Exec(ctx, `SELECT set_config('app.across_users', 'retention', true), set_config('synchronous_commit', 'off', true),
			set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)`); err != nil {
			return err
		}
		return fn(tx)
	})
}
