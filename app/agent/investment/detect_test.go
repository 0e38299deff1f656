package investment

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/tracing"
)

var (
	user          = uuid.UUID{1}
	bank, savings = uuid.UUID{2}, uuid.UUID{3}
	begun         = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
)

// months makes one income and one expense of each, in percent of 1000.
func months(income, expenses []int64) []history.Transaction {
	var h []history.Transaction
	for i := range income {
		first := begun.AddDate(0, i, 0)
		h = append(h,
			history.Transaction{ID: tracing.NewID(), UserID: user, WalletID: bank, Currency: "EUR", Type: event.Income, Category: "salary", Amount: decimal.NewFromInt(10 * income[i]), At: first.Add(time.Hour)},
			history.Transaction{ID: tracing.NewID(), UserID: user, WalletID: bank, Currency: "EUR", Type: event.Expense, Category: "housing", Amount: decimal.NewFromInt(10 * expenses[i]), At: first.AddDate(0, 0, 10)})
	}
	return h
}

func hundreds(n int) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = 100
	}
	return all
}

func fits(t *testing.T, found []finding.Finding) {
	t.Helper()
	for _, f := range found {
		e, err := event.New(t.Context(), event.Investment, event.TypeInsightGenerated, "x", f.Insight(tracing.NewID(), user))
		require.NoError(t, err)
		require.NoError(t, event.Check(e))
		require.NotEmpty(t, f.Detail)
		require.NotEmpty(t, f.Dismiss)
		require.NotEmpty(t, f.Facts)
	}
}

func TestSavingsRate(t *testing.T) {
	for name, c := range map[string]struct {
		expenses []int64
		want     string
	}{
		"as ever":                          {[]int64{80, 78, 81, 80, 79, 82, 80, 78, 81, 80}, ""},
		"it fell and stays there":          {[]int64{80, 78, 81, 80, 79, 82, 97, 99, 98, 96}, "Your savings rate fell from 20% to 3%"},
		"it rose":                          {[]int64{80, 78, 81, 80, 79, 82, 60, 58, 61, 60}, "Your savings rate rose from 20% to 40%"},
		"a holiday":                        {[]int64{80, 78, 81, 80, 79, 82, 150, 120, 81, 80}, ""},
		"hardly":                           {[]int64{80, 78, 81, 80, 79, 82, 88, 89, 88, 87}, ""},
		"months that were never alike":     {[]int64{60, 95, 75, 110, 65, 90, 96, 99, 95, 98}, ""},
		"too few months to compare with":   {[]int64{80, 80, 80, 80, 80, 97, 97, 97, 97}, ""},
		"it fell, but the last is as ever": {[]int64{80, 78, 81, 80, 79, 82, 97, 99, 98, 80}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := len(c.expenses)
			found := SavingsRate(months(hundreds(n), c.expenses), "EUR", begun.AddDate(0, n, 3))
			fits(t, found)
			if c.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, c.want, found[0].Title)
		})
	}
	expenses := []int64{80, 78, 81, 80, 79, 82, 97, 99, 98, 96}
	h := months(hundreds(10), expenses)
	require.NotEmpty(t, SavingsRate(h, "EUR", begun.AddDate(0, 10, 3)))
	require.Empty(t, SavingsRate(append(h[:18:18], h[19]), "EUR", begun.AddDate(0, 10, 3)), "a month without income has no rate")
	require.Empty(t, SavingsRate(nil, "EUR", begun))
}

func wallets(inBank, inSavings int64) []history.Wallet {
	return []history.Wallet{
		{ID: bank, UserID: user, Name: "Current account", Type: history.Bank, Currency: "EUR", Balance: decimal.NewFromInt(inBank)},
		{ID: savings, UserID: user, Name: "Savings", Type: history.Savings, Currency: "EUR", Balance: decimal.NewFromInt(inSavings)},
		{ID: uuid.UUID{4}, UserID: user, Name: "Depot", Type: history.Investment, Currency: "EUR", Balance: decimal.NewFromInt(99999)},
	}
}

func TestIdleCash(t *testing.T) {
	h := months(hundreds(8), []int64{80, 80, 80, 80, 80, 80, 80, 80}) // 800 a month
	now := begun.AddDate(0, 8, 5)
	windfall := append(append([]history.Transaction{}, h...), history.Transaction{
		ID: tracing.NewID(), WalletID: bank, Currency: "EUR", Type: event.Income, Amount: decimal.NewFromInt(9000), At: now.AddDate(0, 0, -20),
	})
	history.Sort(windfall)
	tomorrow := append(append([]history.Transaction{}, h...), history.Transaction{
		ID: tracing.NewID(), WalletID: bank, Currency: "EUR", Type: event.Income, Amount: decimal.NewFromInt(9000), At: now.Add(20 * time.Hour),
	})
	for name, c := range map[string]struct {
		wallets []history.Wallet
		h       []history.Transaction
		want    string
	}{
		"six months and a bit":            {wallets(5600, 0), h, ""},
		"far more than six months":        {wallets(10000, 0), h, "4800"}, // the least was 9600
		"a reserve in savings counts":     {wallets(1900, 9000), h, ""},
		"comes tomorrow":                  {wallets(10000, 0), tomorrow, ""},
		"came three weeks ago":            {wallets(10000, 0), windfall, ""},
		"nothing is known of what is due": {wallets(10000, 0), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := IdleCash(c.wallets, c.h, now)
			fits(t, found)
			if c.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, event.InvestmentSuggestion, found[0].InsightType)
			require.Contains(t, found[0].Message, "This is no advice.")
			require.Equal(t, c.want, found[0].Facts["idle"])
			require.Equal(t, "9600.00", found[0].Facts["least"], "of 90 days, not what is there now")
		})
	}
}

func TestEmergencyFund(t *testing.T) {
	h := months(hundreds(8), []int64{80, 80, 80, 80, 80, 80, 80, 80}) // 800, all essential
	now := begun.AddDate(0, 8, 5)
	for name, c := range map[string]struct {
		bank, savings int64
		want          string
	}{
		"three months and half a month's bills": {2000, 800, ""},
		"one below":                             {2000, 799, "2.9"},
		"one month":                             {1200, 0, "1"},
		"nothing":                               {0, 0, "0"},
		"in debt":                               {-500, 0, "0"},
	} {
		t.Run(name, func(t *testing.T) {
			found := EmergencyFund(wallets(c.bank, c.savings), h, now)
			fits(t, found)
			if c.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, c.want, found[0].Facts["months"])
		})
	}
	require.Empty(t, EmergencyFund(wallets(0, 0), nil, now))
}

func TestGoalPaces(t *testing.T) {
	goal := func(saved int64) history.Goal {
		return history.Goal{ID: uuid.UUID{7}, Name: "Bicycle", Currency: "EUR", Target: decimal.NewFromInt(1200), Saved: decimal.NewFromInt(saved),
			CreatedAt: begun, Deadline: begun.AddDate(1, 0, 0)}
	}
	half := begun.AddDate(0, 6, 0)
	for name, c := range map[string]struct {
		goal history.Goal
		now  time.Time
		want bool
	}{
		"on its pace":      {goal(600), half, false},
		"a little behind":  {goal(520), half, false},
		"far behind":       {goal(300), half, true},
		"nothing at all":   {goal(0), half, true},
		"too young":        {goal(0), begun.AddDate(0, 1, 20), false},
		"over":             {goal(0), begun.AddDate(1, 0, 1), false},
		"without deadline": {history.Goal{Target: decimal.NewFromInt(10), CreatedAt: begun}, half, false},
	} {
		t.Run(name, func(t *testing.T) {
			found := GoalPaces([]history.Goal{c.goal}, c.now)
			fits(t, found)
			require.Len(t, found, map[bool]int{true: 1}[c.want])
		})
	}
	p, ok := GoalPace(goal(300), half)
	require.True(t, ok)
	require.InDelta(t, 148, p.Needed.InexactFloat64(), 2, "900 in half a year")
}

// Money that comes back is no income: it lowers what was spent.
func TestRefundsAreNoIncome(t *testing.T) {
	h := months(hundreds(2), hundreds(2))
	back := h[1]
	back.ID, back.Type, back.Refund, back.Amount = tracing.NewID(), event.Income, true, decimal.NewFromInt(300)
	h = append(h, back)
	history.Sort(h)
	first := Months(h, "EUR", begun.AddDate(0, 2, 0), 2)[0]
	require.Equal(t, "1000", first.Income.String())
	require.Equal(t, "700", first.Expenses.String())
	typical, _ := typicalMonth(h, "EUR", begun.AddDate(0, 2, 0), func(history.Transaction) bool { return true })
	require.Equal(t, "850", typical.String(), "the middle of 700 and 1000")
}
