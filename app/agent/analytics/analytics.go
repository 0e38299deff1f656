// Package analytics is the agent that watches spending: it warns when a budget
// is nearly used up, tells when it is passed, and points out an expense that is
// far from the usual. Events may come late, twice and in any order; what is said
// depends on what happened only.
package analytics

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/bus"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/inbox"
	"github.com/wealth-companion/companion/app/money"
	"github.com/wealth-companion/companion/app/outbox"
	"github.com/wealth-companion/companion/app/trail"
)

// Agent is the analytics agent.
type Agent struct{ Pool *pgxpool.Pool }

// Handlers are what it does about the events on each topic.
func (a *Agent) Handlers() map[string]bus.Handler {
	return bus.ByTopic(event.Analytics, map[string]bus.Handler{
		event.TypeTransactionCreated: a.transactionCreated,
		event.TypeTransactionUpdated: a.transactionUpdated,
		event.TypeBudgetChanged:      a.budgetChanged,
		event.TypePreferencesChanged: a.noted,
		event.TypeInsightDismissed:   a.noted,
		event.TypeUserDeleted:        a.noted,
	})
}

// noted takes an event of which nothing is made yet.
func (a *Agent) noted(ctx context.Context, e event.CloudEvent) (bool, error) {
	return inbox.Once(ctx, a.Pool, e.ID, func(pgx.Tx) error { return nil })
}

// once handles an event of a user's, alone and once.
func (a *Agent) once(ctx context.Context, e event.CloudEvent, user uuid.UUID, effect func(pgx.Tx) error) (bool, error) {
	return inbox.Once(ctx, a.Pool, e.ID, func(tx pgx.Tx) error {
		if err := alone(ctx, tx, user); err != nil {
			return err
		}
		return effect(tx)
	})
}

func (a *Agent) transactionCreated(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.TransactionCreated](e)
	if err != nil {
		return false, err
	}
	return a.once(ctx, e, data.UserID, func(tx pgx.Tx) error {
		if err := keepOriginal(ctx, tx, data); err != nil {
			return err
		}
		_, is, _, err := settle(ctx, tx, data.TransactionID)
		if err != nil || is.kind != event.Expense {
			return err
		}
		if err := assess(ctx, tx, is.place); err != nil {
			return err
		}
		return compare(ctx, tx, is)
	})
}

func (a *Agent) transactionUpdated(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.TransactionUpdated](e)
	if err != nil {
		return false, err
	}
	return a.once(ctx, e, data.UserID, func(tx pgx.Tx) error {
		if err := keepChange(ctx, tx, e.ID, data); err != nil {
			return err
		}
		was, is, known, err := settle(ctx, tx, data.TransactionID)
		if err != nil || !known || is.kind != event.Expense {
			return err
		}
		if err := assess(ctx, tx, is.place); err != nil {
			return err
		}
		if is.amount.Equal(was.amount) && is.place == was.place && is.kind == was.kind {
			return nil // as usual as it was
		}
		return compare(ctx, tx, is)
	})
}

func (a *Agent) budgetChanged(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.BudgetChanged](e)
	if err != nil {
		return false, err
	}
	return a.once(ctx, e, data.UserID, func(tx pgx.Tx) error {
		fresh, err := keepBudget(ctx, tx, data, e.Time)
		if err != nil || !fresh || data.Deleted {
			return err
		}
		return assess(ctx, tx, place{data.UserID, data.Category, data.Currency, data.Month})
	})
}

// assess says what is to be said of the budgets of a place, each thing once for
// each amount that a budget is set to.
func assess(ctx context.Context, tx pgx.Tx, p place) error {
	limits, err := limitsAt(ctx, tx, p)
	if err != nil || len(limits) == 0 {
		return err
	}
	spent, err := spentAt(ctx, tx, p)
	if err != nil {
		return err
	}
	for _, l := range limits {
		how := stand(l.amount, spent)
		if how.warn {
			if err := say(ctx, tx, l.id, money.Format(l.amount), event.TypeInsightGenerated, p.user, warning(p, l, spent, how)); err != nil {
				return err
			}
		}
		if how.exceeded {
			if err := say(ctx, tx, l.id, money.Format(l.amount), event.TypeBudgetExceeded, p.user, exceeded(p, l, spent)); err != nil {
				return err
			}
		}
	}
	return nil
}

// compare points the expense out when it is far from the usual.
func compare(ctx context.Context, tx pgx.Tx, s seen) error {
	samples, err := expensesBefore(ctx, tx, s)
	if err != nil {
		return err
	}
	from, is := unusual(s.amount, samples)
	if !is {
		return nil
	}
	return say(ctx, tx, s.id, event.SpendingPattern, event.TypeInsightGenerated, s.place.user, event.InsightGenerated{
		InsightID: trail.NewID(), UserID: s.place.user, InsightType: event.SpendingPattern,
		Title: fmt.Sprintf("Unusual expense: %s %s on %s", money.Format(s.amount), s.place.currency, s.place.category),
		Message: fmt.Sprintf("%s %s is %s times what you usually spend on %s at once (%s %s). If it was not you, look at it now.",
			money.Format(s.amount), s.place.currency, from.times, s.place.category, money.Format(from.median.Round(2)), s.place.currency),
		Confidence:      from.confidence,
		RelatedEntities: map[string]string{"transactionId": s.id.String(), "category": s.place.category},
	})
}

// say publishes an event with the transaction, unless the same was said of the
// subject before.
func say(ctx context.Context, tx pgx.Tx, subject uuid.UUID, detail, kind string, user uuid.UUID, data any) error {
	first, err := firstTime(ctx, tx, subject, kind, detail)
	if err != nil || !first {
		return err
	}
	e, err := event.New(ctx, event.Analytics, kind, subject.String(), data)
	if err != nil {
		return err
	}
	return outbox.Put(ctx, tx, e, user.String())
}

func warning(p place, l limit, spent decimal.Decimal, how standing) event.InsightGenerated {
	return event.InsightGenerated{
		InsightID: trail.NewID(), UserID: p.user, InsightType: event.BudgetWarning,
		Title: fmt.Sprintf("%s%% of your %s budget is used", how.percent, p.category),
		Message: fmt.Sprintf("You have spent %s of %s %s on %s in %s.",
			money.Format(spent), money.Format(l.amount), p.currency, p.category, p.month),
		Confidence:      1, // a sum, not a guess
		RelatedEntities: map[string]string{"budgetId": l.id.String(), "category": p.category, "month": p.month},
		ExpiresAt:       endOf(p.month, time.Now()),
	}
}

// endOf is when a month ends, or nil when that is past: what is said of it then
// is worth reading nevertheless.
func endOf(month string, now time.Time) *time.Time {
	first, err := time.Parse("2006-01", month)
	if err != nil {
		return nil
	}
	if end := first.AddDate(0, 1, 0); end.After(now) {
		return &end
	}
	return nil
}

func exceeded(p place, l limit, spent decimal.Decimal) event.BudgetExceeded {
	return event.BudgetExceeded{
		UserID: p.user, BudgetID: l.id, Category: p.category, Period: p.month,
		BudgetAmount: money.Format(l.amount), ActualAmount: money.Format(spent),
		PercentOver: spent.Sub(l.amount).Mul(hundred).DivRound(l.amount, 2).String(),
	}
}
