package account

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Delete closes the caller's account at once, and removes everything kept of them: in
// many transactions, of which what takes longer than erasePatience is left to
// RunErasure, whatever becomes of this process. Nobody can log in any more, the
// address is free, and user.deleted is published, upon which the agents forget
// the user too. What stays passes by itself: published events within a week, those among
// the dead letters within two, answers kept for an outage within an hour. Access tokens
// end with their sessions.
func (a *Accounts) Delete(ctx context.Context, c Caller, password string) error {
	row, err := backenddb.New(a.Pool).UserByID(ctx, c.User)
	if err != nil {
		return gone(err)
	}
	if err := prove(ctx, row, c, "password", password); err != nil {
		return err
	}
	if err := a.HaveEnded(ctx, a.close(ctx, row)); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, erasePatience)
	defer cancel()
	if err := a.Erase(limited, c.User); err != nil {
		a.Log.InfoContext(ctx, "the rest of a closed account is removed later", "reason", err)
	}
	return nil
}

// close ends what the user can do, and notifies the agents.
func (a *Accounts) close(ctx context.Context, row backenddb.User) error {
	at := db.Now()
	return again(ctx, func() error {
		return db.AsUser(ctx, a.Pool, row.ID, func(tx pgx.Tx) error {
			q := backenddb.New(tx)
			if err := unchanged(ctx, q.UserForUpdate, row); err != nil {
				return err
			}
			return a.shut(ctx, tx, row.ID, at)
		})
	})
}

// shut closes an account. tx acts for the user, whose row it has locked.
func (a *Accounts) shut(ctx context.Context, tx pgx.Tx, user uuid.UUID, at time.Time) error {
	q := backenddb.New(tx)
	for _, drop := range []func(context.Context, uuid.UUID) error{
		q.DropIdentities, q.DropPushSubscriptions, q.DropOneTimeTokens, q.DropMailRequests,
	} {
		if err := drop(ctx, user); err != nil {
			return err
		}
	}
	if err := q.EndSessions(ctx, user, uuid.Nil); err != nil {
		return err
	}
	if err := q.CloseAccount(ctx, at, user); err != nil {
		return err
	}
	return a.publish(ctx, tx, event.TypeUserDeleted, user, user, event.UserDeleted{UserID: user, DeletedAt: at})
}

// How closed accounts are erased.
const (
	// erasePatience is how long a person waits for it, of the ten seconds that a request
	// may take.
	erasePatience = 4 * time.Second
	// eraseEvery is how often closed accounts are looked for that somebody left behind.
	eraseEvery = 30 * time.Second
	// eraseRows is how many rows one transaction removes: at most some tenths of a second's work.
	eraseRows = 2000
	// eraseEvents is how many things one transaction overwrites on compacted topics.
	eraseEvents = 200
	// erasedAtOnce is how many accounts are looked up together.
	erasedAtOnce = 100
	// conflicts is how often a transaction is begun that others' changes break.
	conflicts = 5
)

// erasedFirst are the tables that may hold many rows of a user, in an order in which
// none refers to a later one. The others go with the user's row: each holds a bounded
// number (limits.MaxOwned), or goes with a row of these.
var erasedFirst = []string{"idempotency_keys", "import_skips", "transactions", "imports", "daily_sums", "rates", "insights", "alerts", "goal_contributions", "tasks"}

// RunErasure erases closed accounts whose erasure did not end, until ctx does. Replicas
// may do so at the same time: none waits for the other's rows for long.
func (a *Accounts) RunErasure(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(eraseEvery/2 + rand.N(eraseEvery)): // replicas are not started together for this
		}
		if err := a.EraseClosed(ctx, time.Now().Add(-2*erasePatience)); err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "closed accounts are not erased yet", "error", err)
		}
	}
}

// EraseClosed erases all accounts that were closed before a time. That one fails does
// not keep the others.
func (a *Accounts) EraseClosed(ctx context.Context, before time.Time) error {
	var failed []error
	for page := (backenddb.ClosedAccountsParams{Before: before, Most: erasedAtOnce}); ; {
		users, err := backenddb.New(a.Pool).ClosedAccounts(ctx, page)
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
		for _, one := range users {
			if err := a.Erase(ctx, one.ID); err != nil {
				failed = append(failed, fmt.Errorf("account %s: %w", one.ID, err))
			}
			page.After, page.AfterID = one.ClosedAt, one.ID
		}
		if len(users) < erasedAtOnce || ctx.Err() != nil {
			return errors.Join(failed...)
		}
	}
}

// Erase removes everything kept of a user whose account is closed, and does nothing for
// others. Each transaction is short; one that is begun again goes on where the last
// one ended.
func (a *Accounts) Erase(ctx context.Context, user uuid.UUID) error {
	if closed, err := backenddb.New(a.Pool).IsClosed(ctx, user); err != nil || !closed {
		return err
	}
	for _, table := range erasedFirst {
		if err := a.inSteps(ctx, user, eraseRows, func(tx pgx.Tx) (int, error) { return removeSome(ctx, tx, table, user) }); err != nil {
			return fmt.Errorf("remove from %s: %w", table, err)
		}
	}
	if err := a.inSteps(ctx, user, eraseEvents, func(tx pgx.Tx) (int, error) { return a.scrubBudgets(ctx, tx, user) }); err != nil {
		return fmt.Errorf("remove budgets: %w", err)
	}
	return again(ctx, func() error {
		return db.AsUser(ctx, a.Pool, user, func(tx pgx.Tx) error {
			q := backenddb.New(tx)
			// From here on nothing of the user's can be made: it would refer to the user.
			if _, err := q.ClosedAccountForDeletion(ctx, user); errors.Is(err, pgx.ErrNoRows) {
				return nil // somebody else has done it
			} else if err != nil {
				return err
			}
			if err := a.scrub(ctx, tx, user); err != nil {
				return err
			}
			_, err := q.DeleteUser(ctx, user)
			return err
		})
	})
}

// inSteps runs step in transactions of their own until one has done less than whole.
func (a *Accounts) inSteps(ctx context.Context, user uuid.UUID, whole int, step func(pgx.Tx) (int, error)) error {
	for done := whole; done >= whole; {
		if err := again(ctx, func() error {
			return db.AsUser(ctx, a.Pool, user, func(tx pgx.Tx) (err error) {
				done, err = step(tx)
				return err
			})
		}); err != nil {
			return err
		}
	}
	return nil
}

// removeSome removes eraseRows rows of a user at most, and returns how many there were.
func removeSome(ctx context.Context, tx pgx.Tx, table string, user uuid.UUID) (int, error) {
	tag, err := tx.Exec(ctx, fmt.Sprintf("DELETE FROM %[1]s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %[1]s WHERE user_id = $1 LIMIT $2))",
		pgx.Identifier{table}.Sanitize()), user, eraseRows)
	return int(tag.RowsAffected()), err
}

// again runs a transaction again that another one broke: whoever was changing something
// of the user's may have waited for the user's row, and this for theirs.
func again(ctx context.Context, transaction func() error) error {
	for attempt := 1; ; attempt++ {
		err := transaction()
		if attempt == conflicts || !db.Transient(err) || db.Unavailable(err) || ctx.Err() != nil {
			return err
		}
	}
}

// scrub overwrites what compacted topics would keep of the user for good: the
// last state of each thing.
func (a *Accounts) scrub(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	q := backenddb.New(tx)
	wallets, err := q.WalletsToScrub(ctx, user)
	if err != nil {
		return err
	}
	for _, w := range wallets {
		if err := a.publish(ctx, tx, event.TypeWalletChanged, w.ID, w.ID, event.WalletChanged{
			UserID: user, WalletID: w.ID, Version: w.Version + 1, Name: event.Redacted, Type: w.Type, Currency: w.Currency, OpeningBalance: "0.00", Deleted: true,
		}); err != nil {
			return err
		}
	}
	categories, err := q.CategoriesToScrub(ctx, user)
	if err != nil {
		return err
	}
	for _, c := range categories {
		if err := a.publish(ctx, tx, event.TypeCategoryChanged, c.ID, c.ID, event.CategoryChanged{
			UserID: user, CategoryID: c.ID, Version: c.Version + 1, Slug: event.Redacted, Name: event.Redacted, Kind: c.Kind, Deleted: true,
		}); err != nil {
			return err
		}
	}
	for more := true; more; { // those made since
		done, err := a.scrubBudgets(ctx, tx, user)
		if err != nil {
			return err
		}
		more = done == eraseEvents
	}
	goals, err := q.GoalsToScrub(ctx, user)
	if err != nil {
		return err
	}
	for _, g := range goals {
		if err := a.publish(ctx, tx, event.TypeGoalChanged, g.ID, g.ID, event.GoalChanged{
			UserID: user, GoalID: g.ID, Version: g.Version + 1, Name: event.Redacted, Target: "0.01", Saved: "0.00", Currency: g.Currency, Status: "abandoned",
			CreatedAt: g.CreatedAt.UTC(), Deleted: true,
		}); err != nil {
			return err
		}
	}
	return a.Publisher.Scrub(ctx, tx, user)
}

// scrubBudgets overwrites and removes eraseEvents budgets at most, of which there may be
// many, and returns how many there were.
func (a *Accounts) scrubBudgets(ctx context.Context, tx pgx.Tx, user uuid.UUID) (int, error) {
	q := backenddb.New(tx)
	budgets, err := q.BudgetsToScrub(ctx, user, eraseEvents)
	if err != nil {
		return 0, err
	}
	var ids []uuid.UUID
	for _, b := range budgets {
		if err := a.publish(ctx, tx, event.TypeBudgetChanged, b.ID, b.ID, event.BudgetChanged{
			UserID: user, BudgetID: b.ID, Version: b.Version + 1, Category: event.Redacted, Limit: "0.01", Currency: b.Currency, Month: b.Month.Format("2006-01"), Deleted: true,
		}); err != nil {
			return 0, err
		}
		ids = append(ids, b.ID)
	}
	return len(ids), q.DropBudgets(ctx, user, ids)
}

func (a *Accounts) publish(ctx context.Context, tx pgx.Tx, kind string, subject, key uuid.UUID, data any) error {
	e, err := event.New(ctx, a.Publisher.Service, kind, subject.String(), data)
	if err != nil {
		return err
	}
	return outbox.Put(ctx, tx, e, key.String())
}
