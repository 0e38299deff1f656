package budget

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func TestStand(t *testing.T) {
	d := decimal.RequireFromString
	for name, c := range map[string]struct {
		amount, spent         string
		threshold             int
		rollover              bool
		earlier, earlierSpent string
		limit, left, state    string
		percent               float64
	}{
		"nothing is spent":                              {"400", "0", 80, false, "0", "0", "400.00", "400.00", OK, 0},
		"a cent below the threshold":                    {"400", "319.99", 80, false, "0", "0", "400.00", "80.01", OK, 80},
		"at the threshold":                              {"400", "320", 80, false, "0", "0", "400.00", "80.00", Warning, 80},
		"another threshold":                             {"400", "200", 50, false, "0", "0", "400.00", "200.00", Warning, 50},
		"all of it is not too much":                     {"400", "400", 80, false, "0", "0", "400.00", "0.00", Warning, 100},
		"a cent too much":                               {"400", "400.01", 80, false, "0", "0", "400.00", "-0.01", Exceeded, 100},
		"what was left is added":                        {"400", "400", 80, true, "400", "300", "500.00", "100.00", Warning, 80},
		"what was left is not added without rollover":   {"400", "450", 80, false, "400", "300", "400.00", "-50.00", Exceeded, 112.5},
		"what was too much is not taken off":            {"400", "100", 80, true, "400", "700", "400.00", "300.00", OK, 25},
		"no budget in the month before carries nothing": {"400", "100", 80, true, "0", "0", "400.00", "300.00", OK, 25},
	} {
		t.Run(name, func(t *testing.T) {
			s := Stand(d(c.amount), d(c.spent), c.threshold, c.rollover, Month{d(c.earlier), d(c.earlierSpent)})
			require.Equal(t, c.limit, s.Limit.String())
			require.Equal(t, c.left, s.Left.String())
			require.Equal(t, c.state, s.State)
			require.InDelta(t, c.percent, s.Percent, 0.001)
		})
	}
}
