package summary

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/finance/ledger"
)

var d = decimal.RequireFromString

func flow(currency, kind, amount string) Flow {
	return Flow{Currency: currency, Type: kind, Amount: d(amount), Transactions: 1}
}

func TestTotals(t *testing.T) {
	type sum struct {
		currency, income, expenses, net string
		rate                            float64 // -1: none
	}
	rate := func(of *float64) float64 {
		if of == nil {
			return -1
		}
		return *of
	}
	for name, c := range map[string]struct {
		flows []Flow
		want  []sum
	}{
		"nothing happened": {nil, nil},
		"one currency": {
			[]Flow{flow("EUR", event.Income, "2000"), flow("EUR", event.Expense, "1500.50")},
			[]sum{{"EUR", "2000.00", "1500.50", "499.50", 25}},
		},
		"expenses without income have no rate": {
			[]Flow{flow("EUR", event.Expense, "10")}, []sum{{"EUR", "0.00", "10.00", "-10.00", -1}},
		},
		"more spent than earned": {
			[]Flow{flow("EUR", event.Income, "100"), flow("EUR", event.Expense, "150")},
			[]sum{{"EUR", "100.00", "150.00", "-50.00", -50}},
		},
		"currencies are told apart": {
			[]Flow{flow("USD", event.Income, "100"), flow("EUR", event.Expense, "50"), flow("JPY", event.Expense, "9000")},
			[]sum{{"EUR", "0.00", "50.00", "-50.00", -1}, {"JPY", "0.00", "9000.00", "-9000.00", -1}, {"USD", "100.00", "0.00", "100.00", 100}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			all := ByCurrency(c.flows)
			require.Len(t, all, len(c.want))
			for i, got := range all {
				require.Equal(t, c.want[i], sum{got.Currency, got.Income.String(), got.Expenses.String(), got.Net.String(), rate(got.SavingsRate)})
			}
		})
	}
}

func TestInOne(t *testing.T) {
	require.Nil(t, InOne(nil, []string{"JPY"}, "EUR"), "no sum is no total")
	total := InOne([]ledger.Sum{
		{Type: event.Income, Amount: d("90.005"), Transactions: 1}, {Type: event.Expense, Amount: d("50.003"), Transactions: 2}, {Type: event.Expense, Amount: d("10.003"), Transactions: 1},
	}, []string{"JPY"}, "EUR")
	require.Equal(t, "90.01", total.Income.String())
	require.Equal(t, "60.01", total.Expenses.String(), "rounded once, at the end")
	require.Equal(t, 4, total.Transactions)
	require.Equal(t, []string{"JPY"}, total.LeftOut)
	require.Equal(t, "9", InOne([]ledger.Sum{{Type: event.Income, Amount: d("8.6")}}, nil, "JPY").Income.Decimal.String(), "to the currency's minor units")
}

func TestByCategory(t *testing.T) {
	of := func(category, amount string) Flow {
		return Flow{Currency: "EUR", Category: category, Amount: d(amount), Transactions: 2}
	}
	got := ByCategory([]Flow{of("groceries", "100"), of("housing", "300"), of("leisure", "100")}, []Flow{of("groceries", "80"), of("health", "5"), of("housing", "400")})
	require.Len(t, got, 3)
	require.Equal(t, "housing", got[0].Category, "the largest first")
	require.InDelta(t, 60, got[0].Share, 0.01)
	require.InDelta(t, -25, *got[0].Change, 0.01)
	require.Equal(t, "groceries", got[1].Category, "equal ones by name")
	require.InDelta(t, 25, *got[1].Change, 0.01)
	require.Equal(t, "80.00", got[1].Before.String())
	require.Nil(t, got[2].Change, "there was nothing before")
}

func TestByMonthHasEveryMonth(t *testing.T) {
	first := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	f := flow("USD", event.Expense, "10")
	f.Month = first.AddDate(0, 2, 0)
	months := ByMonth([]Flow{f}, []ledger.Sum{{Month: first.AddDate(0, 2, 0), Type: event.Expense, Amount: d("9")}}, nil, first, 3, "EUR")
	require.Len(t, months, 3)
	require.Equal(t, []string{"2026-11", "2026-12", "2027-01"}, []string{months[0].Month, months[1].Month, months[2].Month})
	require.Empty(t, months[0].Currencies)
	require.Nil(t, months[0].Total)
	require.Equal(t, "9.00", months[2].Total.Expenses.String())
}

func TestSoFar(t *testing.T) {
	got := SoFar([]Flow{flow("EUR", event.Expense, "120"), flow("EUR", event.Income, "500")}, []Flow{flow("EUR", event.Expense, "100"), flow("USD", event.Expense, "3")})
	require.Len(t, got, 2)
	require.Equal(t, "380.00", got[0].Net.String())
	require.InDelta(t, 20, *got[0].ExpensesChange, 0.01)
	require.Equal(t, "USD", got[1].Currency, "a currency of last month only is told of too")
	require.InDelta(t, -100, *got[1].ExpensesChange, 0.01)
}

func TestSoFarBefore(t *testing.T) {
	for name, c := range map[string]struct{ today, since, until string }{
		"in the middle":                       {"2026-11-15", "2026-10-01", "2026-10-16"},
		"on the first":                        {"2026-11-01", "2026-10-01", "2026-10-02"},
		"a day that last month does not have": {"2026-03-31", "2026-02-01", "2026-03-01"},
		"over the year":                       {"2027-01-10", "2026-12-01", "2026-12-11"},
		"after a leap day":                    {"2028-03-29", "2028-02-01", "2028-03-01"},
	} {
		t.Run(name, func(t *testing.T) {
			today, err := time.Parse(time.DateOnly, c.today)
			require.NoError(t, err)
			since, until := SoFarBefore(today)
			require.Equal(t, c.since, since.Format(time.DateOnly))
			require.Equal(t, c.until, until.Format(time.DateOnly))
		})
	}
}
