package account

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Delete removes the caller's account and everything kept of them, in one
// transaction, and publishes user.deleted, upon which the agents do the same. What
// stays passes by itself: published events within a week (outbox and topics), answers
// kept for an outage within a day. Access tokens end with their sessions.
func (a *Accounts) Delete(ctx context.Context, c Caller, password string) error {
	row, err := backenddb.New(a.Pool).UserByID(ctx, c.User)
	if err != nil {
		return gone(err)
	}
	if err := prove(ctx, row, c, "password", password); err != nil {
		return err
	}
	remove := func(tx pgx.Tx) error {
		q := backenddb.New(tx)
		// From here on nothing of the user's can be made: it would refer to the user.
		if err := unchanged(ctx, q.UserForDeletion, row); err != nil {
			return err
		}
		if err := a.scrub(ctx, tx, c.User); err != nil {
			return err
		}
		if _, err := q.DeleteUser(ctx, c.User); err != nil {
			return err
		}
		return a.publish(ctx, tx, event.TypeUserDeleted, c.User, c.User, event.UserDeleted{UserID: c.User, DeletedAt: now()})
	}
	for attempt := 1; ; attempt++ {
		err := a.ended(ctx, db.AsUser(ctx, a.Pool, c.User, remove))
		// Whoever was changing something of the user's may have waited for the user's
		// row, and this for theirs.
		if attempt == deadlocks || !db.Transient(err) || db.Unavailable(err) || ctx.Err() != nil {
			return err
		}
	}
}

// deadlocks is how often a deletion is begun that others' changes break.
const deadlocks = 5

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
	budgets, err := q.BudgetsToScrub(ctx, user)
	if err != nil {
		return err
	}
	for _, b := range budgets {
		if err := a.publish(ctx, tx, event.TypeBudgetChanged, b.ID, b.ID, event.BudgetChanged{
			UserID: user, BudgetID: b.ID, Version: b.Version + 1, Category: event.Redacted, Limit: "0.01", Currency: b.Currency, Month: b.Month.Format("2006-01"), Deleted: true,
		}); err != nil {
			return err
		}
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

func (a *Accounts) publish(ctx context.Context, tx pgx.Tx, kind string, subject, key uuid.UUID, data any) error {
	e, err := event.New(ctx, a.Publisher.Service, kind, subject.String(), data)
	if err != nil {
		return err
	}
	return outbox.Put(ctx, tx, e, key.String())
}
