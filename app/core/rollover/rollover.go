// Package rollover says what a budget carries over from the month before.
//
// A budget with rollover carries what was left of the limit of the month before,
// for the same category and currency: what that month had been carried over
// itself counts, so that what is left adds up from month to month. What was spent
// too much is not carried: the next month begins with its own amount. Without a
// budget in the month before nothing is carried.
package rollover

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/calendar"
)

// Month is a month's budget of one category in one currency.
type Month struct {
	Month    time.Time // its first day
	Amount   decimal.Decimal
	Spent    decimal.Decimal
	Rollover bool
}

// Chain works out what budgets of one category and currency carry, one after the
// other.
type Chain struct {
	month time.Time // of the budget before; zero: none
	left  decimal.Decimal
}

// Next returns what the budget of a month carries over from the one that Next was
// called with before. Months must come in order.
func (c *Chain) Next(m Month) (carried decimal.Decimal) {
	if m.Rollover && !c.month.IsZero() && calendar.Month(m.Month).Equal(c.month.AddDate(0, 1, 0)) {
		carried = decimal.Max(decimal.Zero, c.left)
	}
	c.month, c.left = calendar.Month(m.Month), m.Amount.Add(carried).Sub(m.Spent)
	return carried
}
