package analytics

import (
	"slices"

	"github.com/shopspring/decimal"
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

// The modified z-score of Iglewicz and Hoaglin (How to Detect and Handle
// Outliers, 1993): 0.6745 (x - median) / MAD, an outlier above 3.5. With more
// than half of the values alike, MAD is 0, and the mean absolute deviation takes
// its place: (x - median) / (1.2533 meanAD).
var (
	madFactor  = decimal.RequireFromString("0.6745")
	meanFactor = decimal.RequireFromString("1.253314")
	threshold  = decimal.RequireFromString("3.5")
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
	middle := median(samples)
	above := amount.Sub(middle)
	if amount.LessThan(middle.Mul(worthAWord)) || !above.IsPositive() {
		return usual{}, false
	}
	u := usual{median: middle, times: amount.DivRound(middle, 1), confidence: 1}
	deviations := make([]decimal.Decimal, len(samples))
	for i, sample := range samples {
		deviations[i] = sample.Sub(middle).Abs()
	}
	var score decimal.Decimal
	if mad := median(deviations); mad.IsPositive() {
		score = madFactor.Mul(above).Div(mad)
	} else if mean := decimal.Avg(deviations[0], deviations[1:]...); mean.IsPositive() {
		score = above.Div(meanFactor.Mul(mean))
	} else {
		return u, true // all alike till now
	}
	if score.LessThanOrEqual(threshold) {
		return usual{}, false
	}
	u.confidence = decimal.NewFromInt(1).Sub(threshold.Div(score).Div(decimal.NewFromInt(2))).Round(2).InexactFloat64()
	return u, true
}

// median returns the middle of values, of which there must be one.
func median(values []decimal.Decimal) decimal.Decimal {
	sorted := slices.SortedFunc(slices.Values(values), decimal.Decimal.Cmp)
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return decimal.Avg(sorted[half-1], sorted[half])
}
