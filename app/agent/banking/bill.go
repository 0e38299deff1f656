package banking

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/agent/stats"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/money"
)

// Bill is a charge that is expected.
type Bill struct {
	Day    time.Time
	Amount decimal.Decimal
	Series recurring.Series
}

// Bills are the expenses expected from a day up to, not including, another, in
// order of the day.
func Bills(series []recurring.Series, from, to time.Time) []Bill {
	var bills []Bill
	for _, s := range series {
		if s.Type != event.Expense {
			continue
		}
		for _, day := range s.Dates(from, to) {
			bills = append(bills, Bill{Day: day, Amount: s.Amount, Series: s})
		}
	}
	slices.SortStableFunc(bills, func(a, b Bill) int { return a.Day.Compare(b.Day) })
	return bills
}

// notice is how many days before a bill it is told of. Weekly ones are not.
func notice(c recurring.Cadence) int {
	switch c.Name {
	case "yearly":
		return 21
	case "half-yearly", "quarterly":
		return 10
	case "two-monthly":
		return 7
	case "monthly", "four-weekly", "twice a month":
		return 3
	}
	return 0
}

// UpcomingBills tells of each bill a few days before it: 3 where it is monthly,
// 10 or 21 where it comes so seldom that it may have been forgotten.
func UpcomingBills(series []recurring.Series, now time.Time) []finding.Finding {
	var found []finding.Finding
	today := history.Day(now)
	for _, s := range series {
		ahead := notice(s.Cadence)
		if s.Type != event.Expense || s.Ended || ahead == 0 || s.Next.Before(today) || s.Next.After(today.AddDate(0, 0, ahead)) {
			continue
		}
		last := s.Last()
		about := ""
		if s.Variable {
			about = "about "
		}
		who := s.Name + " charges you"
		if s.Merchant == "" {
			who = fmt.Sprintf("Payments on %s come", s.Name)
		}
		ends := s.Next.AddDate(0, 0, 3)
		found = append(found, finding.Finding{
			Subject: last.UserID, Kind: KindUpcomingBill, Detail: s.Key + "|" + period(s), InsightType: event.SavingsTip,
			Title: fmt.Sprintf("%s: %s%s %s due around %s", s.Name, about, money.Rounded(s.Amount, last.Currency), last.Currency, s.Next.Format(time.DateOnly)),
			Message: fmt.Sprintf("%s %s, last %s %s on %s. Expect %s%s %s around %s.", who, s.Cadence.Every(),
				money.Decimals(last.Amount, last.Currency), last.Currency, last.At.Format(time.DateOnly), about, money.Rounded(s.Amount, last.Currency), last.Currency, s.Next.Format(time.DateOnly)),
			Dismiss:    "The charge itself, or its end.",
			Confidence: s.Confidence,
			Facts: map[string]string{
				"merchant": s.Name, "amount": money.Rounded(s.Amount, last.Currency), "currency": last.Currency, "due": s.Next.Format(time.DateOnly),
				"cadence": s.Cadence.Name, "last": last.At.Format(time.DateOnly),
			},
			Related:   map[string]string{"transactionId": last.ID.String(), "category": last.Category, "merchant": s.Merchant},
			ExpiresAt: &ends,
		})
	}
	return found
}

// period names the next charge among those of its series: by its month, or the half
// of that where a month may have two.
func period(s recurring.Series) string {
	name := history.Month(s.Next)
	if s.Cadence.Name != "twice a month" && s.Cadence.Name != "four-weekly" {
		return name
	}
	if s.Next.Day() <= 15 {
		return name + "a"
	}
	return name + "b"
}

const (
	// everyday is how far back everyday spending is learnt.
	everyday = 84 * 24 * time.Hour
	// farthest is how far ahead a payday may lie.
	farthest = 70 * 24 * time.Hour
	// likely is how probable a shortfall must be to be told of.
	likely = 0.9
)

// Outlook is what a wallet comes to until payday.
type Outlook struct {
	Payday  time.Time
	Bills   decimal.Decimal // expected until then
	Daily   decimal.Decimal // everyday spending a day
	Lowest  decimal.Decimal // the least balance expected
	On      time.Time       // the day of the least
	Strays  float64         // the standard deviation of the least, in units of the currency
	Chance  float64         // that it will be less than zero
	Incomes int             // of which series payday was taken
}

// LookAhead projects a wallet's balance day by day until the next payday: the
// next income expected on it. Bills and other transfers that recur go off on
// their days; everyday spending, the rest, by its mean of the last 12 weeks. The
// doubt is the spread of that spending over weeks, which grows as the root of
// time. The balance counts what is dated ahead of the present, so h is to reach as far:
// a charge that is booked already is not expected once more. ok is false without an
// income that recurs.
func LookAhead(w history.Wallet, series []recurring.Series, h []history.Transaction, now time.Time) (Outlook, bool) {
	today := history.Day(now)
	tomorrow := today.AddDate(0, 0, 1)
	var o Outlook
	for _, s := range series {
		if s.Type != event.Income || s.Last().WalletID != w.ID || s.Ended || s.Cadence.Seldom() {
			continue
		}
		if days := s.Dates(tomorrow, today.Add(farthest)); len(days) > 0 && (o.Incomes == 0 || days[0].Before(o.Payday)) {
			o.Payday = days[0]
			o.Incomes++
		}
	}
	if o.Incomes == 0 {
		return o, false
	}
	// What goes off on known days.
	ahead := after(h, now)
	due := map[time.Time]decimal.Decimal{}
	expected := map[[16]byte]bool{}
	for _, s := range series {
		last := s.Last()
		if s.Type == event.Income || last.WalletID != w.ID {
			continue
		}
		for i := len(s.Charges) - 1; i >= 0 && s.Charges[i].At.After(now.Add(-everyday)); i-- {
			expected[s.Charges[i].ID] = true
		}
		var days []time.Time
		days, ahead = s.Unpaid(tomorrow, o.Payday, ahead) // of what is booked already the balance knows
		for _, day := range days {
			due[day] = due[day].Add(s.Amount)
			o.Bills = o.Bills.Add(s.Amount)
		}
	}
	// What goes off day by day. Single large amounts, a holiday or a new washing
	// machine, are no everyday spending: weeks are taken by their median.
	weeks := make([]decimal.Decimal, everyday/(7*24*time.Hour))
	for _, t := range history.Between(h, tomorrow.Add(-everyday), now.Add(1)) {
		if t.WalletID != w.ID || t.Type == event.Income && !t.Refund || expected[t.ID] {
			continue
		}
		amount := t.Amount
		if t.Refund { // it lowers what was spent
			amount = amount.Neg()
		}
		week := int(tomorrow.Sub(t.At) / (7 * 24 * time.Hour))
		if week < len(weeks) {
			weeks[week] = weeks[week].Add(amount)
		}
	}
	spread := stats.SpreadOf(weeks)
	// Refunds do not go on: where they are more than what is spent, nothing is.
	o.Daily = decimal.Max(decimal.Zero, spread.Median.DivRound(decimal.NewFromInt(7), 4))
	balance := w.Balance
	o.Lowest, o.On = balance, today
	for day := tomorrow; day.Before(o.Payday); day = day.AddDate(0, 0, 1) {
		balance = balance.Sub(due[day]).Sub(o.Daily)
		if balance.LessThan(o.Lowest) {
			o.Lowest, o.On = balance, day
		}
	}
	span := o.On.Sub(today).Hours() / 24 / 7 // in weeks
	o.Strays = 1.4826*stats.Float(spread.MAD)*math.Sqrt(span+1.57*span*span/float64(len(weeks))) + 0.02*stats.Float(o.Bills)
	switch lowest := stats.Float(o.Lowest); {
	case o.Strays > 0:
		o.Chance = stats.Normal(-lowest / o.Strays)
	case lowest < 0:
		o.Chance = 1
	}
	return o, true
}

// after are the transactions of a sorted history that are dated ahead of the present.
func after(h []history.Transaction, now time.Time) []history.Transaction {
	if len(h) == 0 {
		return nil
	}
	return history.Between(h, now.Add(1), h[len(h)-1].At.Add(1))
}

// CashFlow warns when a wallet that pays bills is likely to be empty before
// payday. Once for each wallet and payday.
func CashFlow(wallets []history.Wallet, series []recurring.Series, h []history.Transaction, now time.Time) []finding.Finding {
	var found []finding.Finding
	for _, w := range wallets {
		if w.Type != history.Bank && w.Type != history.Cash || w.Balance.IsNegative() {
			continue // who is below zero knows already
		}
		o, ok := LookAhead(w, series, h, now)
		if !ok || o.Chance < likely || !money.Round(o.Lowest, w.Currency).IsNegative() {
			continue
		}
		name := finding.Name(w.Name)
		short := money.Rounded(o.Lowest.Neg(), w.Currency)
		found = append(found, finding.Finding{
			Subject: w.ID, Kind: KindCashFlow, Detail: history.Month(o.Payday), InsightType: event.BudgetWarning,
			Title: fmt.Sprintf("%s may run out before payday", name),
			Message: fmt.Sprintf("%s holds %s. Until payday on %s %s: by %s about %s %s would be missing.",
				name, money.FormatIn(w.Balance, w.Currency), o.Payday.Format(time.DateOnly), o.goesOff(w.Currency), o.On.Format(time.DateOnly), short, w.Currency),
			Dismiss:    "Income or a transfer to this wallet of what is missing.",
			Confidence: stats.Round(o.Chance),
			Facts: map[string]string{
				"wallet": w.Name, "balance": money.Decimals(w.Balance, w.Currency), "currency": w.Currency, "payday": o.Payday.Format(time.DateOnly),
				"bills": money.Rounded(o.Bills, w.Currency), "perDay": money.Rounded(o.Daily, w.Currency), "missing": short, "on": o.On.Format(time.DateOnly),
			},
			Related:   map[string]string{"walletId": w.ID.String()},
			ExpiresAt: &o.Payday,
		})
	}
	return found
}

// goesOff says what is expected to go off until payday.
func (o Outlook) goesOff(currency string) string {
	bills, daily := finding.Sum(o.Bills, currency), finding.Sum(o.Daily, currency)
	switch {
	case !money.Round(o.Daily, currency).IsPositive():
		return fmt.Sprintf("bills of %s are expected", bills)
	case !o.Bills.IsPositive():
		return fmt.Sprintf("no bills are expected, and you spend about %s a day", daily)
	}
	return fmt.Sprintf("bills of %s are expected, and you spend about %s a day", bills, daily)
}
