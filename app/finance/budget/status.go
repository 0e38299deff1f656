package budget

import (
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/money"
)

// The states of a budget.
const (
	OK       = "ok"
	Warning  = "warning"  // its threshold is reached
	Exceeded = "exceeded" // more than all of it is spent
)

// Status is how a budget stands.
type Status struct {
	Limit   money.Amount `json:"limit" doc:"The amount and what is carried over from the month before"`
	Carried money.Amount `json:"carried" doc:"What was left of the month before, with rollover"`
	Spent   money.Amount `json:"spent" doc:"The month's expenses of the category in the budget's currency"`
	Left    money.Amount `json:"left" doc:"Of the limit; less than zero when it is exceeded"`
	Percent float64      `json:"percent" doc:"Of the limit that is spent, one place"` // a share, not money
	State   string       `json:"state" enum:"ok,warning,exceeded"`
}

// Month is what a month's budget was and what was spent of it.
type Month struct{ Amount, Spent decimal.Decimal }

// Stand tells how a budget of amount stands when spent is spent. earlier is the
// month before: with rollover, what was left of its amount is added to the
// limit; what was spent too much is not taken off, and what that month itself had
// been carried over is not carried on, so that nothing piles up unseen. Without a
// budget in the month before nothing is carried.
func Stand(amount, spent decimal.Decimal, threshold int, rollover bool, earlier Month) Status {
	carried := decimal.Zero
	if rollover {
		carried = decimal.Max(decimal.Zero, earlier.Amount.Sub(earlier.Spent))
	}
	limit := amount.Add(carried)
	s := Status{
		Limit: money.Of(limit), Carried: money.Of(carried), Spent: money.Of(spent), Left: money.Of(limit.Sub(spent)),
		Percent: spent.Mul(hundred).DivRound(limit, 1).InexactFloat64(), State: OK,
	}
	switch {
	case spent.GreaterThan(limit):
		s.State = Exceeded
	case spent.Mul(hundred).GreaterThanOrEqual(limit.Mul(decimal.NewFromInt(int64(threshold)))):
		s.State = Warning
	}
	return s
}

var hundred = decimal.NewFromInt(100)
