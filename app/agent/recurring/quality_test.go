package recurring

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
)

// businessDay moves a day off weekends and a few bank holidays of each year, before
// them or after.
func businessDay(day time.Time, step int) time.Time {
	for {
		holiday := day.Month() == time.January && day.Day() == 1 || day.Month() == time.May && day.Day() == 1 || day.Month() == time.December && (day.Day() == 25 || day.Day() == 26)
		if day.Weekday() != time.Saturday && day.Weekday() != time.Sunday && !holiday {
			return day
		}
		day = day.AddDate(0, 0, step)
	}
}

// rhythms are how salaries come, the days of a year and a half from a Monday on.
var rhythms = map[string]func(r *rand.Rand, start time.Time) []time.Time{
	"weekly":      every(7, 78),
	"fortnightly": every(14, 39),
	"four-weekly": every(28, 19),
	twiceAMonth: func(r *rand.Rand, start time.Time) []time.Time {
		days := [][2]int{{1, 15}, {15, 31}, {5, 20}, {10, 25}}[r.IntN(4)]
		return onDays(start, 1, 18, days[0], days[1])
	},
	"monthly": func(r *rand.Rand, start time.Time) []time.Time {
		return onDays(start, 1, 18, []int{1, 15, 25, 28, 31}[r.IntN(5)])
	},
	"two-monthly": func(r *rand.Rand, start time.Time) []time.Time { return onDays(start, 2, 9, 1+r.IntN(28)) },
	"quarterly":   func(r *rand.Rand, start time.Time) []time.Time { return onDays(start, 3, 6, 1+r.IntN(28)) },
	"yearly":      func(r *rand.Rand, start time.Time) []time.Time { return onDays(start, 12, 2, 1+r.IntN(28)) },
	// What is no rhythm: invoices that are paid when they are, and things sold.
	"": func(r *rand.Rand, start time.Time) []time.Time {
		var days []time.Time
		for day := start; len(days) < 15; day = day.AddDate(0, 0, 3+int(r.ExpFloat64()*30)) {
			days = append(days, day)
		}
		return days
	},
}

func every(days, many int) func(*rand.Rand, time.Time) []time.Time {
	return func(r *rand.Rand, start time.Time) []time.Time {
		first := start.AddDate(0, 0, r.IntN(5))
		all := make([]time.Time, many)
		for i := range all {
			all[i] = first.AddDate(0, 0, i*days)
		}
		return all
	}
}

func onDays(start time.Time, months, many int, days ...int) (all []time.Time) {
	for i := range many {
		first := history.MonthOf(start).AddDate(0, i*months, 0)
		for _, day := range days {
			all = append(all, first.AddDate(0, 0, min(day, first.AddDate(0, 1, -1).Day())-1))
		}
	}
	return all
}

// TestSalariesOfEveryRhythm: precision is the share of series told that have the
// rhythm in which the salary was made, recall the share of salaries whose rhythm was
// told, and next that of the next days told by three days.
func TestSalariesOfEveryRhythm(t *testing.T) {
	const first, many = 50_001, 200
	told, right, made, near := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	for rhythm, days := range rhythms {
		for seed := range many {
			r := rand.New(rand.NewPCG(first+uint64(seed), uint64(len(rhythm))))
			start := time.Date(2024, time.Month(1+r.IntN(12)), 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 7*r.IntN(4))
			for start.Weekday() != time.Monday {
				start = start.AddDate(0, 0, 1)
			}
			step := []int{-1, 1}[r.IntN(2)]
			spread := []float64{0, 0, 0.02, 0.08}[r.IntN(4)]
			if rhythm == "" {
				spread = 0.5
			}
			var h []history.Transaction
			for i, day := range days(r, start) {
				h = append(h, history.Transaction{
					ID: uuid.UUID{1, byte(i)}, Currency: "EUR", Type: event.Income, Category: "salary", Description: "Acme Payroll", At: businessDay(day, step).Add(7 * time.Hour),
					Amount: decimal.NewFromFloat(2000 * math.Exp(spread*r.NormFloat64())).Round(2),
				})
			}
			made[rhythm]++
			// The last is not known yet, but where two are all there are.
			known := h[:max(2, len(h)-1)]
			found := Find(known, known[len(known)-1].At.AddDate(0, 0, 1))
			for _, s := range found {
				told[s.Cadence.Name]++
			}
			if i := slices.IndexFunc(found, func(s Series) bool { return s.Cadence.Name == rhythm }); i >= 0 {
				right[rhythm]++
				if off := daysBetween(found[i].Next, h[len(h)-1].At); len(h) == len(known) || math.Abs(off) <= 3 {
					near[rhythm]++
				}
			}
		}
	}
	for _, rhythm := range []string{"weekly", "fortnightly", "four-weekly", twiceAMonth, "monthly", "two-monthly", "quarterly", "yearly"} {
		precision, recall := float64(right[rhythm])/float64(max(1, told[rhythm])), float64(right[rhythm])/float64(made[rhythm])
		next := float64(near[rhythm]) / float64(max(1, right[rhythm]))
		t.Logf("| %s | %.3f | %.3f | %.3f |", rhythm, precision, recall, next)
		floor := floors[rhythm]
		require.GreaterOrEqual(t, precision, floor[0], "precision of %s", rhythm)
		require.GreaterOrEqual(t, recall, floor[1], "recall of %s", rhythm)
	}
}

// floors are the least precision and recall.
var floors = map[string][2]float64{
	"weekly": {0.98, 0.96}, "fortnightly": {0.98, 0.98}, "four-weekly": {0.98, 0.98}, twiceAMonth: {0.98, 0.98},
	"monthly": {0.98, 0.98}, "two-monthly": {0.98, 0.98}, "quarterly": {0.98, 0.98}, "yearly": {0.98, 0.98},
}
