package rollover_test

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/rollover"
)

func TestWhatIsCarriedOver(t *testing.T) {
	for name, c := range map[string]struct{ months, carried string }{
		"nothing without a month before":               {"2026-01 100 40 roll", "0"},
		"what was left":                                {"2026-01 100 40, 2026-02 100 0 roll", "0 60"},
		"nothing without rollover":                     {"2026-01 100 40 roll, 2026-02 100 0", "0 0"},
		"what is left adds up":                         {"2026-01 100 40, 2026-02 100 50 roll, 2026-03 100 0 roll", "0 60 110"},
		"what was carried may be spent":                {"2026-01 100 40, 2026-02 100 150 roll, 2026-03 100 0 roll", "0 60 10"},
		"what was spent too much is not taken off":     {"2026-01 100 140, 2026-02 100 0 roll", "0 0"},
		"nothing is carried over a gap":                {"2026-01 100 40, 2026-03 100 0 roll", "0 0"},
		"a month without rollover begins anew":         {"2026-01 100 0, 2026-02 100 50, 2026-03 100 0 roll", "0 0 50"},
		"over the end of a year":                       {"2026-12 100 99.99, 2027-01 100 0 roll", "0 0.01"},
		"a refund beyond what was spent is left too":   {"2026-01 100 -20, 2026-02 100 0 roll", "0 120"},
		"all of it spent to the last cent":             {"2026-01 100 100, 2026-02 100 0 roll", "0 0"},
		"as much as amounts can be, for a year's half": {"2026-01 9999999999999 0, 2026-02 9999999999999 0 roll, 2026-03 1 0 roll", "0 9999999999999 19999999999998"},
	} {
		t.Run(name, func(t *testing.T) {
			var chain rollover.Chain
			var carried []string
			for _, text := range strings.Split(c.months, ", ") {
				f := strings.Fields(text)
				month, err := calendar.ParseMonth(f[0])
				require.NoError(t, err)
				carried = append(carried, chain.Next(rollover.Month{
					Month: month, Amount: decimal.RequireFromString(f[1]), Spent: decimal.RequireFromString(f[2]), Rollover: len(f) == 4,
				}).String())
			}
			require.Equal(t, c.carried, strings.Join(carried, " "))
		})
	}
}
