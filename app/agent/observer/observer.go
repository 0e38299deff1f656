// Package observer is what the agents that observe people's money have in
// common: each keeps, in a schema of its own, what it heard of transactions,
// budgets, wallets and goals; looks at what an event changed, and once a day at
// the whole; and says each thing once, in the template's words or a model's.
//
// Events may come late, twice and in any order: what is kept depends on what
// happened only.
package observer

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/merchant"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/messaging/inbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/observerdb"
)

// Observer keeps what its agent hears, and has it looked at.
type Observer struct {
	Pool     *pgxpool.Pool
	Service  string // the agent's name
	Log      *slog.Logger
	Settings Settings
	// Phrase finds words for an insight; nil: those of its template are used.
	Phrase Phrase
	// Now is the time; nil: the real one.
	Now func() time.Time

	// What the agent looks at, each alone with the user's data, in the database
	// transaction of the event. nil: nothing.

	// Transaction is told of one that is new to the agent or not what it was; was
	// is the zero one when it is new.
	Transaction func(ctx context.Context, c *Case, was, is Transaction) error
	// Reads are what Transaction will most likely read of one that is new; nil:
	// nothing. What it reads besides costs a query of its own.
	Reads func(c *Case, is Transaction) Reads
	// Budget is told of a budget that is new or changed.
	Budget func(ctx context.Context, c *Case, b event.BudgetChanged) error
	// Review looks at the user's money as a whole. What it finds is said, as far as
	// it was not before.
	Review func(ctx context.Context, c *Case, look Look) error
	// Always names the detectors that dismissals do not silence, for the user has
	// asked for what they say.
	Always []string
}

func (o *Observer) now() time.Time {
	if o.Now != nil {
		return o.Now().UTC()
	}
	return time.Now().UTC().Truncate(time.Microsecond)
}

// Handlers are what it does about the events on each topic.
func (o *Observer) Handlers() map[string]bus.Handler {
	return bus.ByTopic(o.Service, map[string]bus.Handler{
		event.TypeTransactionCreated: o.transactionCreated,
		event.TypeTransactionUpdated: o.transactionUpdated,
		event.TypeBudgetChanged:      o.budgetChanged,
		event.TypeWalletChanged:      o.walletChanged,
		event.TypeGoalChanged:        o.goalChanged,
		event.TypeCategoryChanged:    o.categoryChanged,
		event.TypePreferencesChanged: o.preferencesChanged,
		event.TypeInsightDismissed:   o.insightDismissed,
		event.TypeUserDeleted:        o.userDeleted,
	})
}

// Work is what goes on behind the events, for service.Parts.
func (o *Observer) Work() []func(context.Context) {
	return []func(context.Context){o.review, o.phrase}
}

// once handles an event of a user's once, and alone among all that acts for the
// user: what two saw of a budget apart would not add up. An event of a user who
// is gone is taken and leaves nothing.
func (o *Observer) once(ctx context.Context, e event.CloudEvent, user uuid.UUID, effect func(*Case) error) (bool, error) {
	return inbox.Once(ctx, o.Pool, e.ID, func(tx pgx.Tx) error {
		c, here, err := o.open(ctx, tx, user)
		if err != nil || !here {
			return err
		}
		return effect(c)
	})
}

// open has tx act for a user alone; here is false when they are gone.
func (o *Observer) open(ctx context.Context, tx pgx.Tx, user uuid.UUID) (c *Case, here bool, err error) {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", o.lock(user)); err != nil {
		return nil, false, err
	}
	person, err := observerdb.New(tx).Person(ctx, user)
	if err != nil {
		return nil, false, err
	}
	wording, err := wordingOf(person.Wording)
	c = o.caseOf(tx, user, o.now(), calendar.ZoneOrUTC(person.Timezone), wording)
	return c, err == nil && !person.Gone, err
}

// lock is the advisory lock of all that acts for a user.
func (o *Observer) lock(user uuid.UUID) int64 { return db.LockID(o.Service + ":user:" + user.String()) }

func (o *Observer) caseOf(tx pgx.Tx, user uuid.UUID, now time.Time, zone *time.Location, wording merchant.Wording) *Case {
	return &Case{User: user, Now: now, Zone: zone, Wording: wording, observer: o, tx: tx, out: tx, kept: observerdb.New(tx), ahead: newAhead()}
}

func (o *Observer) transactionUpdated(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.TransactionUpdated](e)
	if err != nil {
		return false, err
	}
	return o.once(ctx, e, data.UserID, func(c *Case) error {
		if err := c.keepChange(ctx, e.ID, data); err != nil {
			return err
		}
		was, is, known, err := c.settle(ctx, data.TransactionID)
		if err != nil || !known {
			return err
		}
		return o.changed(ctx, c, was, is)
	})
}

// changed has what became of a transaction looked at, now and in a review.
func (o *Observer) changed(ctx context.Context, c *Case, was, is Transaction) error {
	if err := o.wantReview(ctx, c, backfills(c, was, is)); err != nil || o.Transaction == nil {
		return err
	}
	return o.Transaction(ctx, c, was, is)
}

// backfills tells whether a transaction changes a month that was complete. was is the
// zero one when it is new.
func backfills(c *Case, was, is Transaction) bool {
	month := history.MonthOf(c.Clock())
	return is.At.Before(month) || !was.At.IsZero() && was.At.Before(month)
}

func (o *Observer) wantReview(ctx context.Context, c *Case, backfilled bool) error {
	return c.kept.WantReview(ctx, c.User, c.Now.Add(o.Settings.Settle), backfilled)
}

func (o *Observer) budgetChanged(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.BudgetChanged](e)
	if err != nil {
		return false, err
	}
	return o.once(ctx, e, data.UserID, func(c *Case) error {
		limit, err := money.Parse(data.Limit)
		if err != nil {
			return err
		}
		if data.Threshold == 0 {
			data.Threshold = defaultThreshold
		}
		fresh, err := c.kept.KeepBudget(ctx, observerdb.KeepBudgetParams{
			ID: data.BudgetID, UserID: data.UserID, Category: data.Category, Amount: limit, Currency: data.Currency, Month: data.Month,
			Threshold: int32(data.Threshold), Rollover: data.Rollover, Deleted: data.Deleted, ChangedAt: e.Time, Version: data.Version,
		})
		if err != nil || fresh == 0 {
			return err // a newer one is known
		}
		if err := o.wantReview(ctx, c, false); err != nil || data.Deleted || o.Budget == nil {
			return err
		}
		return o.Budget(ctx, c, data)
	})
}

// defaultThreshold is the percentage of a budget at which its user is warned
// unless they said otherwise.
const defaultThreshold = 80

func (o *Observer) walletChanged(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.WalletChanged](e)
	if err != nil {
		return false, err
	}
	opening, err := money.ParseSigned(data.OpeningBalance)
	if err != nil {
		return false, err
	}
	return o.once(ctx, e, data.UserID, func(c *Case) error {
		if err := o.wantReview(ctx, c, false); err != nil {
			return err
		}
		return c.kept.KeepWallet(ctx, observerdb.KeepWalletParams{
			ID: data.WalletID, UserID: data.UserID, Name: data.Name, Type: data.Type, Currency: data.Currency,
			Opening: opening, Deleted: data.Deleted, ChangedAt: e.Time, Version: data.Version,
		})
	})
}

func (o *Observer) goalChanged(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.GoalChanged](e)
	if err != nil {
		return false, err
	}
	goal := observerdb.KeepGoalParams{
		ID: data.GoalID, UserID: data.UserID, Name: data.Name, Currency: data.Currency, Status: data.Status,
		CreatedAt: data.CreatedAt, Deleted: data.Deleted, ChangedAt: e.Time, Version: data.Version,
	}
	if goal.Target, err = money.ParseSigned(data.Target); err != nil {
		return false, err
	}
	if goal.Saved, err = money.ParseSigned(data.Saved); err != nil {
		return false, err
	}
	if data.Deadline != "" {
		day, err := time.Parse(time.DateOnly, data.Deadline)
		if err != nil {
			return false, err
		}
		goal.Deadline = &day
	}
	return o.once(ctx, e, data.UserID, func(c *Case) error {
		if err := o.wantReview(ctx, c, false); err != nil {
			return err
		}
		return c.kept.KeepGoal(ctx, goal)
	})
}

func (o *Observer) categoryChanged(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.CategoryChanged](e)
	if err != nil {
		return false, err
	}
	return o.once(ctx, e, data.UserID, func(c *Case) error {
		return c.kept.KeepCategory(ctx, observerdb.KeepCategoryParams{
			ID: data.CategoryID, UserID: data.UserID, Slug: data.Slug, Name: data.Name, Version: data.Version, ChangedAt: e.Time,
		})
	})
}

func (o *Observer) preferencesChanged(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.PreferencesChanged](e)
	if err != nil {
		return false, err
	}
	return o.once(ctx, e, data.UserID, func(c *Case) error {
		return c.kept.KeepPreferences(ctx, observerdb.KeepPreferencesParams{
			UserID: data.UserID, Timezone: data.Timezone, Muted: append([]string{}, data.MutedTypes...), Phrasing: data.Phrasing, ChangedAt: e.Time, Version: data.Version,
		})
	})
}

func (o *Observer) insightDismissed(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.InsightDismissed](e)
	if err != nil {
		return false, err
	}
	return o.once(ctx, e, data.UserID, func(c *Case) error {
		return c.kept.KeepDismissal(ctx, observerdb.KeepDismissalParams{
			InsightID: data.InsightID, UserID: data.UserID, Detector: data.Detector, Feedback: data.Feedback, DismissedAt: data.DismissedAt,
		})
	})
}
