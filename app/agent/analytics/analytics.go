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
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/money"
)

// KindWarning is the detector of budgets that reached their threshold.
const KindWarning = "budget_warning"

const (
	// news is how long an expense is news: those of an imported past are not.
	news = 14 * 24 * time.Hour
	// eventHistory bounds what is read of an expense that may be out of the ordinary.
	eventHistory = 1500
	// nightly is how far back a review looks for expenses that are out of the
	// ordinary, in case what they are compared with came after them.
	nightly = 3 * 24 * time.Hour
)

// Watch makes o the analytics agent.
func Watch(o *observer.Observer) *observer.Observer {
	o.Service = event.Analytics
	o.Transaction, o.Reads, o.Budget, o.Review = transaction, reads, budget, review
	o.Always = []string{KindWarning}
	return o
}

// reads are what transaction reads of one that is new.
func reads(c *observer.Case, is observer.Transaction) observer.Reads {
	if !is.Spent() {
		return observer.Reads{}
	}
	which := observer.Reads{Budgets: budgetsOf(c, history.MonthOf(is.At), is.Category, is.Currency)}
	if isNews(c, is) {
		which.On = []observer.On{sameCategory(is)}
		if is.Merchant != "" {
			which.With = []observer.With{sameMerchant(is)}
		}
	}
	return which
}

// budgetsOf are those that what is spent in a month counts for: its own and, with
// rollover, all later ones. Those before the last month are over, and those after the
// next are not looked at yet.
func budgetsOf(c *observer.Case, month time.Time, category, currency string) []observer.Months {
	this := history.MonthOf(c.Clock())
	first, last := month, month
	if earliest := this.AddDate(0, -1, 0); first.Before(earliest) {
		first = earliest
	}
	if last.Before(this) {
		last = this
	}
	var found []observer.Months
	for one := first; !one.After(last.AddDate(0, 1, 0)); one = one.AddDate(0, 1, 0) {
		found = append(found, observer.Months{Month: history.Month(one), Category: category, Currency: currency})
	}
	return found
}

func isNews(c *observer.Case, is observer.Transaction) bool {
	return !is.At.Before(c.Clock().Add(-news))
}

func sameMerchant(is observer.Transaction) observer.With {
	return observer.With{Merchant: is.Merchant, Since: is.At.Add(-lookBack), Until: is.At.Add(1)}
}

func sameCategory(is observer.Transaction) observer.On {
	return observer.On{Category: is.Category, Currency: is.Currency, Since: is.At.Add(-lookBack), Until: is.At.Add(1)}
}

// transaction looks at the budgets that a transaction counts for, and whether it
// is out of the ordinary.
func transaction(ctx context.Context, c *observer.Case, was, is observer.Transaction) error {
	if is.Same(was) {
		return nil
	}
	for _, one := range spentMore(was, is) {
		if err := assessAt(ctx, c, budgetsOf(c, history.MonthOf(one.At), one.Category, one.Currency)); err != nil {
			return err
		}
	}
	if !is.Spent() || !isNews(c, is) {
		return nil
	}
	near, err := nearOf(ctx, c, is)
	if err != nil {
		return err
	}
	f, odd, err := judge(is.Transaction, near, func() ([]history.Transaction, error) {
		return c.History(ctx, is.At.Add(-lookBack), is.At.Add(1), eventHistory)
	})
	if err != nil || !odd {
		return err
	}
	_, err = c.Say(ctx, f)
	return err
}

// spentMore are was and is as far as more may be spent now in their months: where an
// expense is, and where there was a refund. Where an expense was before, less is spent.
func spentMore(was, is observer.Transaction) []observer.Transaction {
	var found []observer.Transaction
	if is.Spent() {
		found = append(found, is)
	}
	if was.Refund && !was.Deleted {
		found = append(found, was)
	}
	return found
}

// nearOf reads what a transaction is compared with first.
func nearOf(ctx context.Context, c *observer.Case, is observer.Transaction) (near, error) {
	var all []history.Transaction
	var err error
	if is.Merchant != "" {
		if all, err = c.HistoryWith(ctx, sameMerchant(is)); err != nil {
			return near{}, err
		}
	}
	category, err := c.ExpensesOn(ctx, sameCategory(is))
	return nearTo(is.Transaction, all, category), err
}

func budget(ctx context.Context, c *observer.Case, b event.BudgetChanged) error {
	month, err := time.Parse("2006-01", b.Month)
	if err != nil {
		return err
	}
	return assessAt(ctx, c, budgetsOf(c, month, b.Category, b.Currency))
}

// assessAt says what is to be said of budgets, each thing once for each amount that
// one is set to.
func assessAt(ctx context.Context, c *observer.Case, which []observer.Months) error {
	for _, months := range which {
		budgets, err := c.BudgetsAt(ctx, months)
		if err != nil {
			return err
		}
		for _, b := range budgets {
			if err := assess(ctx, c, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// assess says one thing of a budget: that it is exceeded, or else that its
// threshold is reached; and nothing of an imported past. A warning is for a month
// that is not over; that a budget is exceeded may turn out some days after.
func assess(ctx context.Context, c *observer.Case, b observer.Budget) error {
	how := stand(b.Limit, b.Spent, b.Threshold)
	if endOf(b.Month, c.Clock().Add(-news)) == nil {
		return nil
	}
	if how.exceeded {
		return exceeded(ctx, c, b, how)
	}
	if !how.warn || endOf(b.Month, c.Clock()) == nil {
		return nil
	}
	_, err := c.Say(ctx, warning(b, how, c.Clock()))
	return err
}

// exceeded publishes that a budget is exceeded, once for each amount that it is
// set to. The warning is not said any more, neither with it, which would be two
// alerts for one expense, nor after it, should less be spent then.
func exceeded(ctx context.Context, c *observer.Case, b observer.Budget, how standing) error {
	if c.Said(b.ID, event.TypeBudgetExceeded, money.Format(b.Set)) {
		return nil
	}
	if err := c.Skip(ctx, warning(b, how, c.Clock())); err != nil {
		return err
	}
	name, err := c.CategoryName(ctx, b.Category)
	if err != nil {
		return err
	}
	return c.Tell(ctx, b.ID, event.TypeBudgetExceeded, money.Format(b.Set), event.BudgetExceeded{
		UserID: c.User, BudgetID: b.ID, Category: b.Category, CategoryName: name, Period: b.Month, Currency: b.Currency,
		BudgetAmount: money.Format(b.Limit), ActualAmount: money.Format(b.Spent),
		PercentOver: money.Percent(b.Spent.Sub(b.Limit), b.Limit, 2).String(),
	})
}

func warning(b observer.Budget, how standing, now time.Time) finding.Finding {
	left := decimal.Max(decimal.Zero, b.Limit.Sub(b.Spent))
	return finding.Finding{
		Subject: b.ID, Kind: KindWarning, Detail: fmt.Sprintf("%s@%d", money.Format(b.Set), b.Threshold), InsightType: event.BudgetWarning,
		Title: fmt.Sprintf("%s%% of your %s budget is used", how.percent, finding.Category(b.Category)),
		Message: fmt.Sprintf("You have spent %s of %s %s on %s in %s.",
			money.Decimals(b.Spent, b.Currency), money.Decimals(b.Limit, b.Currency), b.Currency, finding.Category(b.Category), calendar.MonthInWords(b.Month)),
		Dismiss:    "The end of the month, a refund, or a higher budget.",
		Confidence: 1, // a sum, not a guess
		Facts: map[string]string{
			"spent": money.Decimals(b.Spent, b.Currency), "limit": money.Decimals(b.Limit, b.Currency), "left": money.Decimals(left, b.Currency), "percent": how.percent.String(),
			"threshold": fmt.Sprint(b.Threshold), "currency": b.Currency, "category": finding.Category(b.Category), "month": b.Month,
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
