// Package household makes up households and their money, from a seed: salaries,
// rent, utilities, subscriptions, shopping, and among them things planted to be
// found, each told of in Truth. It also makes what must not be taken for one of
// them: holidays, birthdays, December, two coffees a day, the hairdresser, prices
// in a foreign currency, a payment that failed and was made again.
//
// The same seed and options give the same household, to the last digit. Detectors
// are measured on it (app/agent/quality); it serves for demonstrations and load too.
package household

import (
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/history"
)

// Kinds of planted truth.
const (
	Recurring  = "recurring"   // a charge that comes again: Merchant, Cadence, From its first to To its last
	PriceRise  = "price_rise"  // Transaction is the first at the new price
	Duplicate  = "duplicate"   // Transaction is the second of the two
	Anomaly    = "anomaly"     // Transaction is the odd one
	Overspend  = "overspend"   // Category in the month of From
	Growth     = "growth"      // Category from From to To
	Weekend    = "weekend"     // the household spends far more on days of the weekend
	RateChange = "rate_change" // the savings rate went Note ("up" or "down") for good in the month of From
)

// Item is one truth.
type Item struct {
	Kind        string
	Transaction uuid.UUID
	Merchant    string // as a person would call it
	Category    string
	Cadence     string
	From, To    time.Time
	Note        string
}

// Options tell how much to make.
type Options struct {
	Start    time.Time // the first day; zero: January 1, 2024
	Months   int       // how many, at least 14; zero: 26, so that what is yearly comes twice
	Currency string    // empty: EUR
}

// Wallet is one with what it held at the beginning; Balance is that of the end.
type Wallet struct {
	history.Wallet
	Opening decimal.Decimal
}

// Saving is what was put by for a goal.
type Saving struct {
	At     time.Time
	Amount decimal.Decimal
}

// Goal is one with all that was saved for it.
type Goal struct {
	history.Goal // Saved is what it was at the end
	Savings      []Saving
}

// Household is a person's money over some months.
type Household struct {
	UserID       uuid.UUID
	Start, End   time.Time
	Currency     string
	Transactions []history.Transaction // sorted; Merchant is left empty
	Wallets      []Wallet
	Budgets      []history.Budget
	Goals        []Goal
	Truth        []Item
	// What was meant to be spent in a month, by the household's habits, without
	// chance and without anything planted.
	MonthlyCost, EssentialCost decimal.Decimal
}

// GoalsAt are the goals as they stood at an instant; those not made yet are left out.
func (h *Household) GoalsAt(now time.Time) []history.Goal {
	var goals []history.Goal
	for _, g := range h.Goals {
		if g.CreatedAt.After(now) {
			continue
		}
		then := g.Goal
		then.Saved = decimal.Zero
		for _, s := range g.Savings {
			if !s.At.After(now) {
				then.Saved = then.Saved.Add(s.Amount)
			}
		}
		goals = append(goals, then)
	}
	return goals
}

// BalanceAt is what a wallet holds at an instant.
func (h *Household) BalanceAt(wallet uuid.UUID, now time.Time) decimal.Decimal {
	balance := decimal.Zero
	for _, w := range h.Wallets {
		if w.ID == wallet {
			balance = w.Opening
		}
	}
	for _, t := range history.Between(h.Transactions, h.Start, now.Add(1)) {
		balance = balance.Add(t.Flow(wallet))
	}
	return balance
}

// Planted are the truths of a kind.
func (h *Household) Planted(kind string) []Item {
	var found []Item
	for _, item := range h.Truth {
		if item.Kind == kind {
			found = append(found, item)
		}
	}
	return found
}

// Generate makes a household.
func Generate(seed uint64, o Options) *Household {
	if o.Start.IsZero() {
		o.Start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.Months <= 0 {
		o.Months = 26
	}
	o.Months = max(o.Months, 14)
	if o.Currency == "" {
		o.Currency = "EUR"
	}
	g := &generator{r: rand.New(rand.NewPCG(seed, 0x77656c74)), Household: &Household{
		Start: history.MonthOf(o.Start), Currency: o.Currency,
	}}
	g.End = g.Start.AddDate(0, o.Months, 0)
	g.months = o.Months
	g.UserID = g.id()
	g.settle()
	g.plan()
	g.charge()
	for day := g.Start; day.Before(g.End); day = day.AddDate(0, 0, 1) {
		g.live(day)
	}
	g.plant()
	g.budget()
	g.pay()
	g.save()
	history.Sort(g.Transactions)
	return g.Household
}

// IsPlanted tells whether a transaction is one of those planted as kind.
func (h *Household) IsPlanted(transaction uuid.UUID, kind string) bool {
	for _, item := range h.Truth {
		if item.Kind == kind && item.Transaction == transaction {
			return true
		}
	}
	return false
}
