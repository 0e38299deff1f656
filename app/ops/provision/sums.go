package provision

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/store/db"
)

// Difference is a kept sum that is not what the transactions add up to.
type Difference struct {
	User           uuid.UUID
	What           string // a wallet's balance, or a day's sum
	Kept, Computed string
}

// usersAtOnce bounds how many ids are read together.
const usersAtOnce = 1000

// CheckSums compares every person's kept sums with their transactions, each person by
// themselves, and has found called for each difference. With repair the sums of those
// who have any are computed from scratch; changes of transactions wait meanwhile. It
// returns how many people were checked. migratorURL is that of Migrate.
func CheckSums(ctx context.Context, migratorURL string, repair bool, found func(Difference)) (people int, err error) {
	pool, err := open(ctx, migratorURL, event.Backend)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	for last := uuid.Nil; ; {
		rows, err := pool.Query(ctx, "SELECT id FROM users WHERE id > $1 ORDER BY id LIMIT $2", last, usersAtOnce)
		if err != nil {
			return people, err
		}
		users, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil || len(users) == 0 {
			return people, err
		}
		for _, user := range users {
			if err := checkSumsOf(ctx, pool, user, repair, found); err != nil {
				return people, fmt.Errorf("the sums of user %s: %w", user, err)
			}
			people++
		}
		last = users[len(users)-1]
	}
}

func checkSumsOf(ctx context.Context, pool *pgxpool.Pool, user uuid.UUID, repair bool, found func(Difference)) error {
	return db.AsUser(ctx, pool, user, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT what, coalesce(kept, 'nothing'), coalesce(computed, 'nothing') FROM sums_that_differ()")
		if err != nil {
			return err
		}
		d := Difference{User: user}
		tag, err := pgx.ForEachRow(rows, []any{&d.What, &d.Kept, &d.Computed}, func() error {
			found(d)
			return nil
		})
		if err != nil || tag.RowsAffected() == 0 || !repair {
			return err
		}
		_, err = tx.Exec(ctx, "SELECT make_sums_anew()")
		return err
	})
}
