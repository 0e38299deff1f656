package investment

import (
	"context"

	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/core/event"
)

// monthsRead are as many as the detectors read at the most, and one to spare.
const monthsRead = lately + earlier + 2

// Watch makes o the investment agent. It looks at whole months, so not at single
// transactions.
func Watch(o *observer.Observer) *observer.Observer {
	o.Service = event.Investment
	o.Review = review
	return o
}

// review looks at complete months on the first of the next, and at goals in the
// middle of it, when what is put by has arrived.
func review(ctx context.Context, c *observer.Case, look observer.Look) error {
	if look.Monthly(15) {
		goals, err := c.Goals(ctx)
		if err != nil {
			return err
		}
		if err := c.SayAll(ctx, observer.MostSaid, GoalPaces(goals, c.Clock())...); err != nil {
			return err
		}
	}
	if !look.Monthly(1) && !look.Backfilled {
		return nil
	}
	h, err := c.History(ctx, c.Clock().AddDate(0, -monthsRead, 0), c.Booked(), observer.MostHistory)
	if err != nil || len(h) == 0 {
		return err
	}
	wallets, err := c.Wallets(ctx)
	if err != nil {
		return err
	}
	found := IdleCash(wallets, h, c.Clock())
	found = append(found, EmergencyFund(wallets, h, c.Clock())...)
	for _, currency := range observer.Currencies(wallets) {
		found = append(found, SavingsRate(h, currency, c.Clock())...)
	}
	return c.SayAll(ctx, observer.MostSaid, found...)
}
