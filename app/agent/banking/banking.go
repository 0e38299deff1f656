package banking

import (
	"context"
	"time"

	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/core/event"
)

const (
	// news is how long a charge is news: those of an imported past are not.
	news = 14 * 24 * time.Hour
	// eventHistory bounds what is read of an expense that may repeat another.
	eventHistory = 1500
	// nightly is how far back a review looks for duplicates, in case what they
	// repeat came after them.
	nightly = 3 * 24 * time.Hour
)

// Watch makes o the banking agent.
func Watch(o *observer.Observer) *observer.Observer {
	o.Service = event.Banking
	o.Transaction, o.Reads, o.Review = transaction, reads, review
	return o
}

// reads are what transaction reads of one that is new.
func reads(c *observer.Case, is observer.Transaction) observer.Reads {
	if !worthALook(c, is) {
		return observer.Reads{}
	}
	return observer.Reads{With: []observer.With{sameMerchant(is)}}
}

func worthALook(c *observer.Case, is observer.Transaction) bool {
	return is.Spent() && is.Merchant != "" && !is.At.Before(c.Clock().Add(-news))
}

func sameMerchant(is observer.Transaction) observer.With {
	return observer.With{Merchant: is.Merchant, Since: is.At.Add(-recurring.Window), Until: is.At.Add(1)}
}

// transaction looks whether an expense repeats another, and whether it is a charge
// that recurs at a higher price.
func transaction(ctx context.Context, c *observer.Case, was, is observer.Transaction) error {
	if is.Same(was) || !worthALook(c, is) {
		return nil
	}
	with, err := c.HistoryWith(ctx, sameMerchant(is))
	if err != nil {
		return err
	}
	if repeats(is.Transaction, with) {
		// Only now it matters what else the person spent.
		h, err := c.History(ctx, is.At.Add(-habits), is.At.Add(twice), eventHistory)
		if err != nil {
			return err
		}
		if f, again := Duplicate(is.Transaction, h); again {
			if _, err := c.Say(ctx, f); err != nil {
				return err
			}
		}
	}
	return c.SayAll(ctx, observer.MostSaid, PriceRises(recurring.Find(with, is.At), is.At)...)
}

// review looks at what recurs and what is to come.
func review(ctx context.Context, c *observer.Case, _ observer.Look) error {
	h, err := c.History(ctx, c.Clock().Add(-recurring.Window), c.Booked(), observer.MostHistory)
	if err != nil || len(h) == 0 {
		return err
	}
	wallets, err := c.Wallets(ctx)
	if err != nil {
		return err
	}
	series := recurring.Find(h, c.Clock())
	found := Duplicates(h, c.Clock().Add(-nightly), c.Clock())
	found = append(found, Recurring(series)...)
	found = append(found, PriceRises(series, c.Clock())...)
	found = append(found, UpcomingBills(series, c.Clock())...)
	found = append(found, CashFlow(wallets, series, h, c.Clock())...)
	return c.SayAll(ctx, observer.MostSaid, found...)
}
