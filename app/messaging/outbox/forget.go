package outbox

import (
	"context"

	"github.com/wealth-companion/companion/app/store/db"
)

// Forget removes the events of a key, published or not: what was told of a user
// goes with everything else that is kept of them.
func Forget(ctx context.Context, tx db.Querier, key string) error {
	_, err := tx.Exec(ctx, "DELETE FROM outbox WHERE key = $1", key)
	return err
}
