package demo

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/money"
)

func TestAPlanIsOfThreeMonthsAndTillNow(t *testing.T) {
	for _, now := range []time.Time{
		time.Date(2026, time.November, 25, 13, 0, 0, 0, time.UTC),
		time.Date(2027, time.January, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2028, time.February, 29, 23, 59, 0, 0, time.UTC),
	} {
		t.Run(now.Format(time.DateOnly), func(t *testing.T) {
			p := planFor(now)
			require.Equal(t, p, planFor(now), "the same time gives the same")
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
