package observer

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/inbox"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/observerdb"
)

// forgetRows is how many rows one transaction removes at most: some tenths of a second's
// work. Each looks past what those before have removed, so that with fewer rows at a time
// the whole takes longer.
const forgetRows = 20_000

// forgotten are the rows of a user ($1), each kind found by an index.
var forgotten = []string{
	"seen_transactions WHERE user_id = $1 AND NOT deleted",
	"seen_transactions WHERE user_id = $1 AND deleted",
	"transaction_changes WHERE user_id = $1",
	"budgets WHERE user_id = $1 AND NOT deleted",
	"budgets WHERE user_id = $1 AND deleted",
	"wallets WHERE user_id = $1",
	"goals WHERE user_id = $1",
	"categories WHERE user_id = $1",
	"preferences WHERE user_id = $1",
	"dismissals WHERE user_id = $1",
	"raised WHERE user_id = $1",
	"reviews WHERE user_id = $1",
	"unphrased WHERE user_id = $1",
}

// userDeleted forgets all of a user, in many transactions: first that they are gone, so
// that no event that comes from then on leaves anything, then their rows. It is
// remembered as handled last, so that it comes again when it breaks off, and goes on
// where it ended.
func (o *Observer) userDeleted(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.UserDeleted](e)
	if err != nil {
		return false, err
	}
	err = db.InTx(ctx, o.Pool, func(tx pgx.Tx) error {
		_, here, err := o.open(ctx, tx, data.UserID)
		if err != nil || !here {
			return err
		}
		return observerdb.New(tx).Leave(ctx, data.UserID, data.DeletedAt)
	})
	if err != nil {
		return false, err
	}
	for _, rows := range forgotten {
		statement := removal(rows)
		for more := true; more; {
			tag, err := o.Pool.Exec(ctx, statement, data.UserID, forgetRows)
			if err != nil {
				return false, fmt.Errorf("forget a user's %s: %w", rows, err)
			}
			more = tag.RowsAffected() == forgetRows
		}
	}
	return inbox.Once(ctx, o.Pool, e.ID, func(tx pgx.Tx) error { return outbox.Forget(ctx, tx, data.UserID.String()) })
}

// removal removes at most $2 rows of forgotten ones.
func removal(rows string) string {
	var table string
	_, _ = fmt.Sscan(rows, &table)
	return fmt.Sprintf("DELETE FROM %s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %s LIMIT $2))", table, rows)
}
