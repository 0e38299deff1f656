// Package analytics is the agent that watches spending: it warns when a budget
// is nearly used up, tells when it is passed or will be, and points out expenses
// and months that are far from the usual.
package analytics

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/money"
)

// KindWarning is the detector of budgets that reached their threshold.
const KindWarning = "budget_warning"

const (
	// news is how long an expense is news: those of an imported past are not.
	news = 14 * 24 * time.Hour
	// eventHistory bounds what is read when a transaction comes.
	eventHistory = 1500
	// nightly is how far back a review looks for expenses that are out of the
	// ordinary, in case what they are compared with came after them.
	nightly = 3 * 24 * time.Hour
)

// Watch makes o the analytics agent.
func Watch(o *observer.Observer) *observer.Observer {
	o.Service = event.Analytics
	o.Transaction, o.Budget, o.Review = transaction, budget, review
	o.Always = []string{KindWarning}
	return o
}

// transaction looks at the budgets that a transaction counts for, and whether it
// is out of the ordinary.
func transaction(ctx context.Context, c *observer.Case, was, is observer.Transaction) error {
	if !is.Spent() || is.Same(was) {
		// Where an expense was before, less is spent now.
		return nil
	}
	if err := assessAt(ctx, c, history.Month(is.At), is.Category, is.Currency); err != nil {
		return err
	}
	// What is spent this month is not carried over to the next.
	next := history.Month(history.MonthOf(is.At).AddDate(0, 1, 0))
	if err := assessAt(ctx, c, next, is.Category, is.Currency); err != nil {
		return err
	}
	if is.At.Before(c.Clock().Add(-news)) {
		return nil
	}
	h, err := c.History(ctx, is.At.Add(-lookBack), is.At.Add(1), eventHistory)
	if err != nil {
		return err
	}
	if f, odd := Anomaly(is.Transaction, h); odd {
		_, err = c.Say(ctx, f)
	}
	return err
}

func budget(ctx context.Context, c *observer.Case, b event.BudgetChanged) error {
	if err := assessAt(ctx, c, b.Month, b.Category, b.Currency); err != nil {
		return err
	}
	month, err := time.Parse("2006-01", b.Month)
	if err != nil {
		return err
	}
	return assessAt(ctx, c, history.Month(month.AddDate(0, 1, 0)), b.Category, b.Currency)
}

// assessAt says what is to be said of the budgets of a month, each thing once for
// each amount that a budget is set to.
func assessAt(ctx context.Context, c *observer.Case, month, category, currency string) error {
	budgets, err := c.BudgetsAt(ctx, month, category, currency)
	if err != nil {
		return err
	}
	for _, b := range budgets {
		if err := assess(ctx, c, b); err != nil {
			return err
		}
	}
	return nil
}

// assess says nothing of an imported past. A warning is for a month that is not
// over; that a budget is exceeded may turn out some days after.
func assess(ctx context.Context, c *observer.Case, b observer.Budget) error {
	how := stand(b.Limit, b.Spent, b.Threshold)
	if endOf(b.Month, c.Clock().Add(-news)) == nil {
		return nil
	}
	if how.warn && endOf(b.Month, c.Clock()) != nil {
		if _, err := c.Say(ctx, warning(b, how, c.Clock())); err != nil {
			return err
		}
	}
	if !how.exceeded {
		return nil
	}
	return c.Tell(ctx, b.ID, event.TypeBudgetExceeded, money.Format(b.Set), event.BudgetExceeded{
		UserID: c.User, BudgetID: b.ID, Category: b.Category, Period: b.Month,
		BudgetAmount: money.Format(b.Limit), ActualAmount: money.Format(b.Spent),
		PercentOver: b.Spent.Sub(b.Limit).Mul(hundred).DivRound(b.Limit, 2).String(),
	})
}

func warning(b observer.Budget, how standing, now time.Time) finding.Finding {
	left := decimal.Max(decimal.Zero, b.Limit.Sub(b.Spent))
	return finding.Finding{
		Subject: b.ID, Kind: KindWarning, Detail: fmt.Sprintf("%s@%d", money.Format(b.Set), b.Threshold), InsightType: event.BudgetWarning,
		Title: fmt.Sprintf("%s%% of your %s budget is used", how.percent, b.Category),
		Message: fmt.Sprintf("You have spent %s of %s %s on %s in %s.",
			money.Format(b.Spent), money.Format(b.Limit), b.Currency, b.Category, b.Month),
		Dismiss:    "The end of the month, or a higher budget.",
		Confidence: 1, // a sum, not a guess
		Facts: map[string]string{
			"spent": money.Format(b.Spent), "limit": money.Format(b.Limit), "left": money.Format(left), "percent": how.percent.String(),
			"threshold": fmt.Sprint(b.Threshold), "currency": b.Currency, "category": b.Category, "month": b.Month,
		},
		Related:   map[string]string{"budgetId": b.ID.String(), "category": b.Category, "month": b.Month},
		ExpiresAt: endOf(b.Month, now),
	}
}

// endOf is when a month ends, or nil when that is past.
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

// review looks at the month, and now and then at what changes slowly.
func review(ctx context.Context, c *observer.Case, look observer.Look) error {
	h, err := c.History(ctx, c.Clock().Add(-recurring.Window), c.Clock().Add(1), observer.MostHistory)
	if err != nil || len(h) == 0 {
		return err
	}
	budgets, err := c.Budgets(ctx, history.Month(c.Clock()))
	if err != nil {
		return err
	}
	series := recurring.Find(h, c.Clock())
	found := Anomalies(h, c.Clock().Add(-nightly), c.Clock())
	found = append(found, BudgetForecasts(observer.Limits(budgets), series, h, c.Clock())...)
	found = append(found, CategoryPace(h, series, c.Clock())...)
	if look.Weekly() || look.Backfilled {
		found = append(found, WeekendPattern(h, series, c.Clock())...)
	}
	if look.Monthly(1) || look.Backfilled {
		found = append(found, CategoryGrowth(h, series, c.Clock())...)
	}
	return c.SayAll(ctx, observer.MostSaid, found...)
}
