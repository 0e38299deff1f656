package account

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/people/preference"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// scrubbed is what stands where a text of somebody's was.
const scrubbed = "deleted"

// Delete removes the caller's account and everything kept of them, in one
// transaction, and tells the agents to do the same. What stays passes by itself:
// published events within a week (outbox and topics), answers kept for an outage within a day,
// access tokens within 15 minutes.
func (a *Accounts) Delete(ctx context.Context, c Caller, password string) error {
	row, err := backenddb.New(a.Pool).UserByID(ctx, c.User)
	if err != nil {
		return gone(err)
	}
	if err := prove(ctx, row, c, "password", password); err != nil {
		return err
	}
	return db.AsUser(ctx, a.Pool, c.User, func(tx pgx.Tx) error {
		q := backenddb.New(tx)
		if err := unchanged(ctx, q, row); err != nil {
			return err
		}
		if err := a.scrub(ctx, tx, c.User); err != nil {
			return err
		}
		if _, err := q.DeleteUser(ctx, c.User); err != nil {
			return err
		}
		return a.tell(ctx, tx, event.TypeUserDeleted, c.User, c.User, event.UserDeleted{UserID: c.User, DeletedAt: now()})
	})
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
		if err := a.tell(ctx, tx, event.TypeWalletChanged, w.ID, w.ID, event.WalletChanged{
			UserID: user, WalletID: w.ID, Name: scrubbed, Type: w.Type, Currency: w.Currency, OpeningBalance: "0.00", Deleted: true,
		}); err != nil {
			return err
		}
	}
	budgets, err := q.BudgetsToScrub(ctx, user)
	if err != nil {
		return err
	}
	for _, b := range budgets {
		if err := a.tell(ctx, tx, event.TypeBudgetChanged, b.ID, b.ID, event.BudgetChanged{
			UserID: user, BudgetID: b.ID, Category: scrubbed, Limit: "0.01", Currency: b.Currency, Month: b.Month.Format("2006-01"), Deleted: true,
		}); err != nil {
			return err
		}
	}
	goals, err := q.GoalsToScrub(ctx, user)
	if err != nil {
		return err
	}
	for _, g := range goals {
		if err := a.tell(ctx, tx, event.TypeGoalChanged, g.ID, g.ID, event.GoalChanged{
			UserID: user, GoalID: g.ID, Name: scrubbed, Target: "0.01", Saved: "0.00", Currency: g.Currency, Status: "abandoned",
			CreatedAt: g.CreatedAt.UTC(), Deleted: true,
		}); err != nil {
			return err
		}
	}
	return preference.Scrub(ctx, tx, a.Service, user)
}

func (a *Accounts) tell(ctx context.Context, tx pgx.Tx, kind string, subject, key uuid.UUID, data any) error {
	e, err := event.New(ctx, a.Service, kind, subject.String(), data)
	if err != nil {
		return err
	}
	return outbox.Put(ctx, tx, e, key.String())
}
