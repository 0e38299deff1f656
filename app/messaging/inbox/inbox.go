// Package inbox handles events once: an event's id is written in the database
// transaction of its effect, so that a duplicate finds it there.
package inbox

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/store/db"
)

// Memory is how long an event's id is remembered.
const Memory = 7 * 24 * time.Hour

// Once runs effect in a transaction, unless an event of that id was handled
// before: then it does nothing and first is false. When effect fails, nothing
// is remembered, and the event may come again.
func Once(ctx context.Context, pool *pgxpool.Pool, eventID string, effect func(pgx.Tx) error) (first bool, err error) {
	err = db.InTx(ctx, pool, func(tx pgx.Tx) error {
		// A second delivery at the same moment waits here for the first to end.
		tag, err := tx.Exec(ctx, "INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING", eventID)
		if err != nil {
			return err
		}
		if first = tag.RowsAffected() == 1; !first {
			return nil
		}
		return effect(tx)
	})
	return first && err == nil, err
}

// Prune forgets ids that are older than Memory, some at a time: a long statement
// would hold up the vacuum.
func Prune(ctx context.Context, pool *pgxpool.Pool) error {
	for range pruneMost / pruneBatch {
		tag, err := pool.Exec(ctx, `DELETE FROM inbox WHERE event_id IN
			(SELECT event_id FROM inbox WHERE received_at < now() - $1::interval LIMIT $2)`, Memory, pruneBatch)
		if err != nil || tag.RowsAffected() < pruneBatch {
			return err
		}
	}
	return nil
}

// pruneMost is how many one call forgets: more than come in an hour.
const pruneMost, pruneBatch = 10_000_000, 10_000
