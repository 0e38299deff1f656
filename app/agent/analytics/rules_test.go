package analytics

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func TestStand(t *testing.T) {
	for name, c := range map[string]struct {
		limit, spent, percent string
		threshold             int
		warn, exceeded        bool
	}{
		"nothing spent":                 {"100.00", "0.00", "0", 80, false, false},
		"a cent below 80%":              {"100.00", "79.99", "79.9", 80, false, false},
		"80% to the cent":               {"100.00", "80.00", "80", 80, true, false},
		"all of it is not too much":     {"100.00", "100.00", "100", 80, true, false},
		"a cent too much":               {"100.00", "100.01", "100", 80, true, true},
		"a threshold of the user's own": {"100.00", "50.00", "50", 50, true, false},
		"below one of the user's own":   {"100.00", "89.99", "89.9", 90, false, false},
		"a third, which does not go":    {"3.00", "1.00", "33.3", 80, false, false},
		"sums that floats get wrong":    {"0.30", "0.2400", "80", 80, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := stand(decimal.RequireFromString(c.limit), decimal.RequireFromString(c.spent), c.threshold)
			require.Equal(t, c.warn, got.warn)
			require.Equal(t, c.exceeded, got.exceeded)
			require.Equal(t, c.percent, got.percent.String())
		})
	}
}
