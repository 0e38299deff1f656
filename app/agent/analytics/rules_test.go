package analytics

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func TestStand(t *testing.T) {
	for name, c := range map[string]struct {
		limit, spent, percent string
		warn, exceeded        bool
	}{
		"nothing spent":              {"100.00", "0.00", "0", false, false},
		"a cent below 80%":           {"100.00", "79.99", "80", false, false},
		"80% to the cent":            {"100.00", "80.00", "80", true, false},
		"all of it is not too much":  {"100.00", "100.00", "100", true, false},
		"a cent too much":            {"100.00", "100.01", "100", true, true},
		"a third, which does not go": {"3.00", "1.00", "33.3", false, false},
		"sums that floats get wrong": {"0.30", "0.2400", "80", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := stand(decimal.RequireFromString(c.limit), decimal.RequireFromString(c.spent))
			require.Equal(t, c.warn, got.warn)
			require.Equal(t, c.exceeded, got.exceeded)
			require.Equal(t, c.percent, got.percent.String())
		})
	}
}

func TestUnusual(t *testing.T) {
	for name, c := range map[string]struct {
		samples, amount string
		want            bool
	}{
		"too few to compare with":             {"10 11 9 10 11 9 10", "500", false},
		"far above":                           {"10 11 9 10 11 9 10 12", "60", true},
		"within the spread":                   {"10 11 9 10 11 9 10 12", "13", false},
		"far below is no worry":               {"100 110 90 100 110 90 100 120", "1", false},
		"odd, but hardly more":                {"100 101 100 99 100 101 99 100", "120", false},
		"one earlier outlier hides no other":  {"10 11 9 10 11 9 10 1000", "60", true},
		"all alike till now, then twice that": {"15 15 15 15 15 15 15 15", "30", true},
		"most alike, then a little more":      {"15 15 15 15 15 15 15 30", "16", false},
		"most alike, then far more":           {"15 15 15 15 15 15 15 30", "200", true},
		"wide spread":                         {"5 80 20 120 40 9 60 30", "150", false},
	} {
		t.Run(name, func(t *testing.T) {
			var samples []decimal.Decimal
			for text := range strings.FieldsSeq(c.samples) {
				samples = append(samples, decimal.RequireFromString(text))
			}
			got, is := unusual(decimal.RequireFromString(c.amount), samples)
			require.Equal(t, c.want, is)
			if is {
				require.GreaterOrEqual(t, got.confidence, 0.5)
				require.LessOrEqual(t, got.confidence, 1.0)
			}
		})
	}
}
