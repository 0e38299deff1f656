package analytics

import "github.com/shopspring/decimal"

// standing is how a budget stands.
type standing struct {
	warn     bool            // its threshold is reached
	exceeded bool            // more than all of it is spent
	percent  decimal.Decimal // of the limit, one place, rounded down: 100 is all of it
}

// stand compares what was spent with a limit that is more than zero. threshold is
// the percentage of the limit at which its user is warned.
func stand(limit, spent decimal.Decimal, threshold int) standing {
	return standing{
		warn:     spent.Mul(hundred).GreaterThanOrEqual(limit.Mul(decimal.NewFromInt(int64(threshold)))),
		exceeded: spent.GreaterThan(limit),
		percent:  spent.Mul(hundred).Div(limit).RoundFloor(1),
	}
}

var hundred = decimal.NewFromInt(100)

const (
	// minSamples is how many earlier amounts a comparison with a merchant needs.
	minSamples = 8
	// maxSamples is as far as an amount is compared back.
	maxSamples = 50
)
