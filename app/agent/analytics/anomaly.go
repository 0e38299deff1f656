package analytics

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/agent/stats"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/merchant"
	"github.com/wealth-companion/companion/app/core/money"
)

const (
	// lookBack is as far as an expense is compared back.
	lookBack = 365 * 24 * time.Hour
	// minCategory and minAll are how many earlier expenses the fallbacks need;
	// a comparison with a merchant needs minSamples.
	minCategory = 15
	minAll      = 60
	// elsewhere is the score among the category's expenses that an amount odd for
	// its merchant must have too: what is usual next door alarms nobody.
	elsewhere = 3.7
)

var (
	// At least so many times the median: of a merchant, of a category.
	timesMerchant = decimal.RequireFromString("1.5")
	timesCategory = decimal.RequireFromString("2.5")
	// Or, with nothing else to compare with, so many times the largest.
	timesLargest = decimal.RequireFromString("2")
	// A charge that recurs has anomalies only beyond what a price rise may be.
	timesSeries = decimal.RequireFromString("2.5")
)

// Anomaly tells whether the expense t is far above what is usual, by the modified
// z-score on a logarithmic scale, for amounts of purchases are skewed. It compares
// with the first of these that has samples enough in the year before t:
//
//  1. the same merchant and category, 8 expenses: score above 3.5 and 1.5 times the
//     median, and above 3.7 within the category too where that has 15;
//  2. the same category, 15: score above 3.7 and 2.5 times the median. Not on a
//     journey, which three merchants never seen before within four days make;
//  3. all expenses, 60: twice the largest of them.
//
// Charges that are known to recur are compared with their own series only. At most
// 50 of the latest are taken; of a category 100, of the latest 200. h is the person's
// sorted history; what lies after t is not looked at.
func Anomaly(t history.Transaction, h []history.Transaction) (finding.Finding, bool) {
	h = history.Between(h, t.At.Add(-lookBack), t.At.Add(1))
	f, odd, _ := judge(t, nearTo(t, h, h), func() ([]history.Transaction, error) { return h, nil })
	return f, odd
}

// near is what an expense is compared with first, sorted and without itself.
type near struct {
	there    []history.Transaction // with the same merchant
	category []history.Transaction // of the same category
}

// nearTo takes what is near to t from the year before it, where that holds at least
// what is with the same merchant and what is of the same category.
func nearTo(t history.Transaction, merchants, categories []history.Transaction) near {
	var found near
	if who := merchant.Of(t); who != "" {
		for _, o := range merchants {
			if o.ID != t.ID && recurring.SameGroup(o, t) {
				found.there = append(found.there, o)
			}
		}
	}
	for _, o := range categories {
		if o.ID != t.ID && o.Type == event.Expense && o.Currency == t.Currency && o.Category == t.Category {
			found.category = append(found.category, o)
		}
	}
	found.there = found.there[max(0, len(found.there)-recurring.MaxGroup):]
	found.category = found.category[max(0, len(found.category)-observer.MostOn):]
	return found
}

// judge is Anomaly with what t is compared with first. year is asked only when that
// does not decide, which is seldom: for the sorted history of the year before t.
func judge(t history.Transaction, n near, year func() ([]history.Transaction, error)) (finding.Finding, bool, error) {
	none := finding.Finding{}
	if t.Type != event.Expense {
		return none, false, nil
	}
	who := merchant.Of(t)
	charged := inSeries(n.there, t)
	if charged.known && t.Amount.LessThanOrEqual(charged.usual.Mul(timesSeries)) {
		return none, false, nil
	}
	similar := varied(n.category)
	if samples := alike(n.there, t.Category); len(samples) >= minSamples {
		score := stats.LogScore(t.Amount, samples)
		middle := stats.Median(samples)
		if score <= stats.Threshold || t.Amount.LessThan(middle.Mul(timesMerchant)) {
			return none, false, nil
		}
		if len(similar) >= minCategory && stats.LogScore(t.Amount, similar) <= elsewhere {
			return none, false, nil
		}
		return unusualExpense(t, finding.Name(merchant.Show(who)), "merchant", middle, len(samples), stats.Confidence(score, stats.Threshold)), true, nil
	}
	if charged.known {
		return unusualExpense(t, finding.Name(merchant.Show(who)), "series", charged.usual, charged.samples, 0.7), true, nil
	}
	if samples := similar; len(samples) >= minCategory {
		score := stats.LogScore(t.Amount, samples)
		middle := stats.Median(samples)
		if score <= elsewhere || t.Amount.LessThan(middle.Mul(timesCategory)) {
			return none, false, nil
		}
		h, err := year()
		if err != nil || onJourney(t, h) {
			return none, false, err
		}
		return unusualExpense(t, finding.Category(t.Category), "category", middle, len(samples), stats.Round(0.9*stats.Confidence(score, elsewhere))), true, nil
	}
	if exceeds(n.there, t) || exceeds(n.category, t) {
		return none, false, nil
	}
	h, err := year()
	if err != nil {
		return none, false, err
	}
	all := besides(t, h)
	if len(all) < minAll || exceeds(all, t) || onJourney(t, h) {
		return none, false, nil
	}
	return unusualExpense(t, "your other expenses", "all", most(all), len(all), 0.5), true, nil
}

// besides are the other expenses in the currency of t.
func besides(t history.Transaction, h []history.Transaction) []history.Transaction {
	var found []history.Transaction
	for _, o := range h {
		if o.ID != t.ID && o.Type == event.Expense && o.Currency == t.Currency {
			found = append(found, o)
		}
	}
	return found
}

// exceeds tells whether an expense has been so large, or nearly, that t is nothing new.
func exceeds(others []history.Transaction, t history.Transaction) bool {
	for _, o := range others {
		if t.Amount.LessThanOrEqual(o.Amount.Mul(timesLargest)) {
			return true
		}
	}
	return false
}

// onJourney tells whether t falls on a journey, which three merchants never seen before
// within four days make.
func onJourney(t history.Transaction, h []history.Transaction) bool {
	firstSeen := map[string]time.Time{}
	for _, o := range besides(t, h) {
		name := merchant.Of(o)
		if _, known := firstSeen[name]; !known {
			firstSeen[name] = o.At
		}
	}
	met := 0
	for name, at := range firstSeen {
		if name != merchant.Of(t) && at.After(t.At.Add(-awayDays)) {
			met++
		}
	}
	return met >= away
}

// Anomalies tells of every expense since an instant, of the latest observer.MostAgain, that is
// far above the usual.
func Anomalies(h []history.Transaction, since, now time.Time) []finding.Finding {
	var found []finding.Finding
	latest := history.Between(h, since, now.Add(1))
	for _, t := range latest[max(0, len(latest)-observer.MostAgain):] {
		if f, ok := Anomaly(t, h); ok {
			found = append(found, f)
		}
	}
	return found
}

// amounts are those of the latest transactions, at most maxSamples.
func amounts(all []history.Transaction) []decimal.Decimal {
	all = all[max(0, len(all)-maxSamples):]
	found := make([]decimal.Decimal, len(all))
	for i, t := range all {
		found[i] = t.Amount
	}
	return found
}

// alike are the amounts of those in a category, at most maxSamples of the latest.
func alike(all []history.Transaction, category string) []decimal.Decimal {
	var found []decimal.Decimal
	for i := len(all) - 1; i >= 0 && len(found) < maxSamples; i-- {
		if all[i].Category == category {
			found = append(found, all[i].Amount)
		}
	}
	return found
}

// varied are the latest amounts, at most twice maxSamples, of which equal ones with one
// merchant count once: a coffee a day must not make a dinner look odd.
func varied(all []history.Transaction) []decimal.Decimal {
	type price struct{ merchant, amount string }
	seen := map[price]bool{}
	var found []decimal.Decimal
	for i := len(all) - 1; i >= 0 && len(found) < 2*maxSamples; i-- {
		p := price{merchant.Of(all[i]), all[i].Amount.String()}
		if !seen[p] {
			seen[p] = true
			found = append(found, all[i].Amount)
		}
	}
	return found
}

type charge struct {
	known   bool
	usual   decimal.Decimal
	samples int // charges that usual is taken from
}

// inSeries tells whether t is a charge that recurs, and what is usual for it.
func inSeries(there []history.Transaction, t history.Transaction) charge {
	for _, s := range recurring.InGroup(append(there[:len(there):len(there)], t), t.At) {
		if s.Odd != nil && s.Odd.ID == t.ID {
			return charge{true, stats.Median(amounts(s.Charges)), min(len(s.Charges), maxSamples)}
		}
		if !s.Contains(t) || len(s.Charges) < 2 {
			continue
		}
		return charge{true, stats.Median(amounts(s.Charges[:len(s.Charges)-1])), min(len(s.Charges)-1, maxSamples)}
	}
	return charge{}
}

// most is the largest amount.
func most(all []history.Transaction) decimal.Decimal {
	largest := decimal.Zero
	for _, t := range all {
		largest = decimal.Max(largest, t.Amount)
	}
	return largest
}

// unusualExpense is the finding that t is far above what it is compared with, on: by a
// merchant, a series, a category, or by all expenses. usual is the median of so many
// samples; by all, the largest of them.
func unusualExpense(t history.Transaction, on, by string, usual decimal.Decimal, samples int, confidence float64) finding.Finding {
	times := finding.Times(t.Amount, usual)
	related := map[string]string{"transactionId": t.ID.String(), "category": t.Category}
	if who := merchant.Of(t); who != "" {
		related["merchant"] = who
	}
	amount, middle := money.FormatIn(t.Amount, t.Currency), finding.Sum(usual, t.Currency)
	var says string
	switch by {
	case "merchant":
		says = fmt.Sprintf("%s is %s times what you usually spend at %s at once (%s, the median of your last %d purchases there)", amount, times, on, middle, samples)
	case "series":
		says = fmt.Sprintf("%s is %s times what %s usually charges you (%s, the median of %s)", amount, times, on, middle, finding.Count(samples, "charge"))
	case "category":
		says = fmt.Sprintf("%s is %s times what you usually spend on %s at once (%s, the median of your last %d purchases)", amount, times, on, middle, samples)
	default:
		says = fmt.Sprintf("%s is %s times the largest of the %d other expenses that are known of the last 12 months (%s)", amount, times, samples, middle)
	}
	return finding.Finding{
		Subject: t.ID, Kind: KindAnomaly, Detail: event.SpendingPattern, InsightType: event.SpendingPattern,
		Title:      fmt.Sprintf("Unusual expense: %s on %s", amount, finding.Category(t.Category)),
		Message:    says + ". If it was not you, look at it now.",
		Dismiss:    "Your word that it was you, or more expenses like it.",
		Confidence: confidence,
		Facts: map[string]string{
			"amount": money.Decimals(t.Amount, t.Currency), "currency": t.Currency, "usual": money.Rounded(usual, t.Currency), "times": times,
			"comparedWith": on, "by": by, "samples": fmt.Sprint(samples),
		},
		Related: related,
	}
}

// recurringIDs are the charges of series.
func recurringIDs(series []recurring.Series) map[uuid.UUID]bool {
	ids := map[uuid.UUID]bool{}
	for _, s := range series {
		for _, t := range s.Charges {
			ids[t.ID] = true
		}
	}
	return ids
}
