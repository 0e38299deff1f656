package household_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/analytics"
	"github.com/wealth-companion/companion/app/agent/banking"
	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/household"
	"github.com/wealth-companion/companion/app/agent/investment"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/merchant"
	"github.com/wealth-companion/companion/app/core/tracing"
)

// returned are the transactions of a household with purchases among them that were
// given back two hours later: on random days, of random amounts, filed under their
// category.
func returned(h *household.Household) []history.Transaction {
	chance := rand.New(rand.NewPCG(1, 2))
	var all []history.Transaction
	all = append(all, h.Transactions...)
	for day := h.Start.AddDate(0, 0, 10); day.Before(h.End.AddDate(0, 0, -1)); day = day.AddDate(0, 0, 20+chance.IntN(9)) {
		bought := history.Transaction{
			ID: tracing.NewID(), UserID: h.UserID, WalletID: h.Wallets[0].ID, Amount: decimal.NewFromInt(int64(60 + chance.IntN(300))), Currency: h.Currency,
			Type: event.Expense, Category: "shopping", Description: "Otto Versand", At: day.Add(15 * time.Hour),
		}
		back := bought
		back.ID, back.Type, back.Refund, back.At = tracing.NewID(), event.Income, true, bought.At.Add(2*time.Hour)
		all = append(all, bought, back)
	}
	for i := range all {
		all[i].Merchant = merchant.Of(all[i])
	}
	history.Sort(all)
	return all
}

// sums are the figures of a person's money as each detector that adds up spending or
// income takes them, at a night.
func sums(h *household.Household, all []history.Transaction, night time.Time) map[string]string {
	so := history.Between(all, h.Start, night.Add(1))
	series := recurring.Find(so, night)
	wallets := make([]history.Wallet, len(h.Wallets))
	for i, w := range h.Wallets {
		wallets[i] = w.Wallet
		wallets[i].Balance = h.BalanceAt(w.ID, night)
	}
	figures := map[string]string{}
	say := func(kind string, found []finding.Finding, facts ...string) {
		for _, f := range found {
			for _, fact := range facts {
				figures[kind] += fmt.Sprint(f.Detail, " ", fact, "=", f.Facts[fact], "; ")
			}
		}
	}
	incomes := 0
	for _, s := range series {
		if s.Type == event.Income {
			incomes++
		}
	}
	figures["series of income"] = fmt.Sprint(incomes)
	for _, m := range investment.Months(so, h.Currency, night, 10) {
		figures[investment.KindSavingsRate] += fmt.Sprint(m.Start.Format(time.DateOnly), " ", m.Income, " ", m.Expenses, "; ")
	}
	say(investment.KindIdleCash, investment.IdleCash(wallets, so, night), "month", "reserve")
	say(investment.KindEmergencyFund, investment.EmergencyFund(wallets, so, night), "essential", "months")
	if o, ok := banking.LookAhead(wallets[0], series, so, night); ok {
		figures[banking.KindCashFlow] = fmt.Sprint(o.Payday, o.Bills, o.Daily)
	}
	say(analytics.KindPace, analytics.CategoryPace(so, series, night), "spent", "usual")
	say(analytics.KindWeekend, analytics.WeekendPattern(so, series, night), "weekend", "weekday")
	say(analytics.KindGrowth, analytics.CategoryGrowth(so, series, night), "first", "last")
	for _, b := range h.Budgets {
		if b.Month != history.Month(night) {
			continue
		}
		if p, ok := analytics.Forecast(b, series, so, night); ok {
			figures[analytics.KindForecast+" "+b.Category] = fmt.Sprint(p.Spent, " ", p.Everyday)
		}
	}
	return figures
}

// What is given back was not spent, and is no income, for no detector.
func TestWhatIsGivenBackChangesNoFigure(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(8) {
		h := household.Generate(60_001+seed, household.Options{})
		with := returned(h)
		for i := range h.Transactions {
			h.Transactions[i].Merchant = merchant.Of(h.Transactions[i])
		}
		for night := h.Start.AddDate(0, 14, 20); night.Before(h.End.AddDate(0, 0, -4)); night = night.AddDate(0, 0, 37) {
			want := sums(h, h.Transactions, night)
			got := sums(h, with, night)
			for name := range maps.Keys(got) {
				require.Contains(t, want, name, "household %d, %s", seed, night.Format(time.DateOnly))
			}
			for name := range maps.Keys(want) {
				seen[name] = true
				require.Equal(t, want[name], got[name], "household %d, %s, %s", seed, night.Format(time.DateOnly), name)
			}
		}
	}
	for _, name := range []string{"series of income", investment.KindSavingsRate, banking.KindCashFlow, analytics.KindPace, analytics.KindWeekend, analytics.KindGrowth, analytics.KindForecast + " shopping"} {
		require.True(t, seen[name], name)
	}
}
