//go:build !integration

package quality

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/analytics"
	"github.com/wealth-companion/companion/app/agent/banking"
	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/household"
	"github.com/wealth-companion/companion/app/agent/investment"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/merchant"
)

// said is a finding and when it was first made.
type said struct {
	finding.Finding
	at time.Time
}

// watch is what the agents would say to a household: on each transaction, and each
// night, without what was said before.
func watch(h *household.Household) map[string][]said {
	all := h.Transactions
	for i := range all {
		all[i].Merchant = merchant.Of(all[i]) // as stores keep it
	}
	found := map[string][]said{}
	before := map[string]bool{}
	say := func(at time.Time, findings ...finding.Finding) {
		for _, f := range findings {
			key := fmt.Sprint(f.Subject, f.Kind, f.Detail)
			if !before[key] {
				before[key] = true
				found[f.Kind] = append(found[f.Kind], said{f, at})
			}
		}
	}
	balances := make([]decimal.Decimal, len(h.Wallets))
	for i, w := range h.Wallets {
		balances[i] = w.Opening
	}
	budgets := map[string][]history.Budget{}
	for _, b := range h.Budgets {
		budgets[b.Month] = append(budgets[b.Month], b)
	}
	known := 0
	for day := h.Start; day.Before(h.End); day = day.AddDate(0, 0, 1) {
		night := day.Add(24*time.Hour - time.Second)
		for ; known < len(all) && !all[known].At.After(night); known++ {
			t := all[known]
			for i, w := range h.Wallets {
				balances[i] = balances[i].Add(t.Flow(w.ID))
			}
			so := all[:known+1]
			if f, ok := analytics.Anomaly(t, so); ok {
				say(t.At, f)
			}
			if f, ok := banking.Duplicate(t, so); ok {
				say(t.At, f)
			}
		}
		so := all[:known]
		wallets := make([]history.Wallet, len(h.Wallets))
		for i, w := range h.Wallets {
			wallets[i] = w.Wallet
			wallets[i].Balance = balances[i]
		}
		series := recurring.Find(so, night)
		say(night, banking.Recurring(series)...)
		say(night, banking.PriceRises(series, night)...)
		say(night, banking.UpcomingBills(series, night)...)
		say(night, banking.CashFlow(wallets, series, so, night)...)
		say(night, analytics.BudgetForecasts(budgets[history.Month(night)], series, so, night)...)
		say(night, analytics.CategoryPace(so, series, night)...)
		if day.Weekday() == time.Monday {
			say(night, analytics.WeekendPattern(so, series, night)...)
		}
		if day.Day() == 1 {
			say(night, analytics.CategoryGrowth(so, series, night)...)
			say(night, investment.SavingsRate(so, h.Currency, night)...)
			say(night, investment.IdleCash(wallets, so, night)...)
			say(night, investment.EmergencyFund(wallets, so, night)...)
		}
		if day.Day() == 15 {
			say(night, investment.GoalPaces(h.GoalsAt(night), night)...)
		}
	}
	return found
}
