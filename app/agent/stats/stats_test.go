package stats

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func of(text string) []decimal.Decimal {
	var values []decimal.Decimal
	for word := range strings.FieldsSeq(text) {
		values = append(values, decimal.RequireFromString(word))
	}
	return values
}

func TestMedian(t *testing.T) {
	three := of("9 1 4")
	require.Equal(t, "4", Median(three).String())
	require.Equal(t, "2.5", Median(of("4 1")).String())
	require.Equal(t, "0", Median(nil).String())
	require.Equal(t, "9", three[0].String(), "what was given must stay in its order")
	require.InDelta(t, 2.5, MedianOf([]float64{4, 1}), 0)
}

// The wanted scores were worked out by hand.
func TestScore(t *testing.T) {
	for name, c := range map[string]struct {
		values, x, want string
		ok              bool
	}{
		"by the median deviation":         {"1 2 3 4 100", "10", "4.7215", true},
		"most alike: by the mean":         {"5 5 5 5 10", "10", "3.9894", true},
		"all alike: nothing tells":        {"5 5 5", "10", "0", false},
		"nothing to compare with: nor do": {"", "10", "0", false},
	} {
		t.Run(name, func(t *testing.T) {
			score, ok := SpreadOf(of(c.values)).Score(decimal.RequireFromString(c.x))
			require.Equal(t, c.ok, ok)
			require.Equal(t, c.want, score.Round(4).String())
		})
	}
}

func TestLogScore(t *testing.T) {
	samples := of("10 20 40 80 160")
	require.InDelta(t, 0, LogScore(decimal.NewFromInt(40), samples), 1e-9)
	// MAD ln 2, so a spread of sqrt((5 (1.4826 ln 2)^2 + 20 * 0.3025) / 25) = 0.6732.
	require.InDelta(t, 1.0296, LogScore(decimal.NewFromInt(80), samples), 1e-4)
	require.InDelta(t, -1.0296, LogScore(decimal.NewFromInt(20), samples), 1e-4)
	// All alike: sqrt(6.05 / 23) = 0.5129.
	require.InDelta(t, 1.3515, LogScore(decimal.NewFromInt(20), of("10 10 10")), 1e-4)
}

func TestFloat(t *testing.T) {
	for _, text := range []string{"0", "12.50", "-0.01", "99999999999.9999", "1e20", "1e-20", "123456789012345678901.1"} {
		d := decimal.RequireFromString(text)
		require.InDelta(t, d.InexactFloat64(), Float(d), 0, text)
	}
}

func TestConfidence(t *testing.T) {
	require.InDelta(t, 0.5, Confidence(3.5, 3.5), 0)
	require.InDelta(t, 0.75, Confidence(7, 3.5), 0)
	require.InDelta(t, 0.5, Confidence(0, 3.5), 0)
}

func TestNormal(t *testing.T) {
	require.InDelta(t, 0.5, Normal(0), 1e-9)
	require.InDelta(t, 0.975, Normal(1.959964), 1e-6)
}

func TestSignTest(t *testing.T) {
	require.InDelta(t, 1, SignTest(0, 12), 1e-12)
	require.InDelta(t, 13.0/4096, SignTest(11, 12), 1e-12)
	require.InDelta(t, 1.0/1024, SignTest(10, 10), 1e-12)
}

func TestTrend(t *testing.T) {
	require.Equal(t, 15, MannKendall(of("1 2 3 4 5 6")))
	require.Equal(t, -15, MannKendall(of("6 5 4 3 2 1")))
	require.Equal(t, 0, MannKendall(of("5 5 5")))
	require.Equal(t, 13, MannKendall(of("1 3 2 4 5 6")))
	require.Equal(t, "2", Slope(of("1 3 5 7")).String())
	require.Equal(t, "2", Slope(of("1 3 5 7 900")).Round(0).String(), "one odd value does not move it")
	require.Equal(t, "0", Slope(of("1")).String())
}
