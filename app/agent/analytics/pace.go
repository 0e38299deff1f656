package analytics

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/history"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/agent/stats"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/money"
)

const (
	// paceDays is from which day on a month's pace tells something.
	paceDays = 8
	// paceMonths is how many months before it must have been spent on.
	paceMonths = 3
	// paceScore is how many robust standard deviations above the usual count.
	paceScore = 2.5
)

var (
	// fasterBy is how many times the usual is too fast, and must nearly be so
	// without the largest purchase too.
	fasterBy      = decimal.RequireFromString("1.4")
	withoutOne    = decimal.RequireFromString("1.25")
	leastSpread   = decimal.RequireFromString("0.18") // of the usual
	leastOfMonths = decimal.RequireFromString("0.03") // of all a month's expenses
	deviation     = decimal.RequireFromString("1.4826")
)

// kept is where spending of one kind adds up.
type kept struct{ category, currency string }

// compareTo orders places by category, then currency.
func compareTo(a, b kept) int {
	return cmp.Or(cmp.Compare(a.category, b.category), cmp.Compare(a.currency, b.currency))
}

// CategoryPace tells of categories on which the person has spent far more this
// month than in the last six months by the same day: 1.4 times the median and 2.5
// robust standard deviations above it. Charges that recur do not count, for their
// days move; nor does an excess that one purchase makes, which is an anomaly and
// no pace. It begins on the 8th, with three months before in which something was
// spent on the category. Once for each category and month.
//
// h is the person's sorted history; six months and this one are read.
func CategoryPace(h []history.Transaction, series []recurring.Series, now time.Time) []finding.Finding {
	month := history.MonthOf(now)
	day := now.UTC().Day()
	if day < paceDays || len(h) == 0 {
		return nil
	}
	ids := recurringIDs(series)
	type sums struct {
		byDay   [usualMonths]decimal.Decimal
		now     decimal.Decimal
		largest decimal.Decimal
		user    history.Transaction
	}
	places := map[kept]*sums{}
	var all [usualMonths]decimal.Decimal
	starts := [usualMonths]time.Time{}
	covered := 0
	for i := range starts {
		starts[i] = month.AddDate(0, -i-1, 0)
		if !h[0].At.After(starts[i].AddDate(0, 0, 3)) {
			covered = i + 1
		}
	}
	if covered < paceMonths {
		return nil
	}
	for _, t := range history.Between(h, starts[covered-1], now.Add(1)) {
		if t.Type != event.Expense {
			continue
		}
		p := kept{t.Category, t.Currency}
		s := places[p]
		if s == nil {
			s = &sums{}
			places[p] = s
		}
		if !t.At.Before(month) {
			if !ids[t.ID] {
				s.now = s.now.Add(t.Amount)
				s.largest = decimal.Max(s.largest, t.Amount)
				s.user = t
			}
			continue
		}
		at := int(month.Month()-t.At.Month()) + 12*(month.Year()-t.At.Year()) - 1
		all[at] = all[at].Add(t.Amount)
		if !ids[t.ID] && t.At.Day() <= day {
			s.byDay[at] = s.byDay[at].Add(t.Amount)
		}
	}
	aMonth := stats.Median(all[:covered])
	var found []finding.Finding
	for _, p := range slices.SortedFunc(maps.Keys(places), compareTo) {
		s := places[p]
		usual := stats.SpreadOf(s.byDay[:covered])
		nonzero := 0
		for _, sum := range s.byDay[:covered] {
			if sum.IsPositive() {
				nonzero++
			}
		}
		spread := decimal.Max(usual.MAD.Mul(deviation), usual.Median.Mul(leastSpread))
		over := s.now.Sub(usual.Median)
		switch {
		case nonzero < paceMonths || !usual.Median.IsPositive():
			continue
		case s.now.LessThan(usual.Median.Mul(fasterBy)), s.now.Sub(s.largest).LessThan(usual.Median.Mul(withoutOne)):
			continue
		case over.LessThan(aMonth.Mul(leastOfMonths)):
			continue
		}
		score := over.DivRound(spread, 4).InexactFloat64()
		if score < paceScore {
			continue
		}
		ends := month.AddDate(0, 1, 0)
		times := s.now.DivRound(usual.Median, 1)
		found = append(found, finding.Finding{
			Subject: s.user.UserID, Kind: KindPace, Detail: p.category + "|" + p.currency + "|" + history.Month(now), InsightType: event.SpendingPattern,
			Title: fmt.Sprintf("More than usual on %s this month", p.category),
			Message: fmt.Sprintf("%s %s went on %s by the %s, %s times the usual %s %s of your last %d months by that day.",
				money.Format(s.now), p.currency, p.category, ordinal(day), times, money.Format(usual.Median.Round(2)), p.currency, covered),
			Dismiss:    "A slower rest of the month; next month is looked at anew.",
			Confidence: stats.Confidence(score, paceScore),
			Facts: map[string]string{
				"category": p.category, "spent": money.Format(s.now), "usual": money.Format(usual.Median.Round(2)), "currency": p.currency,
				"times": times.String(), "day": ordinal(day), "months": fmt.Sprint(covered),
			},
			Related:   map[string]string{"category": p.category, "month": history.Month(now)},
			ExpiresAt: &ends,
		})
	}
	return found
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
