// Package inbox handles events once: an event's id is written in the database
// transaction of its effect, so that a duplicate finds it there. Ids are remembered
// for as long as topics keep events (retention.Inbox).
package inbox

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/store/db"
)

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
