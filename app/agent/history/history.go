// Package history is what an agent knows of a person's transactions, as its
// detectors take it: plain values, sorted by time, without those that were
// deleted.
package history

import (
	"sort"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// Transaction is one with every change that is known of it.
type Transaction struct {
	ID, UserID, WalletID  uuid.UUID
	Amount                decimal.Decimal // more than zero; Type tells the direction
	Currency              string          // ISO 4217
	Type                  string          // event.Income, event.Expense or event.Transfer
	Category, Description string
	At                    time.Time // UTC
	// A transfer's other end, nil when it is not known, and what arrives there
	// when the currencies differ; zero: Amount.
	ToWalletID *uuid.UUID
	ToAmount   decimal.Decimal
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
