// Package investment is the agent that looks at what is left over: the savings
// rate, cash that lies idle, the emergency fund and the pace towards goals. Its
// detectors are pure functions of a person's history, sorted by time, and of the
// present. It recommends no product.
package investment

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
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
	// mostOf is how many of the latter months must be beyond the earlier ones, the last among
	// them: a holiday is no change.
	mostOf = 3
	// rateScore is how many robust standard deviations of the rate count as a change that comes
	// from the income, and incomeScore those of the income itself. spendingScore are those of
	// a change that comes from spending, in each of the latter months: several dear months
	// follow one another by chance, several salaries do not.
	rateScore     = 2.3
	incomeScore   = 3
	spendingScore = 3
	// byIncome is the share of the change from which it comes from the income.
	byIncome = 0.5
)

var (
	hundred = decimal.NewFromInt(100)
	// leastChange of the rate is worth telling of: 12 points of 100. leastOfIncome is how
	// much the income changes, on a logarithmic scale.
	leastChange, leastOfIncome = 0.12, 0.08
	// leastStray is how far a rate, or the logarithm of an income, strays anyhow.
	leastStray = 0.045
)

// Month is what came in and went out in a month, transfers aside.
type Month struct {
	Start            time.Time
	Income, Expenses decimal.Decimal
}

// mostSpent is how many times the income may be spent in a month that is said to have
// one: who lives on what lies elsewhere and gets interest of a cent has no savings rate.
var mostSpent = decimal.NewFromInt(3)

// Rate is the share of the income that was not spent; less than zero where more
// was spent. ok is false without income, or with less than a third of what was spent.
func (m Month) Rate() (rate float64, ok bool) {
	if !m.Income.IsPositive() || m.Expenses.GreaterThan(m.Income.Mul(mostSpent)) {
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

// shift is how what is measured in each month changed from the earlier months to the latter.
type shift struct {
	was, is float64 // medians
	score   float64 // robust standard deviations of the earlier months
	beyond  int     // latter months that are half as far beyond the earlier median
	last    bool    // the last month is
}

func shiftOf(values []float64) shift {
	s := shift{was: stats.MedianOf(values[:earlier]), is: stats.MedianOf(values[earlier:])}
	deviations := make([]float64, earlier)
	for i, value := range values[:earlier] {
		deviations[i] = math.Abs(value - s.was)
	}
	s.score = math.Abs(s.change()) / max(1.4826*stats.MedianOf(deviations), leastStray)
	for _, value := range values[earlier:] {
		if s.last = (value-s.was)*s.change() > 0 && math.Abs(value-s.was) >= math.Abs(s.change())/2; s.last {
			s.beyond++
		}
	}
	return s
}

func (s shift) change() float64 { return s.is - s.was }

// lasts tells whether the change is that large, that far beyond chance, and in so many of the
// latter months, the last one among them.
func (s shift) lasts(least, score float64, months int) bool {
	return math.Abs(s.change()) >= least && s.score >= score && s.beyond >= months && s.last
}

// lastingChange tells whether the rate changed for more than a month, and how sure that is.
func lastingChange(rates, incomes, expenses []float64) (rate shift, confidence float64, ok bool) {
	rate = shiftOf(rates)
	logs := make([]float64, len(incomes))
	for i, income := range incomes {
		logs[i] = math.Log(income)
	}
	income, spent := shiftOf(logs), stats.MedianOf(expenses[:earlier])
	// What the other income alone makes of the rate.
	alone := spent/math.Exp(income.was) - spent/math.Exp(income.is)
	if alone/rate.change() < byIncome {
		return rate, stats.Confidence(rate.score, spendingScore), rate.lasts(leastChange, spendingScore, lately)
	}
	follow := 0
	for _, one := range rates[earlier:] {
		if (one-rate.was)*rate.change() > 0 {
			follow++
		}
	}
	switch {
	case math.Abs(rate.change()) >= leastChange && income.lasts(leastOfIncome, incomeScore, mostOf) && follow >= mostOf:
		return rate, stats.Confidence(income.score, incomeScore), true
	default:
		return rate, stats.Confidence(rate.score, rateScore), rate.lasts(leastChange, rateScore, mostOf)
	}
}

// SavingsRate tells when the savings rate changed for more than a month: the
// median of the last four complete months against that of the six before, by at
// least 12 points. Where half of that or more comes from the income, the income must have
// changed by 3 robust standard deviations, or the rate by 2.3: the last month and two others of
// the four half as far beyond the earlier median, so that a holiday is no change. Where it comes
// from spending, it takes 3 of the rate's, and all four months. Once in a quarter and direction.
//
// h is the person's sorted history; ten months are read.
func SavingsRate(h []history.Transaction, currency string, now time.Time) []finding.Finding {
	months := Months(h, currency, now, lately+earlier)
	if len(months) < lately+earlier {
		return nil
	}
	rates, incomes, expenses := make([]float64, len(months)), make([]float64, len(months)), make([]float64, len(months))
	for i, m := range months {
		rate, ok := m.Rate()
		if !ok {
			return nil
		}
		rates[i], incomes[i], expenses[i] = rate, m.Income.InexactFloat64(), m.Expenses.InexactFloat64()
	}
	rate, confidence, ok := lastingChange(rates, incomes, expenses)
	if !ok {
		return nil
	}
	was, is, change := rate.was, rate.is, rate.change()
	percent := func(rate float64) string { return decimal.NewFromFloat(rate).Mul(hundred).StringFixed(0) }
	direction, what := "up", "rose"
	if change < 0 {
		direction, what = "down", "fell"
	}
	income := "your income"
	if hasOthers(h, currency, months[0].Start) {
		income = "your income in " + currency // what came in and went out in others is not compared
	}
	latest := months[len(months)-1]
	return []finding.Finding{{
		Subject: h[0].UserID, Kind: KindSavingsRate,
		Detail:      fmt.Sprintf("%s|%s|%dQ%d", currency, direction, latest.Start.Year(), (int(latest.Start.Month())+2)/3),
		InsightType: event.SavingsTip,
		Title:       fmt.Sprintf("Your savings rate %s from %s%% to %s%%", what, percent(was), percent(is)),
		Message: fmt.Sprintf("Of %s you kept %s%% in the last %d months, against %s%% in the %d before (medians%s). Last month %s %s came in and %s %s went out.",
			income, percent(is), lately, percent(was), earlier, belowZero(was, is), money.Rounded(latest.Income, currency), currency, money.Rounded(latest.Expenses, currency), currency),
		Dismiss:    "A month at the earlier rate.",
		Confidence: confidence,
		Facts: map[string]string{
			"was": percent(was), "is": percent(is), "income": money.Rounded(latest.Income, currency), "expenses": money.Rounded(latest.Expenses, currency),
			"currency": currency, "months": fmt.Sprint(lately), "monthsBefore": fmt.Sprint(earlier),
		},
		Related: map[string]string{"month": history.Month(latest.Start)},
	}}
}

// hasOthers tells whether money came in or went out in another currency since a month.
func hasOthers(h []history.Transaction, currency string, since time.Time) bool {
	for i := len(h) - 1; i >= 0 && !h[i].At.Before(since); i-- {
		if h[i].Currency != currency && h[i].Type != event.Transfer {
			return true
		}
	}
	return false
}

// belowZero says what a rate of less than zero means.
func belowZero(rates ...float64) string {
	if slices.Min(rates) < 0 {
		return "; below zero, more was spent than came in"
	}
	return ""
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
	currency, ok := mainCurrency(wallets, h, now)
	if !ok {
		return nil
	}
	aMonth, covered := typicalMonth(h, currency, now, func(history.Transaction) bool { return true })
	if covered < fewMonths || !aMonth.IsPositive() {
		return nil
	}
	saved, balance := decimal.Zero, decimal.Zero
	var liquid []history.Wallet
	for _, w := range wallets {
		switch {
		case w.Currency != currency:
		case w.Type == history.Savings && w.Balance.IsPositive():
			saved = saved.Add(w.Balance)
		case (w.Type == history.Bank || w.Type == history.Cash) && knownSince(w, h, now.Add(-idleFor)):
			balance = balance.Add(w.Balance)
			liquid = append(liquid, w)
		}
	}
	if len(liquid) == 0 {
		return nil
	}
	least := lowest(liquid, balance, h, now.Add(-idleFor))
	reserve := aMonth.Mul(decimal.NewFromInt(safeMonths))
	buffer := decimal.Max(reserve.Sub(saved), aMonth) // a month's money must be at hand in any case
	idle := least.Sub(buffer)
	if idle.LessThan(aMonth) {
		return nil
	}
	amount := finding.About(idle, currency)
	return []finding.Finding{{
		Subject: liquid[0].UserID, Kind: KindIdleCash, Detail: fmt.Sprintf("%s|%dH%d", currency, now.UTC().Year(), (int(now.UTC().Month())+5)/6),
		InsightType: event.InvestmentSuggestion,
		Title:       fmt.Sprintf("About %s %s lies idle", amount, currency),
		Message: fmt.Sprintf("For %d days your accounts never held less than %s. Your month costs about %s; beyond a reserve of %s about %s %s was not needed. A simulation shows what it might come to. This is no advice.",
			int(idleFor.Hours()/24), finding.Sum(least, currency), finding.Sum(aMonth, currency), finding.Sum(buffer, currency), amount, currency),
		Dismiss:    "Moving it to savings or an investment, or a plan for it.",
		Confidence: stats.Round(min(0.95, 0.7+0.1*idle.Div(aMonth).InexactFloat64()/2)),
		Facts: map[string]string{
			"least": money.Rounded(least, currency), "month": money.Rounded(aMonth, currency), "reserve": money.Rounded(buffer, currency),
			"idle": amount, "currency": currency, "days": "90",
		},
	}}
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

// knownSince tells whether a wallet was in use before an instant. What one was opened
// with is in no transaction, so of a younger one nothing tells how long its money has
// been there.
func knownSince(w history.Wallet, h []history.Transaction, at time.Time) bool {
	for _, t := range h {
		if !t.At.Before(at) {
			return false
		}
		if t.WalletID == w.ID || t.ToWalletID != nil && *t.ToWalletID == w.ID {
			return true
		}
	}
	return false
}

// mainCurrency is the one in which the person spends most often; ok is false without
// money at hand in it. Only of that one it can be told how long money lasts, or
// whether it is needed: what is held in others is not converted.
func mainCurrency(wallets []history.Wallet, h []history.Transaction, now time.Time) (currency string, ok bool) {
	held := map[string]bool{}
	for _, w := range wallets {
		if w.Type == history.Bank || w.Type == history.Cash {
			held[w.Currency] = true
		}
	}
	spent := map[string]int{}
	for _, t := range history.Between(h, history.MonthOf(now).AddDate(0, -spendMonths, 0), now.Add(1)) {
		if t.Type == event.Expense {
			spent[t.Currency]++
		}
	}
	for _, one := range slices.Sorted(maps.Keys(spent)) {
		if currency == "" || spent[one] > spent[currency] {
			currency = one
		}
	}
	return currency, held[currency]
}

// heldIn are the other currencies in which wallets hold money at hand.
func heldIn(wallets []history.Wallet, but string) []string {
	set := map[string]bool{}
	for _, w := range wallets {
		if w.Currency != but && w.Balance.IsPositive() && (w.Type == history.Bank || w.Type == history.Cash || w.Type == history.Savings) {
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
	currency, ok := mainCurrency(wallets, h, now)
	if !ok {
		return nil
	}
	essential, covered := typicalMonth(h, currency, now, func(t history.Transaction) bool { return Essential[t.Category] })
	everything, _ := typicalMonth(h, currency, now, func(history.Transaction) bool { return true })
	if covered < fewMonths || !essential.IsPositive() {
		return nil
	}
	held, at := decimal.Zero, history.Wallet{}
	for _, w := range wallets {
		if w.Currency == currency && (w.Type == history.Bank || w.Type == history.Cash || w.Type == history.Savings) {
			held = held.Add(w.Balance)
			at = w
		}
	}
	after := held.Sub(everything.Div(decimal.NewFromInt(2)))
	free := decimal.Max(decimal.Zero, after)
	months := free.Div(essential).RoundFloor(1) // never three of less than three
	if !free.LessThan(essential.Mul(decimal.NewFromInt(fewMonths))) {
		return nil
	}
	band := "under three months"
	if months.LessThan(decimal.NewFromInt(1)) {
		band = "under one month"
	}
	missing := essential.Mul(decimal.NewFromInt(fewMonths)).Sub(after).RoundCeil(0).String()
	title, lasts := lasting(months, free, held, currency)
	also := ""
	if others := heldIn(wallets, currency); len(others) > 0 {
		also = fmt.Sprintf(" What you hold in %s is not counted.", strings.Join(others, ", "))
	}
	// Near the threshold a bill more or less decides.
	confidence := stats.Round(min(0.98, 0.6+0.2*(fewMonths-stats.Float(months))))
	return []finding.Finding{{
		Subject: at.UserID, Kind: KindEmergencyFund,
		Detail:      fmt.Sprintf("%s|%s|%dQ%d", currency, band, now.UTC().Year(), (int(now.UTC().Month())+2)/3),
		InsightType: event.SavingsTip,
		Title:       title,
		Message: fmt.Sprintf("Essentials cost you about %s a month. %s; a reserve of three to six months is commonly advised. For three you need %s %s more.%s",
			finding.Sum(essential, currency), lasts, missing, currency, also),
		Dismiss:    "Three months of essential expenses at hand.",
		Confidence: confidence,
		Facts: map[string]string{
			"essential": money.Rounded(essential, currency), "held": money.Rounded(held, currency), "months": months.String(),
			"missing": missing, "currency": currency, "advised": "3 to 6",
		},
	}}
}

// lasting says for how long a reserve lasts: as a title, and as a sentence with what is
// at hand, free of which is what is not on its way out.
func lasting(months, free, held decimal.Decimal, currency string) (title, sentence string) {
	span := "about " + months.String() + " months"
	switch {
	case held.IsNegative():
		return "You have no reserve at hand", fmt.Sprintf("Your accounts together are %s below zero", finding.Sum(held.Neg(), currency))
	case !free.IsPositive():
		return "You have no reserve at hand", fmt.Sprintf("What is at hand, %s, is no more than half a month's expenses, which are on their way out", finding.Sum(held, currency))
	case months.LessThan(decimal.RequireFromString("0.5")):
		span = "less than half a month"
	case months.Equal(decimal.NewFromInt(1)):
		span = "about 1 month"
	}
	return "Your reserve lasts for " + span,
		fmt.Sprintf("What is at hand, %s, less half a month's expenses that are on their way out, would last for %s", finding.Sum(held, currency), span)
}
