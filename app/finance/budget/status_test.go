package budget

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func TestStand(t *testing.T) {
	d := decimal.RequireFromString
	for name, c := range map[string]struct {
		amount, carried, spent string
		threshold              int
		limit, left, state     string
		percent                float64
	}{
		"nothing is spent":                       {"400", "0", "0", 80, "400.00", "400.00", OK, 0},
		"a cent below the threshold":             {"400", "0", "319.99", 80, "400.00", "80.01", OK, 80},
		"at the threshold":                       {"400", "0", "320", 80, "400.00", "80.00", Warning, 80},
		"another threshold":                      {"400", "0", "200", 50, "400.00", "200.00", Warning, 50},
		"all of it is not too much":              {"400", "0", "400", 80, "400.00", "0.00", Warning, 100},
		"a cent too much":                        {"400", "0", "400.01", 80, "400.00", "-0.01", Exceeded, 100},
		"what is carried over is added":          {"400", "100", "400", 80, "500.00", "100.00", Warning, 80},
		"more came back than was spent":          {"400", "0", "-20", 80, "400.00", "420.00", OK, -5},
		"what is carried over counts as the own": {"400", "100", "500.01", 80, "500.00", "-0.01", Exceeded, 100},
	} {
		t.Run(name, func(t *testing.T) {
			s := Stand(d(c.amount), d(c.carried), d(c.spent), c.threshold)
			require.Equal(t, c.limit, s.Limit.String())
			require.Equal(t, c.left, s.Left.String())
			require.Equal(t, c.state, s.State)
			require.InDelta(t, c.percent, s.Percent, 0.001)
		})
	}
}
