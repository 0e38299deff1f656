// Package investment is the agent that looks at what is left over: the savings
// rate, cash that lies idle, the emergency fund and the pace towards goals. Its
// detectors are pure functions of a person's history, sorted by time, and of the
// present. It recommends no product.
package investment

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/stats"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/money"
)

// The detectors, by the names that findings bear.
const (
	KindSavingsRate   = "savings_rate"
	KindIdleCash      = "idle_cash"
	KindEmergencyFund = "emergency_fund"
	KindGoalPace      = "goal_pace"
)

const (
	// lately are the complete months that make the rate of the present, and
	// earlier those before them.
	lately, earlier = 4, 6
	// rateScore is how many robust standard deviations count as a change.
	rateScore = 2.3
)

var (
	hundred = decimal.NewFromInt(100)
	// leastChange of the rate is worth telling of: 12 points of 100.
	leastChange = 0.12
	// leastStray is how far a rate strays anyhow.
	leastStray = 0.045
)

// Month is what came in and went out in a month, transfers aside.
type Month struct {
	Start            time.Time
	Income, Expenses decimal.Decimal
}

// Rate is the share of the income that was not spent; less than zero where more
// was spent. ok is false without income.
func (m Month) Rate() (rate float64, ok bool) {
	if !m.Income.IsPositive() {
		return 0, false
	}
	return m.Income.Sub(m.Expenses).Div(m.Income).InexactFloat64(), true
}

// Months are the last complete months in one currency that the history covers from
// their beginning, oldest first.
func Months(h []history.Transaction, currency string, now time.Time, most int) []Month {
	if len(h) == 0 {
		return nil
	}
	this := history.MonthOf(now)
	var months []Month
	for back := most; back > 0; back-- {
		start := this.AddDate(0, -back, 0)
		if h[0].At.After(start.AddDate(0, 0, 3)) {
			continue
		}
		m := Month{Start: start}
		for _, t := range history.Between(h, start, start.AddDate(0, 1, 0)) {
			if t.Currency == currency {
				m.Income, m.Expenses = m.Income.Add(t.Earning()), m.Expenses.Add(t.Spending())
			}
		}
		months = append(months, m)
	}
	return months
}

// SavingsRate tells when the savings rate changed for more than a month: the
// median of the last four complete months against that of the six before, by at
// least 12 points and 2.3 robust standard deviations. The last and two others of
// the four must be half as far beyond the earlier median, so that a holiday is no
// change. Once in a
// quarter and direction.
//
// h is the person's sorted history; ten months are read.
func SavingsRate(h []history.Transaction, currency string, now time.Time) []finding.Finding {
	months := Months(h, currency, now, lately+earlier)
	if len(months) < lately+earlier {
		return nil
	}
	rates := make([]float64, len(months))
	for i, m := range months {
		rate, ok := m.Rate()
		if !ok {
			return nil
		}
		rates[i] = rate
	}
	was, is := stats.MedianOf(rates[:earlier]), stats.MedianOf(rates[earlier:])
	deviations := make([]float64, earlier)
	for i, rate := range rates[:earlier] {
		deviations[i] = max(rate-was, was-rate)
	}
	change := is - was
	size := max(change, -change)
	score := size / max(1.4826*stats.MedianOf(deviations), leastStray)
	if size < leastChange || score < rateScore {
		return nil
	}
	beyond, last := 0, false
	for _, rate := range rates[earlier:] {
		if last = (rate-was)*change > 0 && max(rate-was, was-rate) >= size/2; last {
			beyond++
		}
	}
	if beyond < lately-1 || !last {
		return nil
	}
	percent := func(rate float64) string { return decimal.NewFromFloat(rate).Mul(hundred).StringFixed(0) }
	direction, what, dismiss := "up", "rose", "Nothing to do: it is good news."
	if change < 0 {
		direction, what, dismiss = "down", "fell", "A month at the earlier rate."
	}
	latest := months[len(months)-1]
	return []finding.Finding{{
		Subject: h[0].UserID, Kind: KindSavingsRate,
		Detail:      fmt.Sprintf("%s|%s|%dQ%d", currency, direction, latest.Start.Year(), (int(latest.Start.Month())+2)/3),
		InsightType: event.SavingsTip,
		Title:       fmt.Sprintf("Your savings rate %s from %s%% to %s%%", what, percent(was), percent(is)),
		Message: fmt.Sprintf("Of your income you kept %s%% in the last %d months, against %s%% in the %d before (medians). Last month %s %s came in and %s %s went out.",
			percent(is), lately, percent(was), earlier, money.Rounded(latest.Income, currency), currency, money.Rounded(latest.Expenses, currency), currency),
		Dismiss:    dismiss,
		Confidence: stats.Confidence(score, rateScore),
		Facts: map[string]string{
			"was": percent(was), "is": percent(is), "income": money.Rounded(latest.Income, currency), "expenses": money.Rounded(latest.Expenses, currency),
			"currency": currency, "months": fmt.Sprint(lately), "monthsBefore": fmt.Sprint(earlier),
		},
		Related: map[string]string{"month": history.Month(latest.Start)},
	}}
}

const (
	// idleFor is how long cash must have lain idle.
	idleFor = 90 * 24 * time.Hour
	// spendMonths is how many complete months tell what a month costs.
	spendMonths = 6
	// safeMonths of expenses are no idle cash, and a fund of that many months of
	// essential ones is what is commonly advised at the most; fewMonths at the
	// least.
	safeMonths = 6
	fewMonths  = 3
)

// IdleCash tells of money in cash and bank wallets that was not needed: the least
// that lay there on any day of the last 90, beyond six months of expenses, if that
// is more than a month's. Savings wallets count towards the six months. Once in
// half a year and currency.
//
// wallets hold the balances of all that is booked; h is the person's sorted history up
// to the last of it, of which six months are read.
func IdleCash(wallets []history.Wallet, h []history.Transaction, now time.Time) []finding.Finding {
	var found []finding.Finding
	for _, currency := range currencies(wallets) {
		aMonth, covered := typicalMonth(h, currency, now, func(history.Transaction) bool { return true })
		if covered < fewMonths || !aMonth.IsPositive() {
			continue
		}
		saved, balance := decimal.Zero, decimal.Zero
		var liquid []history.Wallet
		for _, w := range wallets {
			switch {
			case w.Currency != currency:
			case w.Type == history.Savings && w.Balance.IsPositive():
				saved = saved.Add(w.Balance)
			case w.Type == history.Bank || w.Type == history.Cash:
				balance = balance.Add(w.Balance)
				liquid = append(liquid, w)
			}
		}
		least := lowest(liquid, balance, h, now.Add(-idleFor))
		reserve := aMonth.Mul(decimal.NewFromInt(safeMonths))
		buffer := decimal.Max(reserve.Sub(saved), aMonth) // a month's money must be at hand in any case
		idle := least.Sub(buffer)
		if idle.LessThan(aMonth) {
			continue
		}
		amount := idle.Round(0).String()
		found = append(found, finding.Finding{
			Subject: liquid[0].UserID, Kind: KindIdleCash, Detail: fmt.Sprintf("%s|%dH%d", currency, now.UTC().Year(), (int(now.UTC().Month())+5)/6),
			InsightType: event.InvestmentSuggestion,
			Title:       fmt.Sprintf("About %s %s lies idle", amount, currency),
			Message: fmt.Sprintf("For 90 days your accounts never held less than %s %s. Your month costs about %s %s; beyond a reserve of %s %s about %s %s was not needed. A simulation shows what it might come to. This is no advice.",
				money.Rounded(least, currency), currency, money.Rounded(aMonth, currency), currency, money.Rounded(buffer, currency), currency, amount, currency),
			Dismiss:    "Moving it to savings or an investment, or a plan for it.",
			Confidence: stats.Round(min(0.95, 0.7+0.1*idle.Div(aMonth).InexactFloat64()/2)),
			Facts: map[string]string{
				"least": money.Rounded(least, currency), "month": money.Rounded(aMonth, currency), "reserve": money.Rounded(buffer, currency),
				"idle": amount, "currency": currency, "days": "90",
			},
		})
	}
	return found
}

// lowest is the least that wallets held together since an instant, going back from
// their balance, which counts what is dated ahead too.
func lowest(wallets []history.Wallet, balance decimal.Decimal, h []history.Transaction, since time.Time) decimal.Decimal {
	least := balance
	if len(h) == 0 {
		return least
	}
	recent := history.Between(h, since, h[len(h)-1].At.Add(1))
	for i := len(recent) - 1; i >= 0; i-- {
		for _, w := range wallets {
			balance = balance.Sub(recent[i].Flow(w.ID))
		}
		least = decimal.Min(least, balance)
	}
	return least
}

// typicalMonth is the median of what matters of the last six complete months'
// expenses, less refunds, and how many of them the history covers.
func typicalMonth(h []history.Transaction, currency string, now time.Time, matters func(history.Transaction) bool) (decimal.Decimal, int) {
	if len(h) == 0 {
		return decimal.Zero, 0
	}
	this := history.MonthOf(now)
	var sums []decimal.Decimal
	for back := spendMonths; back > 0; back-- {
		start := this.AddDate(0, -back, 0)
		if h[0].At.After(start.AddDate(0, 0, 3)) {
			continue
		}
		sum := decimal.Zero
		for _, t := range history.Between(h, start, start.AddDate(0, 1, 0)) {
			if t.Currency == currency && matters(t) {
				sum = sum.Add(t.Spending())
			}
		}
		sums = append(sums, sum)
	}
	return stats.Median(sums), len(sums)
}

// currencies are those of wallets that hold money at hand, in order.
func currencies(wallets []history.Wallet) []string {
	set := map[string]bool{}
	for _, w := range wallets {
		if w.Type == history.Bank || w.Type == history.Cash {
			set[w.Currency] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// Essential tells which categories a person cannot do without, by the slugs that
// every user starts with.
var Essential = map[string]bool{
	"groceries": true, "housing": true, "utilities": true, "transport": true, "health": true, "insurance": true, "education": true,
}

// EmergencyFund tells when what is at hand (cash, bank and savings wallets) lasts
// for fewer than three months of essential expenses, by the median of the last six
// complete months. Half a month of all expenses is taken off: it is on its way
// out. Once in a quarter, currency and band (under one, under three months).
func EmergencyFund(wallets []history.Wallet, h []history.Transaction, now time.Time) []finding.Finding {
	var found []finding.Finding
	for _, currency := range currencies(wallets) {
		essential, covered := typicalMonth(h, currency, now, func(t history.Transaction) bool { return Essential[t.Category] })
		everything, _ := typicalMonth(h, currency, now, func(history.Transaction) bool { return true })
		if covered < fewMonths || !essential.IsPositive() {
			continue
		}
		held, at := decimal.Zero, history.Wallet{}
		for _, w := range wallets {
			if w.Currency == currency && (w.Type == history.Bank || w.Type == history.Cash || w.Type == history.Savings) {
				held = held.Add(w.Balance)
				at = w
			}
		}
		free := decimal.Max(decimal.Zero, held.Sub(everything.Div(decimal.NewFromInt(2))))
		months := free.DivRound(essential, 1)
		if !free.LessThan(essential.Mul(decimal.NewFromInt(fewMonths))) {
			continue
		}
		band := "under three months"
		if months.LessThan(decimal.NewFromInt(1)) {
			band = "under one month"
		}
		missing := essential.Mul(decimal.NewFromInt(fewMonths)).Sub(free).Round(0).String()
		// Near the threshold a bill more or less decides.
		confidence := stats.Round(min(0.98, 0.6+0.2*(fewMonths-stats.Float(months))))
		found = append(found, finding.Finding{
			Subject: at.UserID, Kind: KindEmergencyFund,
			Detail:      fmt.Sprintf("%s|%s|%dQ%d", currency, band, now.UTC().Year(), (int(now.UTC().Month())+2)/3),
			InsightType: event.SavingsTip,
			Title:       fmt.Sprintf("Your reserve lasts for about %s months", months),
			Message: fmt.Sprintf("Essentials cost you about %s %s a month. What is at hand, %s %s, would last for about %s months; three to six are commonly advised. %s %s are missing to three.",
				money.Rounded(essential, currency), currency, money.Rounded(held, currency), currency, months, missing, currency),
			Dismiss:    "Three months of essential expenses at hand.",
			Confidence: confidence,
			Facts: map[string]string{
				"essential": money.Rounded(essential, currency), "held": money.Rounded(held, currency), "months": months.String(),
				"missing": missing, "currency": currency, "advised": "3 to 6",
			},
		})
	}
	return found
}
