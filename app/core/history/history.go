// Package history is what an agent knows of a person's transactions, as its
// detectors take it: plain values, sorted by time, without those that were
// deleted. Times are what the person's clock showed (calendar.Clock), so that a
// detector's days, weekends and months are the person's.
package history

import (
	"sort"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
)

// Transaction is one with every change that is known of it.
type Transaction struct {
	ID, UserID, WalletID  uuid.UUID
	Amount                decimal.Decimal // more than zero; Type tells the direction
	Currency              string          // ISO 4217
	Type                  string          // event.Income, event.Expense or event.Transfer
	Category, Description string
	// Merchant is merchant.Normalise(Description), where the store keeps it;
	// empty: detectors work it out, which costs more than all else they do.
	Merchant string
	// At is when it happened by the clock of the person (calendar.Clock), on the day
	// on which it counts: its month is that of the person's budgets.
	At time.Time
	// Refund is money that came back of what was spent: it lowers that, and is no
	// income though Type is.
	Refund bool
	// A transfer's other end, nil when it is not known, and what arrives there
	// when the currencies differ; zero: Amount.
	ToWalletID *uuid.UUID
	ToAmount   decimal.Decimal
}

// Wallet is where money lies, as it stands now.
type Wallet struct {
	ID, UserID uuid.UUID
	Name       string
	Type       string // cash, checking, credit, savings or investment
	Currency   string
	Balance    decimal.Decimal // signed
}

// The kinds of wallet.
const (
	Cash       = "cash"
	Bank       = "checking" // as the ledger calls a bank account
	Credit     = "credit"
	Savings    = "savings"
	Investment = "investment"
)

// Budget is what a person means to spend at most on a category in a month.
type Budget struct {
	ID, UserID         uuid.UUID
	Category, Currency string
	Month              string // YYYY-MM
	Limit              decimal.Decimal
}

// Goal is what a person saves for.
type Goal struct {
	ID, UserID    uuid.UUID
	Name          string
	Currency      string
	Target, Saved decimal.Decimal
	CreatedAt     time.Time
	Deadline      time.Time // the day by which; zero: none
}

// Month is the month of a clock's reading, as budgets write it.
func Month(at time.Time) string { return calendar.MonthName(at.UTC()) }

// MonthOf is the first moment of the month of a clock's reading.
func MonthOf(at time.Time) time.Time { return calendar.Month(at.UTC()) }

// Day is the first moment of the day of a clock's reading.
func Day(at time.Time) time.Time { return calendar.Date(at.UTC().Date()) }

// Spending is what the transaction adds to what was spent, in the month of At: less
// than zero of a refund, zero of income and transfers.
func (t Transaction) Spending() decimal.Decimal {
	switch {
	case t.Type == event.Expense:
		return t.Amount
	case t.Refund:
		return t.Amount.Neg()
	}
	return decimal.Zero
}

// Earning is what the transaction adds to what was earned.
func (t Transaction) Earning() decimal.Decimal {
	if t.Type == event.Income && !t.Refund {
		return t.Amount
	}
	return decimal.Zero
}

// Flow is what the transaction adds to a wallet's balance, less than zero where
// money leaves.
func (t Transaction) Flow(wallet uuid.UUID) decimal.Decimal {
	flow := decimal.Zero
	if t.WalletID == wallet {
		if t.Type == event.Income {
			flow = t.Amount
		} else {
			flow = t.Amount.Neg()
		}
	}
	if t.Type == event.Transfer && t.ToWalletID != nil && *t.ToWalletID == wallet {
		if t.ToAmount.IsPositive() {
			return flow.Add(t.ToAmount)
		}
		return flow.Add(t.Amount)
	}
	return flow
}

// Sort orders transactions by time, then by id, so that equal histories look
// the same whatever order their events came in.
func Sort(all []Transaction) {
	sort.Slice(all, func(i, j int) bool {
		if !all[i].At.Equal(all[j].At) {
			return all[i].At.Before(all[j].At)
		}
		return all[i].ID.String() < all[j].ID.String()
	})
}

// Between returns the part of a sorted history from the first instant up to,
// not including, the second. It copies nothing.
func Between(sorted []Transaction, from, to time.Time) []Transaction {
	start := sort.Search(len(sorted), func(i int) bool { return !sorted[i].At.Before(from) })
	end := sort.Search(len(sorted), func(i int) bool { return !sorted[i].At.Before(to) })
	if end < start {
		return nil
	}
	return sorted[start:end]
}
