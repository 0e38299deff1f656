package edges

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/analytics"
	"github.com/wealth-companion/companion/app/agent/banking"
	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/finding/findingtest"
	"github.com/wealth-companion/companion/app/agent/investment"
	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/merchant"
)

var edgeWallet, edgeUser = uuid.UUID{1}, uuid.UUID{2}

// moved is a transaction of the wallet of these tests.
func moved(day, kind, amount, category, description string) history.Transaction {
	at, err := time.Parse("2006-01-02 15:04", day+" 12:00")
	if err != nil {
		panic(err)
	}
	t := history.Transaction{
		ID: uuid.New(), UserID: edgeUser, WalletID: edgeWallet, Amount: decimal.RequireFromString(amount), Currency: "EUR", Type: kind,
		Category: category, Description: description, At: at,
	}
	if kind == event.Transfer {
		t.ToWalletID = &uuid.UUID{3}
	}
	t.Merchant = merchant.Of(t)
	return t
}

// edge is a life that has little, or much at once.
type edge struct {
	now     string
	history []history.Transaction
	balance string
	budgets []history.Budget
	goals   []history.Goal
}

// everything is what all detectors find on a day.
func (e edge) everything(t *testing.T) []finding.Finding {
	t.Helper()
	now, err := time.Parse("2006-01-02 15:04", e.now+" 23:00")
	require.NoError(t, err)
	slices.SortFunc(e.history, func(a, b history.Transaction) int { return a.At.Compare(b.At) })
	wallets := []history.Wallet{{ID: edgeWallet, UserID: edgeUser, Name: "Main", Type: history.Bank, Currency: "EUR", Balance: decimal.RequireFromString(e.balance)}}
	series := recurring.Find(e.history, now)
	found := slices.Concat(
		banking.Recurring(series), banking.PriceRises(series, now), banking.UpcomingBills(series, now), banking.CashFlow(wallets, series, e.history, now),
		banking.Duplicates(e.history, now.AddDate(0, 0, -3), now),
		analytics.Anomalies(e.history, now.AddDate(0, 0, -3), now), analytics.BudgetForecasts(e.budgets, series, e.history, now),
		analytics.CategoryPace(e.history, series, now), analytics.WeekendPattern(e.history, series, now), analytics.CategoryGrowth(e.history, series, now),
		investment.SavingsRate(e.history, "EUR", now), investment.IdleCash(wallets, e.history, now), investment.EmergencyFund(wallets, e.history, now),
		investment.GoalPaces(e.goals, now),
	)
	if len(e.history) > 0 {
		last := e.history[len(e.history)-1]
		if f, is := analytics.Anomaly(last, e.history); is {
			found = append(found, f)
		}
		if f, is := banking.Duplicate(last, e.history); is {
			found = append(found, f)
		}
	}
	return found
}

// on repeats a transaction on days.
func on(kind, amount, category, description string, days ...string) (all []history.Transaction) {
	for _, day := range days {
		all = append(all, moved(day, kind, amount, category, description))
	}
	return all
}

// Nobody is told nonsense who has nearly nothing, and nothing breaks at the calendar's
// edges. kinds are what may be said.
func TestLivesAtTheEdges(t *testing.T) {
	budget := history.Budget{ID: uuid.New(), UserID: edgeUser, Category: "gone", Currency: "EUR", Month: "2026-03", Limit: decimal.New(1, -2)}
	for name, c := range map[string]struct {
		edge
		kinds []string
	}{
		"nothing at all":                     {edge{now: "2026-03-15", balance: "0"}, nil},
		"money and nothing else":             {edge{now: "2026-03-15", balance: "25000"}, nil},
		"a debt and nothing else":            {edge{now: "2026-03-15", balance: "-25000"}, nil},
		"one expense":                        {edge{now: "2026-03-15", balance: "10", history: on(event.Expense, "9.99", "groceries", "Corner Shop", "2026-03-14")}, nil},
		"one income":                         {edge{now: "2026-03-15", balance: "10", history: on(event.Income, "9.99", "salary", "Employer", "2026-03-14")}, nil},
		"one of the largest amount":          {edge{now: "2026-03-15", balance: "0", history: on(event.Expense, "9999999999999.99", "groceries", "Corner Shop", "2026-03-14")}, nil},
		"two of two shops":                   {edge{now: "2026-03-15", balance: "10", history: append(on(event.Expense, "9.99", "groceries", "Corner Shop", "2026-03-14"), moved("2026-03-15", event.Expense, "1", "fun", "Cinema"))}, nil},
		"two years apart":                    {edge{now: "2026-03-15", balance: "10", history: on(event.Expense, "9.99", "groceries", "Corner Shop", "2021-03-14", "2026-03-14")}, nil},
		"transfers only":                     {edge{now: "2026-03-15", balance: "0", history: on(event.Transfer, "500", "transfer", "Savings", "2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01")}, nil},
		"what lies ahead only":               {edge{now: "2026-03-15", balance: "0", history: on(event.Expense, "50", "groceries", "Corner Shop", "2026-03-16", "2026-03-16")}, nil},
		"refunds only":                       {edge{now: "2026-03-15", balance: "50", history: refunds("2026-03-14", "2026-03-15")}, nil},
		"a budget of a cent for no spending": {edge{now: "2026-03-15", balance: "0", budgets: []history.Budget{budget}}, nil},
		"a goal on its last day": {edge{now: "2026-03-15", balance: "0", goals: []history.Goal{{ID: uuid.New(), UserID: edgeUser, Name: "Bike", Currency: "EUR",
			Target: decimal.New(100, 0), CreatedAt: time.Date(2026, 3, 15, 9, 0, 0, 0, time.UTC), Deadline: time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)}}}, nil},
		"a bill on leap days, before one": {edge{now: "2028-02-20", balance: "5000", history: on(event.Expense, "120", "insurance", "Northern Insurance", "2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28")},
			[]string{banking.KindRecurring, banking.KindUpcomingBill}},
		"a bill on the last of each month": {edge{now: "2026-02-20", balance: "5000", history: on(event.Expense, "700", "housing", "Landlord", "2025-08-31", "2025-09-30", "2025-10-31", "2025-11-30", "2025-12-31", "2026-01-31")},
			[]string{banking.KindRecurring, banking.KindUpcomingBill, investment.KindIdleCash}},
		"a category that was made anew": {edge{now: "2026-03-30", balance: "500", history: append(
			append(on(event.Expense, "90.10", "groceries", "Corner Shop", "2025-10-05", "2025-12-08"), on(event.Expense, "71.35", "groceries", "Corner Shop", "2025-11-16", "2026-01-04")...),
			append(on(event.Expense, "128.40", "groceries-2", "Corner Shop", "2026-02-07"), on(event.Expense, "83.95", "groceries-2", "Corner Shop", "2026-03-19")...)...)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range c.everything(t) {
				findingtest.Sound(t, event.Banking, findingtest.Case{When: name, Finding: f})
				require.Contains(t, c.kinds, f.Kind, "%s: %s", f.Title, f.Message)
			}
		})
	}
}

func refunds(days ...string) []history.Transaction {
	all := on(event.Income, "25", "groceries", "Corner Shop", days...)
	for i := range all {
		all[i].Refund = true
	}
	return all
}

// The detectors run on every day around the ends of months and a leap day.
func TestEveryDayOfALeapYearIsLookedAt(t *testing.T) {
	e := edge{balance: "900"}
	for month := range 30 {
		first := time.Date(2025, time.Month(1+month), 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1)
		e.history = append(e.history,
			moved(first.Format(time.DateOnly), event.Income, "2000", "salary", "Employer"),
			moved(last.Format(time.DateOnly), event.Expense, "700", "housing", "Landlord"),
			moved(first.AddDate(0, 0, 9).Format(time.DateOnly), event.Expense, "80", "groceries", "Corner Shop"))
	}
	whole := e.history
	for day := time.Date(2027, 12, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2028 || day.Month() < 4; day = day.AddDate(0, 0, 1) {
		e.now, e.history = day.Format(time.DateOnly), nil
		for _, one := range whole {
			if !history.Day(one.At).After(day) {
				e.history = append(e.history, one)
			}
		}
		for i, f := range e.everything(t) {
			findingtest.Sound(t, event.Banking, findingtest.Case{When: fmt.Sprint(e.now, " ", i), Finding: f})
		}
	}
}

// Fifty thousand transactions on one day, at one shop or at many, cost no more than their
// number: an event compares one of them with all, a review, which reads observer.MostHistory,
// the latest. Four times as many may not cost sixteen times as much.
func TestManyTransactionsOnADayCostNoMoreThanTheirNumber(t *testing.T) {
	const many = 50_000
	day := func(n int, shop func(int) string) edge {
		e := edge{now: "2026-03-15", balance: "500"}
		one := moved("2026-03-15", event.Expense, "1", "groceries", "x")
		for i := range n {
			one.ID, one.Amount, one.Description = uuid.New(), decimal.New(int64(100+i%977), -2), shop(i)
			one.Merchant = merchant.Of(one)
			one.At = one.At.Add(time.Second / 2)
			e.history = append(e.history, one)
		}
		return e
	}
	letter := func(i int) string { return string(rune('a' + i%26)) }
	for name, shop := range map[string]func(int) string{
		"one shop":   func(int) string { return "Corner Shop" },
		"many shops": func(i int) string { return "Shop x" + letter(i) + letter(i/26) + letter(i/676) },
		"no names":   func(int) string { return "" },
	} {
		for what, work := range map[string]struct {
			n  int
			do func(edge)
		}{
			"an event": {many, func(e edge) {
				for range 4 {
					analytics.Anomaly(e.history[len(e.history)-1], e.history)
					banking.Duplicate(e.history[len(e.history)-1], e.history)
				}
			}},
			"a review": {observer.MostHistory, func(e edge) { e.everything(t) }},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				cost := func(n int) time.Duration {
					e := day(n, shop)
					before := processor(t)
					work.do(e)
					return processor(t) - before
				}
				few, all := cost(work.n/4), cost(work.n)
				t.Logf("%d transactions in %s, %d in %s", work.n/4, few.Round(time.Millisecond), work.n, all.Round(time.Millisecond))
				require.Less(t, all, 9*few+300*time.Millisecond)
			})
		}
	}
}

// processor is the time that the processor spent on this process.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
