package analytics

import (
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/stats"
)

// warnAt is the share of a budget at which its user is warned.
var warnAt = decimal.RequireFromString("0.80")

// standing is how a budget stands.
type standing struct {
	warn     bool            // at least 80% are spent
	exceeded bool            // more than all of it is spent
	percent  decimal.Decimal // of the limit, one place
}

// stand compares what was spent with a limit that is more than zero.
func stand(limit, spent decimal.Decimal) standing {
	return standing{
		warn:     spent.GreaterThanOrEqual(limit.Mul(warnAt)),
		exceeded: spent.GreaterThan(limit),
		percent:  spent.Mul(hundred).DivRound(limit, 1),
	}
}

var hundred = decimal.NewFromInt(100)

// An outlier is what stats.Spread scores above threshold.
var (
	threshold = decimal.NewFromFloat(stats.Threshold)
	// An amount that is odd to statistics but less than half as much again as
	// usual is not worth a word.
	worthAWord = decimal.RequireFromString("1.5")
)

// minSamples is how many earlier amounts a comparison needs.
const minSamples = 8

// usual is what an amount was found to be far from.
type usual struct {
	median decimal.Decimal
	times  decimal.Decimal // the amount over the median, one place
	// confidence is 0.5 at the threshold and comes near 1 far beyond it.
	confidence float64
}

// unusual tells whether amount is far above samples, which are positive amounts
// of the same kind. Far below is no reason to worry anybody.
func unusual(amount decimal.Decimal, samples []decimal.Decimal) (usual, bool) {
	if len(samples) < minSamples {
		return usual{}, false
	}
	spread := stats.SpreadOf(samples)
	middle := spread.Median
	above := amount.Sub(middle)
	if amount.LessThan(middle.Mul(worthAWord)) || !above.IsPositive() {
		return usual{}, false
	}
	u := usual{median: middle, times: amount.DivRound(middle, 1), confidence: 1}
	score, ok := spread.Score(amount)
	if !ok {
		return u, true // all alike till now
	}
	if score.LessThanOrEqual(threshold) {
		return usual{}, false
	}
	u.confidence = stats.Confidence(stats.Float(score), stats.Threshold)
	return u, true
}
