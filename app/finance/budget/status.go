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
	Carried money.Amount `json:"carried" doc:"With rollover, what was left of the limit of the month before, if that was more than zero; nothing without a budget in that month"`
	Spent   money.Amount `json:"spent" doc:"The month's expenses of the category in the budget's currency, less its refunds; less than zero when more came back than was spent"`
	Left    money.Amount `json:"left" doc:"Of the limit; less than zero when it is exceeded"`
	Percent float64      `json:"percent" doc:"Of the limit that is spent, one place"` // a share, not money
	State   string       `json:"state" enum:"ok,warning,exceeded"`
}

// Stand returns how a budget of amount stands when carried was carried over to it
// (package rollover) and spent is spent. threshold is the percentage of the limit
// at which its user is warned.
func Stand(amount, carried, spent decimal.Decimal, threshold int) Status {
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
