// Package stats is the statistics the agents compute with: plain enough to be
// explained to the person whose money it is, and robust, because one odd value
// must not hide the next. Money stays decimal; a score, a share or a probability
// is a float64.
package stats

import (
	"math"
	"slices"

	"github.com/shopspring/decimal"
)

// The modified z-score of Iglewicz and Hoaglin (How to Detect and Handle
// Outliers, 1993): 0.6745 (x - median) / MAD, an outlier above 3.5. With more
// than half of the values alike, MAD is 0, and the mean absolute deviation takes
// its place: (x - median) / (1.2533 meanAD).
var (
	madFactor  = decimal.RequireFromString("0.6745")
	meanFactor = decimal.RequireFromString("1.253314")
)

// Threshold is the modified z-score above which a value is an outlier.
const Threshold = 3.5

// Median returns the middle of values, zero when there are none.
func Median(values []decimal.Decimal) decimal.Decimal {
	if len(values) == 0 {
		return decimal.Zero
	}
	sorted := slices.SortedFunc(slices.Values(values), decimal.Decimal.Cmp)
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return decimal.Avg(sorted[half-1], sorted[half])
}

// Sum adds values up.
func Sum(values []decimal.Decimal) decimal.Decimal {
	sum := decimal.Zero
	for _, value := range values {
		sum = sum.Add(value)
	}
	return sum
}

// Spread is where values lie and how far they stray from there.
type Spread struct {
	Median decimal.Decimal
	MAD    decimal.Decimal // the median of the absolute deviations from the median
	MeanAD decimal.Decimal // their mean
}

// SpreadOf describes values; without any it is zero.
func SpreadOf(values []decimal.Decimal) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	s := Spread{Median: Median(values)}
	deviations := make([]decimal.Decimal, len(values))
	for i, value := range values {
		deviations[i] = value.Sub(s.Median).Abs()
	}
	s.MAD = Median(deviations)
	s.MeanAD = Sum(deviations).Div(decimal.NewFromInt(int64(len(values))))
	return s
}

// Score is the modified z-score of x. ok is false when all values were alike, so
// that nothing tells how far is far.
func (s Spread) Score(x decimal.Decimal) (score decimal.Decimal, ok bool) {
	above := x.Sub(s.Median)
	if s.MAD.IsPositive() {
		return madFactor.Mul(above).Div(s.MAD), true
	}
	if s.MeanAD.IsPositive() {
		return above.Div(meanFactor.Mul(s.MeanAD)), true
	}
	return decimal.Zero, false
}

// The spread of the logarithms of what one buys in one place, and of how many
// samples it has the weight in LogScore.
const (
	priorSpread = 0.55
	priorWeight = 20
)

// LogScore is the modified z-score of x among positive samples on a logarithmic
// scale, where amounts of purchases, which are skewed, lie about evenly: (ln x -
// median) / spread. The spread is 1.4826 MAD, drawn towards 0.55, the usual one
// of purchases, as if twenty samples more had that: the MAD of a few amounts, or of a
// price that never changed, says too little.
func LogScore(x decimal.Decimal, samples []decimal.Decimal) float64 {
	logs := make([]float64, len(samples))
	for i, sample := range samples {
		logs[i] = math.Log(Float(sample))
	}
	middle := MedianOf(logs)
	for i := range logs {
		logs[i] = math.Abs(logs[i] - middle)
	}
	// 1.4826 MAD estimates the standard deviation of normal values.
	spread, n := 1.4826*MedianOf(logs), float64(len(samples))
	spread = math.Sqrt((n*spread*spread + priorWeight*priorSpread*priorSpread) / (n + priorWeight))
	return (math.Log(Float(x)) - middle) / spread
}

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// Float is a decimal as the nearest float64, for scores: what
// decimal.InexactFloat64 gives, without its big rationals where it can.
func Float(d decimal.Decimal) float64 {
	places := -int(d.Exponent())
	if places < 0 || places >= len(powers) || d.NumDigits() > 15 {
		return d.InexactFloat64()
	}
	// Both are exact, so their quotient is rounded once.
	return float64(d.CoefficientInt64()) / powers[places]
}

// MedianOf returns the middle of numbers that are no money, 0 without any.
func MedianOf(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Confidence turns a score into a confidence: 0.5 at the threshold, near 1 far
// beyond it.
func Confidence(score, threshold float64) float64 {
	if score <= threshold || threshold <= 0 {
		return 0.5
	}
	return Round(1 - threshold/score/2)
}

// Round gives a share two places.
func Round(share float64) float64 { return math.Round(share*100) / 100 }

// Normal is the probability that a standard normal value is at most z.
func Normal(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }

// SignTest is the probability of at least so many heads in so many throws of a
// fair coin: the one-sided p-value of the sign test.
func SignTest(heads, throws int) float64 {
	p, ways := 0.0, 1.0
	for k := range throws + 1 {
		if k >= heads {
			p += ways
		}
		ways = ways * float64(throws-k) / float64(k+1)
	}
	return p / math.Exp2(float64(throws))
}

// MannKendall is the statistic S of Mann's test for a trend (Econometrica 13,
// 1945): the pairs of values of which the later is higher, less those of which it
// is lower. With n values it lies between -n(n-1)/2 and n(n-1)/2.
func MannKendall(values []decimal.Decimal) int {
	s := 0
	for i, early := range values {
		for _, late := range values[i+1:] {
			s += late.Cmp(early)
		}
	}
	return s
}

// Slope is the change from one value to the next by Theil and Sen: the median of
// the slopes between all pairs. It is zero with fewer than two values.
func Slope(values []decimal.Decimal) decimal.Decimal {
	var slopes []decimal.Decimal
	for i, early := range values {
		for j := i + 1; j < len(values); j++ {
			slopes = append(slopes, values[j].Sub(early).Div(decimal.NewFromInt(int64(j-i))))
		}
	}
	return Median(slopes)
}
