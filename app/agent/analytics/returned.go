package analytics

import (
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/merchant"
)

// returnable is how long after a purchase its refund may come.
const returnable = 90 * 24 * time.Hour

// returned are the purchases of a sorted history that were given back in full, and the
// refunds that gave them back: together they are as if nothing had been bought. A refund
// belongs to the latest purchase with the same merchant, of the same category, currency
// and amount, in the 90 days before it. Other refunds, of a part or of what is not known,
// are not among them: they lower what was spent in their month.
func returned(h []history.Transaction) map[uuid.UUID]bool {
	type sale struct{ merchant, category, currency, amount string }
	saleOf := func(t history.Transaction) sale {
		return sale{merchant.Of(t), t.Category, t.Currency, t.Amount.String()}
	}
	wanted := map[sale]bool{}
	for _, t := range h {
		if t.Refund {
			wanted[saleOf(t)] = true
		}
	}
	ids := map[uuid.UUID]bool{}
	if len(wanted) == 0 {
		return ids
	}
	open := map[sale][]history.Transaction{} // purchases not given back, in order of time
	for _, t := range h {
		s := saleOf(t)
		if s.merchant == "" || !wanted[s] {
			continue
		}
		if t.Type == event.Expense {
			open[s] = append(open[s], t)
			continue
		}
		last := len(open[s]) - 1
		if !t.Refund || last < 0 || t.At.Sub(open[s][last].At) > returnable {
			continue
		}
		ids[t.ID], ids[open[s][last].ID] = true, true
		open[s] = open[s][:last]
	}
	return ids
}

// withoutReturned are the transactions of a sorted history but for what was returned.
func withoutReturned(h []history.Transaction) []history.Transaction {
	ids := returned(h)
	if len(ids) == 0 {
		return h
	}
	left := make([]history.Transaction, 0, len(h)-len(ids))
	for _, t := range h {
		if !ids[t.ID] {
			left = append(left, t)
		}
	}
	return left
}
