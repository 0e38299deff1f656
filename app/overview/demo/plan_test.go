package demo

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/money"
)

// On New Year's Eve in Los Angeles it is January in UTC, and was long in Kiritimati.
func TestAPlanIsByThePersonsCalendar(t *testing.T) {
	now := time.Date(2027, time.January, 1, 5, 0, 0, 0, time.UTC)
	for zone, want := range map[string]struct{ month, due, remind string }{
		"America/Los_Angeles": {"2026-12", "2027-01-03", "2027-01-01T17:00:00Z"},
		"Pacific/Kiritimati":  {"2027-01", "2027-01-04", "2027-01-01T19:00:00Z"},
	} {
		t.Run(zone, func(t *testing.T) {
			its := calendar.ZoneOrUTC(zone)
			p := planFor(now, its)
			require.Equal(t, want.month, p.budgets[len(p.budgets)-1].Month)
			require.Equal(t, want.due, p.tasks[0].Due)
			require.Equal(t, want.remind, p.tasks[0].RemindAt.Format(time.RFC3339), "at nine in the morning")
			hours := map[int]int{}
			for _, one := range p.transactions {
				require.False(t, one.Timestamp.After(now))
				hours[one.Timestamp.In(its).Hour()]++
			}
			require.Zero(t, hours[3], "nobody shops at night")
		})
	}
}

func TestAPlanIsOfThreeMonthsAndTillNow(t *testing.T) {
	for _, now := range []time.Time{
		time.Date(2026, time.November, 25, 13, 0, 0, 0, time.UTC),
		time.Date(2027, time.January, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2028, time.February, 29, 23, 59, 0, 0, time.UTC),
	} {
		t.Run(now.Format(time.DateOnly), func(t *testing.T) {
			p := planFor(now, time.UTC)
			require.Equal(t, p, planFor(now, time.UTC), "the same time gives the same")
			require.NotEmpty(t, p.wallets)
			require.NotEmpty(t, p.budgets)
			require.Less(t, len(p.transactions), 400, "as many as a request has time for")
			months, kinds := map[string]int{}, map[string]int{}
			for _, one := range p.transactions {
				require.False(t, one.Timestamp.After(now))
				months[one.Timestamp.Format("2006-01")]++
				kinds[one.Type]++
				amount, err := money.Parse(one.Amount)
				require.NoError(t, err)
				require.True(t, amount.GreaterThan(decimal.Zero))
				require.Less(t, one.from, len(p.wallets))
				require.Less(t, one.to, len(p.wallets))
				require.Equal(t, one.Type == event.Transfer, one.to >= 0 && one.to != one.from)
			}
			for month := 1; month <= full; month++ {
				require.Greater(t, months[now.AddDate(0, 0, 1-now.Day()).AddDate(0, -month, 0).Format("2006-01")], 20)
			}
			require.LessOrEqual(t, len(months), full+1)
			require.GreaterOrEqual(t, kinds[event.Income], full)
			for _, b := range p.budgets {
				_, err := money.Parse(b.Amount)
				require.NoError(t, err)
			}
			for _, g := range p.goals {
				_, err := money.Parse(g.goal.Target)
				require.NoError(t, err)
			}
		})
	}
}
