package analytics

import (
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
	// patternWeeks are compared with one another: weekend against weekdays.
	patternWeeks = 16
	// chance is the p-value of the sign test below which it is no chance.
	chance = 0.005
	// growthMonths are looked at for a trend, and growthTrend is the least of
	// Mann and Kendall's S for it: of nine values, chance gives 20 or more of 36
	// about once in 45 times.
	growthMonths = 9
	growthTrend  = 20
	// growthScore is how many standard deviations the last months must be above
	// the first.
	growthScore = 1.6
)

var (
	// weekendTimes is how many times a weekday's spending a day of the weekend
	// must see, by the median of weeks.
	weekendTimes = decimal.RequireFromString("1.9")
	// growthLeast is how much of the median a category must grow each month.
	growthLeast = decimal.RequireFromString("0.04")
	// growthShare is the least share of all expenses worth telling of.
	growthShare = decimal.RequireFromString("0.03")
	two, five   = decimal.NewFromInt(2), decimal.NewFromInt(5)
)

// WeekendPattern tells whether a day of the weekend costs far more than a weekday:
// in 16 complete weeks, Monday to Sunday, the weekend's day is compared with the
// weekday's of the same week, by the sign test, which asks only how often it was
// more. Charges that recur do not count, nor what was given back in full, nor other refunds:
// the day on which money comes back says nothing of when it is spent. Once in half a year.
//
// h is the person's sorted history; 17 weeks are read.
func WeekendPattern(h []history.Transaction, series []recurring.Series, now time.Time) []finding.Finding {
	ids := recurringIDs(series)
	today := history.Day(now)
	monday := today.AddDate(0, 0, -int(today.Weekday()+6)%7)
	start := monday.AddDate(0, 0, -7*patternWeeks)
	if len(h) == 0 || h[0].At.After(start.AddDate(0, 0, 3)) {
		return nil
	}
	type week struct{ weekend, weekday decimal.Decimal }
	currencies := map[string]*[patternWeeks]week{}
	for _, t := range withoutReturned(history.Between(h, start, monday)) {
		if t.Type != event.Expense || ids[t.ID] {
			continue
		}
		weeks := currencies[t.Currency]
		if weeks == nil {
			weeks = &[patternWeeks]week{}
			currencies[t.Currency] = weeks
		}
		w := &weeks[int(t.At.Sub(start)/(7*24*time.Hour))]
		if day := t.At.Weekday(); day == time.Saturday || day == time.Sunday {
			w.weekend = w.weekend.Add(t.Amount)
		} else {
			w.weekday = w.weekday.Add(t.Amount)
		}
	}
	var found []finding.Finding
	for _, currency := range slices.Sorted(maps.Keys(currencies)) {
		heads, throws := 0, 0
		var weekends, weekdays []decimal.Decimal
		for _, w := range currencies[currency] {
			a, b := w.weekend.Div(two), w.weekday.Div(five)
			weekends, weekdays = append(weekends, a), append(weekdays, b)
			if c := a.Cmp(b); c != 0 {
				throws++
				heads += (c + 1) / 2
			}
		}
		a, b := stats.Median(weekends), stats.Median(weekdays)
		p := stats.SignTest(heads, throws)
		if throws < patternWeeks/2 || p > chance || !b.IsPositive() || a.LessThan(b.Mul(weekendTimes)) {
			continue
		}
		times := finding.Times(a, b)
		found = append(found, finding.Finding{
			Subject: h[0].UserID, Kind: KindWeekend, Detail: currency + "|" + halfYear(now), InsightType: event.SpendingPattern,
			Title: fmt.Sprintf("A day of your weekend costs %s times what a weekday does", times),
			Message: fmt.Sprintf("In %d of your last %d weeks you spent more on a day of the weekend than on a weekday: %s %s a day against %s %s, by the median of the weeks.",
				heads, patternWeeks, money.Rounded(a, currency), currency, money.Rounded(b, currency), currency),
			Dismiss:    "Weeks in which the weekend costs no more.",
			Confidence: stats.Round(1 - p),
			Facts: map[string]string{
				"weekend": money.Rounded(a, currency), "weekday": money.Rounded(b, currency), "currency": currency, "times": times,
				"weeksMore": fmt.Sprint(heads), "weeks": fmt.Sprint(patternWeeks),
			},
		})
	}
	return found
}

// CategoryGrowth tells of categories whose spending grew over the last nine
// complete months. Mann and Kendall's test finds the trend; Theil and Sen's slope
// says how steep it is, at least 4% of the median a month; and the last four months
// must be 1.6 standard deviations, of a compound Poisson process, above the first
// four, without the highest of the ones and the lowest of the others. A purchase counts as three times the median one at the most, so that one sofa
// makes no trend; other refunds than those in full, whose purchase counts as not made,
// lower what was spent in their month; and charges that recur do not count. Once for each category in
// half a year.
//
// h is the person's sorted history; nine months are read.
func CategoryGrowth(h []history.Transaction, series []recurring.Series, now time.Time) []finding.Finding {
	month := history.MonthOf(now)
	start := month.AddDate(0, -growthMonths, 0)
	if len(h) == 0 || h[0].At.After(start.AddDate(0, 0, 3)) {
		return nil
	}
	ids := recurringIDs(series)
	places := map[kept][]history.Transaction{}
	all := map[string]decimal.Decimal{} // by currency
	recent := withoutReturned(history.Between(h, start, month))
	abroad := journeys(recent)
	refunds := map[kept][]history.Transaction{}
	for _, t := range recent {
		if p := (kept{t.Category, t.Currency}); t.Refund {
			refunds[p] = append(refunds[p], t)
			all[t.Currency] = all[t.Currency].Sub(t.Amount)
		}
		if t.Type != event.Expense {
			continue
		}
		all[t.Currency] = all[t.Currency].Add(t.Amount)
		if p := (kept{t.Category, t.Currency}); !ids[t.ID] && !abroad[t.ID] {
			places[p] = append(places[p], t)
		}
	}
	var found []finding.Finding
	for _, p := range slices.SortedFunc(maps.Keys(places), compareTo) {
		sums, totals := make([]decimal.Decimal, growthMonths), make([]decimal.Decimal, growthMonths)
		top := largest(places[p])
		squares := 0.0
		for _, t := range places[p] {
			at := monthsBetween(start, t.At)
			amount := decimal.Min(t.Amount, top)
			sums[at], totals[at] = sums[at].Add(t.Amount), totals[at].Add(amount)
			if at != growthMonths/2 {
				squares += stats.Float(amount) * stats.Float(amount)
			}
		}
		for _, t := range refunds[p] {
			at := monthsBetween(start, t.At)
			sums[at], totals[at] = sums[at].Sub(t.Amount), totals[at].Sub(decimal.Min(t.Amount, top))
		}
		trend, slope, middle := stats.MannKendall(totals), stats.Slope(totals), stats.Median(totals)
		first, last := totals[:growthMonths/2], totals[growthMonths/2+1:]
		// One month of spending freely makes no trend, nor does one of saving.
		more := stats.Float(stats.Sum(last).Sub(slices.MaxFunc(last, decimal.Decimal.Cmp)).
			Sub(stats.Sum(first)).Add(slices.MinFunc(first, decimal.Decimal.Cmp)))
		if trend < growthTrend || !middle.IsPositive() || slope.LessThan(middle.Mul(growthLeast)) ||
			more < growthScore*math.Sqrt(squares) || stats.Sum(totals).LessThan(all[p.currency].Mul(growthShare)) {
			continue
		}
		// What was really spent: where a large purchase has it fall, it has not grown.
		early, late := stats.Median(sums[:growthMonths/2]), stats.Median(sums[growthMonths/2+1:])
		if !early.IsPositive() || late.LessThanOrEqual(early) {
			continue
		}
		percent := slope.Mul(hundred).DivRound(middle, 0)
		by := ""
		if percent.LessThanOrEqual(hundred) {
			by = fmt.Sprintf(" by about %s%% a month", percent)
		}
		from, to := money.Rounded(early, p.currency), money.Rounded(late, p.currency)
		found = append(found, finding.Finding{
			Subject: h[0].UserID, Kind: KindGrowth, Detail: p.category + "|" + p.currency + "|" + halfYear(now), InsightType: event.SpendingPattern,
			Title: fmt.Sprintf("Your spending on %s keeps growing", finding.Category(p.category)),
			Message: fmt.Sprintf("Over your last %d months spending on %s grew%s: the median of the first %d is %s %s a month, that of the last %d %s %s.",
				growthMonths, finding.Category(p.category), by, growthMonths/2, from, p.currency, growthMonths/2, to, p.currency),
			Dismiss:    "A month that costs less than the ones before it.",
			Confidence: stats.Confidence(more/math.Sqrt(squares), growthScore),
			Facts: map[string]string{
				"category": finding.Category(p.category), "percent": percent.String(), "first": from, "last": to, "currency": p.currency, "months": fmt.Sprint(growthMonths),
			},
			Related: map[string]string{"category": p.category},
		})
	}
	return found
}

// halfYear names the half of a year: 2026H1.
func halfYear(at time.Time) string {
	return fmt.Sprintf("%dH%d", at.UTC().Year(), (int(at.UTC().Month())+5)/6)
}
