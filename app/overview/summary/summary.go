// Package summary adds up what users earned and spent: of a time, by category and
// by month, and what a start page needs. Days and months are those of the user's
// calendar. Refunds lower what was spent and are no income. What it adds up are
// plain values; the queries that fetch them are in store.go.
package summary

import (
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/finance/currency"
	"github.com/wealth-companion/companion/app/finance/ledger"
)

// Flow is the sum of some transactions of one currency and type.
type Flow struct {
	Currency     string
	Type         string // income or expense
	Category     string // where flows are told apart by it
	Month        time.Time
	Amount       decimal.Decimal
	Transactions int
}

// Totals are the sums of one currency.
type Totals struct {
	Currency     string       `json:"currency"`
	Income       money.Amount `json:"income"`
	Expenses     money.Amount `json:"expenses"`
	Net          money.Amount `json:"net" doc:"Income less expenses"`
	SavingsRate  *float64     `json:"savingsRate,omitempty" doc:"Net in percent of the income, one place; without income there is none"`
	Transactions int          `json:"transactions"`
}

// Total is everything in one currency.
type Total struct {
	Totals
	LeftOut []string `json:"leftOut,omitempty" doc:"Currencies that had no rate on some day: what moved then is not in it"`
}

// Financial is what was earned and spent within a time.
type Financial struct {
	From       string   `json:"from" doc:"YYYY-MM-DD"`
	To         string   `json:"to" doc:"YYYY-MM-DD, this day included"`
	Currencies []Totals `json:"currencies"`
	Total      *Total   `json:"total,omitempty" doc:"All of it in one currency, at the rates of each day, as far as there are any"`
}

var hundred = decimal.NewFromInt(100)

// percent is part of whole in percent with one place; nil when whole is not more
// than zero.
func percent(part, whole decimal.Decimal) *float64 {
	if !whole.IsPositive() {
		return nil
	}
	share := part.Mul(hundred).DivRound(whole, 1).InexactFloat64()
	return &share
}

func totals(code string, income, expenses decimal.Decimal, transactions int) Totals {
	net := income.Sub(expenses)
	return Totals{
		Currency: code, Income: money.Of(income), Expenses: money.Of(expenses), Net: money.Of(net),
		SavingsRate: percent(net, income), Transactions: transactions,
	}
}

// ByCurrency adds up flows, currency by currency.
func ByCurrency(flows []Flow) []Totals {
	type sums struct {
		income, expenses decimal.Decimal
		transactions     int
	}
	by := map[string]*sums{}
	for _, f := range flows {
		s := by[f.Currency]
		if s == nil {
			s = &sums{}
			by[f.Currency] = s
		}
		s.transactions += f.Transactions
		if f.Type == event.Income {
			s.income = s.income.Add(f.Amount)
		} else {
			s.expenses = s.expenses.Add(f.Amount)
		}
	}
	all := make([]Totals, 0, len(by))
	for code, s := range by {
		all = append(all, totals(code, s.income, s.expenses, s.transactions))
	}
	slices.SortFunc(all, func(a, b Totals) int { return strings.Compare(a.Currency, b.Currency) })
	return all
}

// InOne makes a total of sums, which are converted into the currency of code; left
// is what could not be. It is nil when there is no sum.
func InOne(sums []ledger.Sum, left []string, code string) *Total {
	if len(sums) == 0 {
		return nil
	}
	var income, expenses decimal.Decimal
	transactions := 0
	for _, s := range sums {
		transactions += s.Transactions
		if s.Type == event.Income {
			income = income.Add(s.Amount)
		} else {
			expenses = expenses.Add(s.Amount)
		}
	}
	return &Total{Totals: totals(code, currency.Round(income, code), currency.Round(expenses, code), transactions), LeftOut: left}
}

// codesOf are the currencies of what could not be converted.
func codesOf(left []ledger.Unconverted) []string {
	var all []string
	for _, one := range left {
		all = append(all, one.Currency)
	}
	slices.Sort(all)
	return all
}

// Category is what was spent on, or earned by, a category.
type Category struct {
	Category     string       `json:"category"`
	Currency     string       `json:"currency"`
	Amount       money.Amount `json:"amount"`
	Share        float64      `json:"share" doc:"In percent of all in this currency, one place"`
	Transactions int          `json:"transactions"`
	Before       money.Amount `json:"before" doc:"In the time of the same length before"`
	Change       *float64     `json:"change,omitempty" doc:"In percent of before, one place; without anything before there is none"`
}

// Categories is what was spent on, or earned by, each category.
type Categories struct {
	From  string     `json:"from"`
	To    string     `json:"to"`
	Type  string     `json:"type" enum:"income,expense"`
	Items []Category `json:"items" doc:"By currency, the largest first"`
}

// ByCategory compares the flows of a time with those of the time before. Both
// hold one flow for each currency and category.
func ByCategory(flows, before []Flow) []Category {
	type place struct{ currency, category string }
	all := map[string]decimal.Decimal{}
	earlier := map[place]decimal.Decimal{}
	for _, f := range flows {
		all[f.Currency] = all[f.Currency].Add(f.Amount)
	}
	for _, f := range before {
		earlier[place{f.Currency, f.Category}] = f.Amount
	}
	found := make([]Category, 0, len(flows))
	for _, f := range flows {
		was := earlier[place{f.Currency, f.Category}]
		share := percent(f.Amount, all[f.Currency])
		c := Category{Category: f.Category, Currency: f.Currency, Amount: money.Of(f.Amount), Transactions: f.Transactions, Before: money.Of(was), Change: percent(f.Amount.Sub(was), was)}
		if share != nil {
			c.Share = *share
		}
		found = append(found, c)
	}
	slices.SortFunc(found, func(a, b Category) int {
		if order := strings.Compare(a.Currency, b.Currency); order != 0 {
			return order
		}
		if order := b.Amount.Cmp(a.Amount.Decimal); order != 0 {
			return order
		}
		return strings.Compare(a.Category, b.Category)
	})
	return found
}

// Month is what was earned and spent in a month.
type Month struct {
	Month      string   `json:"month" doc:"YYYY-MM"`
	Currencies []Totals `json:"currencies"`
	Total      *Total   `json:"total,omitempty"`
}

// Trends is how earning and spending went from month to month.
type Trends struct {
	Currency string  `json:"currency,omitempty" doc:"Of the totals"`
	Months   []Month `json:"months" doc:"Oldest first, the current one last and not over yet; months without transactions are there too"`
}

const monthLayout = "2006-01"

// ByMonth lays flows out by months, from the month of first on, count of them.
// Their totals are made of sums, which are converted into the currency of code;
// left is what could not be.
func ByMonth(flows []Flow, sums []ledger.Sum, left []ledger.Unconverted, first time.Time, count int, code string) []Month {
	flowsOf, sumsOf := map[string][]Flow{}, map[string][]ledger.Sum{}
	for _, f := range flows {
		name := calendar.MonthName(f.Month)
		flowsOf[name] = append(flowsOf[name], f)
	}
	for _, s := range sums {
		name := s.Month.Format(monthLayout)
		sumsOf[name] = append(sumsOf[name], s)
	}
	months := make([]Month, 0, count)
	for i := range count {
		name := first.AddDate(0, i, 0).Format(monthLayout)
		m := Month{Month: name, Currencies: ByCurrency(flowsOf[name])}
		var without []string
		for _, t := range m.Currencies {
			if slices.ContainsFunc(left, func(u ledger.Unconverted) bool {
				return u.Currency == t.Currency && u.First.Format(monthLayout) <= name && name <= u.Last.Format(monthLayout)
			}) {
				without = append(without, t.Currency)
			}
		}
		m.Total = InOne(sumsOf[name], without, code)
		months = append(months, m)
	}
	return months
}

// Monthly is this month so far against the last one at the same day.
type Monthly struct {
	Currency       string       `json:"currency"`
	Income         money.Amount `json:"income"`
	Expenses       money.Amount `json:"expenses"`
	Net            money.Amount `json:"net"`
	IncomeBefore   money.Amount `json:"incomeBefore" doc:"Last month till the same day, which is included"`
	ExpensesBefore money.Amount `json:"expensesBefore" doc:"Last month till the same day, which is included"`
	ExpensesChange *float64     `json:"expensesChange,omitempty" doc:"In percent of last month's, one place"`
}

// SoFar compares this month's flows with last month's, currency by currency.
func SoFar(flows, before []Flow) []Monthly {
	by := map[string]*Monthly{}
	at := func(code string) *Monthly {
		if by[code] == nil {
			by[code] = &Monthly{Currency: code}
		}
		return by[code]
	}
	for _, t := range ByCurrency(flows) {
		m := at(t.Currency)
		m.Income, m.Expenses, m.Net = t.Income, t.Expenses, t.Net
	}
	for _, t := range ByCurrency(before) {
		m := at(t.Currency)
		m.IncomeBefore, m.ExpensesBefore = t.Income, t.Expenses
	}
	all := make([]Monthly, 0, len(by))
	for _, m := range by {
		m.ExpensesChange = percent(m.Expenses.Sub(m.ExpensesBefore.Decimal), m.ExpensesBefore.Decimal)
		all = append(all, *m)
	}
	slices.SortFunc(all, func(a, b Monthly) int { return strings.Compare(a.Currency, b.Currency) })
	return all
}

// SoFarBefore are the days of the month before that are as far into it as today is
// into this month, or all of it when it is shorter: from since to until, which is
// not included.
func SoFarBefore(today time.Time) (since, until time.Time) {
	this := calendar.Month(today)
	since = this.AddDate(0, -1, 0)
	until = since.AddDate(0, 0, today.Day())
	if until.After(this) {
		until = this
	}
	return since, until
}
