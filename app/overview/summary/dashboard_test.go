package summary

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/finance/budget"
	"github.com/wealth-companion/companion/app/finance/goal"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/overview/score"
)

// euros converts dollars at 0.9, and knows no other rate.
func euros(amount decimal.Decimal, currency string) (decimal.Decimal, bool) {
	switch currency {
	case "EUR":
		return amount, true
	case "USD":
		return amount.Mul(d("0.9")), true
	default:
		return decimal.Zero, false
	}
}

func stood(category, amount, spent string) budget.Budget {
	status := budget.Stand(d(amount), decimal.Zero, d(spent), 80)
	return budget.Budget{Category: category, Month: "2026-11", Currency: "EUR", Status: &status}
}

func TestStates(t *testing.T) {
	s := States([]budget.Budget{stood("a", "100", "10"), stood("b", "100", "101"), stood("c", "100", "90"), stood("d", "100", "10")})
	require.Equal(t, [3]int{2, 1, 1}, [3]int{s.OK, s.Warning, s.Exceeded})
	var order []string
	for _, b := range s.Items {
		order = append(order, b.Category)
	}
	require.Equal(t, []string{"b", "c", "a", "d"}, order)
	require.Empty(t, States(nil).Items)
}

func TestWorth(t *testing.T) {
	of := func(currency, amount string) ledger.Wallet {
		return ledger.Wallet{Currency: currency, Balance: money.Of(d(amount))}
	}
	for name, c := range map[string]struct {
		wallets []ledger.Wallet
		total   string // "": none
		left    []string
	}{
		"no wallets":                     {nil, "", nil},
		"one currency":                   {[]ledger.Wallet{of("EUR", "10"), of("EUR", "-2.50")}, "7.50", nil},
		"another currency is converted":  {[]ledger.Wallet{of("EUR", "10"), of("USD", "10")}, "19.00", nil},
		"one without a rate is left out": {[]ledger.Wallet{of("EUR", "10"), of("JPY", "10")}, "10.00", []string{"JPY"}},
		"none of them has a rate":        {[]ledger.Wallet{of("JPY", "10")}, "", []string{"JPY"}},
	} {
		t.Run(name, func(t *testing.T) {
			total, left := Worth(Together(c.wallets), "EUR", euros)
			require.Equal(t, c.left, left)
			if c.total == "" {
				require.Nil(t, total)
				return
			}
			require.Equal(t, c.total, total.Amount.String())
		})
	}
}

func TestJudged(t *testing.T) {
	first := time.Date(2026, time.May, 1, 0, 0, 0, 0, time.UTC)
	at := func(month int, f Flow) Flow {
		f.Month = first.AddDate(0, month, 0)
		return f
	}
	months := ByMonth([]Flow{
		at(2, flow("EUR", event.Income, "100")), at(4, flow("EUR", event.Expense, "40")), at(4, flow("JPY", event.Expense, "40")),
	}, []ledger.Sum{
		{Month: first.AddDate(0, 2, 0), Type: event.Income, Amount: d("100")}, {Month: first.AddDate(0, 4, 0), Type: event.Expense, Amount: d("40")},
	}, []ledger.Unconverted{{Currency: "JPY", First: first.AddDate(0, 4, 3), Last: first.AddDate(0, 4, 3)}}, first, 6, "EUR")
	needed := money.Of(d("5"))
	in := Judged("EUR", []budget.Budget{stood("a", "100", "10")}, months, []goal.Goal{
		{Name: "given up", Status: goal.Abandoned, Progress: &goal.Progress{}},
		{Name: "a", Status: goal.Active, Progress: &goal.Progress{Pace: money.Of(d("3")), Needed: &needed}},
		{Name: "b", Status: goal.Reached, Progress: &goal.Progress{}},
	})
	require.Equal(t, []string{"JPY"}, in.LeftOut)
	require.Len(t, in.Months, 4, "from the first with anything in it on")
	require.True(t, in.Months[1].Income.IsZero(), "an empty month between counts")
	require.True(t, in.Months[2].Expenses.Equal(d("40")))
	require.Equal(t, []score.Goal{{Name: "a", Pace: d("3"), Needed: &needed.Decimal}, {Name: "b", Reached: true, Pace: decimal.Decimal{}}}, in.Goals)
	require.True(t, in.Budgets[0].Limit.Equal(d("100")))
}

func TestPeriods(t *testing.T) {
	now := time.Date(2026, time.November, 15, 13, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		period       Period
		since, until string // "": refused
	}{
		"without ends it is this month till today":               {Period{}, "2026-11-01", "2026-11-16"},
		"without a beginning it is that of the last day's month": {Period{To: "2026-10-20"}, "2026-10-01", "2026-10-21"},
		"without an end it is today":                             {Period{From: "2026-01-01"}, "2026-01-01", "2026-11-16"},
		"one day":                                                {Period{"2026-02-28", "2026-02-28"}, "2026-02-28", "2026-03-01"},
		"the wrong way round":                                    {Period{"2026-03-02", "2026-03-01"}, "", ""},
		"longer than five years":                                 {Period{"2020-03-02", "2026-03-01"}, "", ""},
		"no day":                                                 {Period{From: "2026-02-30"}, "", ""},
		"the year nought":                                        {Period{From: "0000-01-01", To: "0000-01-02"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			since, until, err := c.period.span(now)
			if c.since == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.since, since.Format(time.DateOnly))
			require.Equal(t, c.until, until.Format(time.DateOnly))
		})
	}
}
