package analytics

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/agent/stats"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/money"
)

const (
	// paceDays is from which day on a month's pace tells something.
	paceDays = 10
	// paceMonths is how many months before it must have been spent on.
	paceMonths = 3
	// paceScore is how many standard deviations above the usual count at the end of
	// a month. As it is looked at each night, more is asked for earlier: the bound
	// of O'Brien and Fleming (Biometrics 35, 1979), which goes with 1 over the root
	// of the time gone.
	paceScore = 2.6
	// pacePurchases are the least of this month: fewer are single purchases.
	pacePurchases = 5
)

var (
	// fasterBy is how many times the usual is too fast.
	fasterBy      = decimal.RequireFromString("1.5")
	leastOfMonths = decimal.RequireFromString("0.03") // of all a month's expenses
	// atMost is how many times the median purchase a purchase counts at the most:
	// a single large one is an anomaly and no pace.
	atMost      = decimal.NewFromInt(3)
	monthOfDays = decimal.RequireFromString("30.4375")
)

// kept is where spending of one kind adds up.
type kept struct{ category, currency string }

// compareTo orders places by category, then currency.
func compareTo(a, b kept) int {
	return cmp.Or(cmp.Compare(a.category, b.category), cmp.Compare(a.currency, b.currency))
}

// largest is the most that a purchase counts as when these are what is usual.
func largest(usual []history.Transaction) decimal.Decimal {
	return stats.Median(varied(usual)).Mul(atMost)
}

// CategoryPace tells of categories on which the person has spent far more this month than
// is usual by the same day: 1.5 times the mean month's share, and 2.6 standard deviations
// above it at the end of the month, more before. The deviation is that of a compound
// Poisson process, as in Forecast. Charges that recur do not count, for their days move,
// nor what is bought on a journey or given back in full; other refunds lower what was spent
// in their month, and a purchase counts as three times the median one at the most. It
// begins on the 10th, with three months before in which something was spent on the
// category. Once for each category and month.
//
// h is the person's sorted history; six months and this one are read.
func CategoryPace(h []history.Transaction, series []recurring.Series, now time.Time) []finding.Finding {
	month := history.MonthOf(now)
	day := now.UTC().Day()
	if day < paceDays || len(h) == 0 {
		return nil
	}
	tomorrow := history.Day(now).AddDate(0, 0, 1)
	months := 0
	for months < usualMonths && !h[0].At.After(month.AddDate(0, -months-1, 3)) {
		months++
	}
	if months < paceMonths {
		return nil
	}
	ids := recurringIDs(series)
	this, before, refunds := map[kept][]history.Transaction{}, map[kept][]history.Transaction{}, map[kept][]history.Transaction{}
	all := decimal.Zero
	recent := withoutReturned(history.Between(h, month.AddDate(0, -months, 0), now.Add(1)))
	abroad := journeys(recent)
	for _, t := range recent {
		p := kept{t.Category, t.Currency}
		if t.Refund {
			refunds[p] = append(refunds[p], t)
			continue
		}
		if t.Type != event.Expense || abroad[t.ID] {
			continue
		}
		switch {
		case t.At.Before(month):
			all = all.Add(t.Amount)
			if !ids[t.ID] {
				before[p] = append(before[p], t)
			}
		case !ids[t.ID]:
			this[p] = append(this[p], t)
		}
	}
	worthIt := all.Div(decimal.NewFromInt(int64(months))).Mul(leastOfMonths)
	var found []finding.Finding
	for _, p := range slices.SortedFunc(maps.Keys(this), compareTo) {
		totals := make([]decimal.Decimal, months)
		top := largest(before[p])
		squares := 0.0
		for _, t := range before[p] {
			amount := decimal.Min(t.Amount, top)
			at := monthsBetween(t.At, month) - 1
			totals[at] = totals[at].Add(amount)
			squares += stats.Float(amount) * stats.Float(amount)
		}
		spent, counted := decimal.Zero, decimal.Zero
		for _, t := range refunds[p] {
			amount := decimal.Min(t.Amount, top)
			if !t.At.Before(month) {
				spent, counted = spent.Sub(t.Amount), counted.Sub(amount)
				continue
			}
			at := monthsBetween(t.At, month) - 1
			totals[at] = totals[at].Sub(amount)
		}
		nonzero := 0
		for _, total := range totals {
			if total.IsPositive() {
				nonzero++
			}
		}
		days, span := rhythmOf(before[p]).days(month, tomorrow), float64(months)*30.4375
		usual := stats.Sum(totals).Mul(decimal.NewFromFloat(days)).DivRound(decimal.NewFromFloat(span), 2)
		for _, t := range this[p] {
			spent = spent.Add(t.Amount)
			counted = counted.Add(decimal.Min(t.Amount, top))
		}
		counted = decimal.Min(counted, spent) // what a large refund took off was not spent
		over := counted.Sub(usual)
		if nonzero < paceMonths || len(this[p]) < pacePurchases || !usual.IsPositive() || counted.LessThan(usual.Mul(fasterBy)) || over.LessThan(worthIt) {
			continue
		}
		score := stats.Float(over) / math.Sqrt(squares/span*days*(1+days/span))
		bound := paceScore * math.Sqrt(30.4375/float64(day))
		if score < bound {
			continue
		}
		ends := month.AddDate(0, 1, 0)
		times := finding.Times(spent, usual)
		found = append(found, finding.Finding{
			Subject: this[p][0].UserID, Kind: KindPace, Detail: p.category + "|" + p.currency + "|" + history.Month(now), InsightType: event.SpendingPattern,
			Title: fmt.Sprintf("More than usual on %s this month", finding.Category(p.category)),
			Message: fmt.Sprintf("%s %s went on %s by the %s, %s times the %s %s that are usual by that day in your last %d months.",
				money.Rounded(spent, p.currency), p.currency, finding.Category(p.category), ordinal(day), times, money.Rounded(usual, p.currency), p.currency, months),
			Dismiss:    "A slower rest of the month; next month is looked at anew.",
			Confidence: stats.Confidence(score, bound),
			Facts: map[string]string{
				"category": finding.Category(p.category), "spent": money.Rounded(spent, p.currency), "usual": money.Rounded(usual, p.currency), "currency": p.currency,
				"times": times, "day": ordinal(day), "months": fmt.Sprint(months),
			},
			Related:   map[string]string{"category": p.category, "month": history.Month(now)},
			ExpiresAt: &ends,
		})
	}
	return found
}

// monthsBetween is how many months the month of until lies after that of from.
func monthsBetween(from, until time.Time) int {
	return int(until.Month()-from.Month()) + 12*(until.Year()-from.Year())
}

// ordinal writes a day: 1st, 2nd, 11th.
func ordinal(day int) string {
	suffix := "th"
	if day/10 != 1 {
		switch day % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprint(day) + suffix
}
