package banking

import (
	"fmt"
	"slices"
	"time"

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
	// twice is how soon an equal charge looks like the same one again.
	twice = 48 * time.Hour
	// habits is how far back purchases tell what a person is used to.
	habits = 365 * 24 * time.Hour
	// manyVisits in that time make the merchant one where equal amounts mean
	// little: a coffee costs what it costs.
	manyVisits = 6
	// tickets, two of them, are bought one after the other at a place first met.
	tickets = 3 * time.Hour
	// knownFor is how many expenses before tell anything of habits and sizes.
	knownFor = 15
)

// worthChecking is the share of the person's median expense below which a
// duplicate is not worth a call.
var worthChecking = decimal.RequireFromString("0.3")

// Duplicate tells whether t repeats an expense: the same merchant, wallet and
// amount within 48 hours. It looks at the year before t in the person's sorted
// history, and no further. Not told of are small amounts, amounts that
// this person often pays twice there, those that were paid back, and any soon after the
// first purchase at a merchant (two tickets), or while fewer than 15 expenses are known.
func Duplicate(t history.Transaction, h []history.Transaction) (finding.Finding, bool) {
	none := finding.Finding{}
	who := merchant.Of(t)
	if t.Type != event.Expense || who == "" {
		return none, false
	}
	var original history.Transaction
	var amounts []decimal.Decimal
	var there []history.Transaction // earlier, with the same merchant
	for _, o := range history.Between(h, t.At.Add(-habits), t.At.Add(twice)) {
		switch {
		case o.ID == t.ID || o.Currency != t.Currency:
		case o.Type == event.Income:
			if o.At.After(t.At.Add(-twice)) && o.Amount.Equal(t.Amount) && merchant.Of(o) == who {
				return none, false // paid back
			}
		case o.Type != event.Expense || !earlier(o, t):
		default:
			amounts = append(amounts, o.Amount)
			if recurring.SameGroup(o, t) {
				there = append(there, o)
			}
		}
	}
	for _, o := range there {
		if isOriginal(o, t) {
			original = o
		}
	}
	if original.ID == (history.Transaction{}).ID || len(amounts) < knownFor || t.Amount.LessThan(stats.Median(amounts).Mul(worthChecking)) || used(there, original, t) {
		return none, false
	}
	if !sameWords(original, t, h) {
		return none, false
	}
	confidence := 0.75
	apart := t.At.Sub(original.At)
	if len(there) == 1 && apart < tickets {
		return none, false
	}
	if apart <= time.Hour {
		confidence = 0.85
	}
	if series := recurring.InGroup(append(there[:len(there):len(there)], t), t.At); len(series) > 0 {
		confidence = 0.95 // charged twice in one period
	}
	name := finding.Name(merchant.Show(who))
	return finding.Finding{
		Subject: t.ID, Kind: KindDuplicate, Detail: original.ID.String(), InsightType: event.SpendingPattern,
		Title: fmt.Sprintf("Charged twice? %s %s by %s", money.Decimals(t.Amount, t.Currency), t.Currency, name),
		Message: fmt.Sprintf("%s charged %s %s. If you bought once, ask for the second to be paid back.",
			name, money.FormatIn(t.Amount, t.Currency), moments(original.At, t.At)),
		Dismiss:    "A refund of the amount, or your word that you bought twice.",
		Confidence: confidence,
		Facts: map[string]string{
			"merchant": name, "amount": money.Decimals(t.Amount, t.Currency), "currency": t.Currency,
			"first": original.At.Format(minute), "second": t.At.Format(minute),
		},
		Related: map[string]string{"transactionId": t.ID.String(), "originalId": original.ID.String(), "merchant": who},
	}, true
}

// sameWords tells whether two descriptions name one merchant once the words are known
// that the person's banks write around names: of a bank that was not met before, its
// fixed words may have been taken for the name.
func sameWords(original, t history.Transaction, h []history.Transaction) bool {
	if original.Description == t.Description {
		return true
	}
	before := history.Between(h, t.At.Add(-habits), t.At.Add(twice))
	descriptions := make([]string, 0, len(before))
	for _, o := range before {
		descriptions = append(descriptions, o.Description)
	}
	w := merchant.Learn(descriptions)
	return w.Normalise(original.Description) == w.Normalise(t.Description)
}

// isOriginal tells whether t repeats o, which was made earlier with the same merchant.
func isOriginal(o, t history.Transaction) bool {
	return o.Amount.Equal(t.Amount) && o.WalletID == t.WalletID && t.At.Sub(o.At) <= twice
}

// repeats tells whether t can be a Duplicate at all, by what was spent with its
// merchant.
func repeats(t history.Transaction, with []history.Transaction) bool {
	return slices.ContainsFunc(with, func(o history.Transaction) bool {
		return o.ID != t.ID && earlier(o, t) && recurring.SameGroup(o, t) && isOriginal(o, t)
	})
}

const minute = "2006-01-02 15:04"

// moments says when two charges were made. Equal times of day are those of a statement
// that has none: then the days tell all that is known.
func moments(first, second time.Time) string {
	switch {
	case first.Format(time.TimeOnly) != second.Format(time.TimeOnly):
		return fmt.Sprintf("on %s and again on %s", first.Format(minute), second.Format(minute))
	case history.Day(first).Equal(history.Day(second)):
		return "twice on " + first.Format(time.DateOnly)
	}
	return fmt.Sprintf("on %s and again on %s", first.Format(time.DateOnly), second.Format(time.DateOnly))
}

// Duplicates tells of every expense since an instant, of the latest observer.MostAgain, that
// repeats another.
func Duplicates(h []history.Transaction, since, now time.Time) []finding.Finding {
	var found []finding.Finding
	latest := history.Between(h, since, now.Add(1))
	for _, t := range latest[max(0, len(latest)-observer.MostAgain):] {
		if f, ok := Duplicate(t, h); ok {
			found = append(found, f)
		}
	}
	return found
}

// earlier orders two transactions; equal times go by id, so that of two equal
// ones exactly one is the duplicate.
func earlier(a, b history.Transaction) bool {
	if a.At.Equal(b.At) {
		return a.ID.String() < b.ID.String()
	}
	return a.At.Before(b.At)
}

// used tells whether the person is used to paying the same there: many visits of
// which a third or more cost the same as another, or such a pair before, once in eight
// visits or more. What is charged regularly is no habit.
func used(there []history.Transaction, original, t history.Transaction) bool {
	visits, pairs := 0, 0
	prices := map[string]int{}
	for i, o := range there {
		if o.ID == original.ID {
			continue
		}
		visits++
		prices[o.Amount.String()]++
		if i > 0 && there[i-1].ID != original.ID && o.Amount.Equal(there[i-1].Amount) && o.At.Sub(there[i-1].At) <= twice {
			pairs++
		}
	}
	shared := 0
	for _, n := range prices {
		if n > 1 {
			shared += n
		}
	}
	if pairs >= 1 && pairs*8 >= visits && len(recurring.InGroup(there, t.At)) == 0 {
		return true
	}
	return visits >= manyVisits && shared*3 >= visits && len(recurring.InGroup(there, t.At)) == 0
}
