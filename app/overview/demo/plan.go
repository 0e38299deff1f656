package demo

import (
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/household"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/finance/budget"
	"github.com/wealth-companion/companion/app/finance/goal"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/finance/task"
)

// plan is what is to be made, in the words of those who make it.
type plan struct {
	categories   []ledger.NewCategory
	wallets      []ledger.NewWallet
	transactions []posting
	budgets      []budget.New
	goals        []saving
	tasks        []task.New
}

// posting is a transaction between the plan's wallets, which are named by their
// place: they have no ids yet.
type posting struct {
	ledger.NewTransaction
	from int
	to   int // -1: no transfer, or one to outside
}

// saving is a goal and what was put aside for it.
type saving struct {
	goal          goal.New
	contributions []string
}

const (
	// seed is of a household that is rather small: four months of it are some 200
	// transactions, among them things for the agents to find.
	seed = 4
	// full is how many months there are before the current one.
	full = 3
	// made is how many months the household is made for; it begins in its own way.
	made = 14
)

// mark tells the wallets of a demonstration from others of the same name.
const mark = " (demo)"

// planFor makes up what a household in a time zone did in the three full months
// before an instant and in the current one till then, by its calendar. The same time
// and zone give the same.
func planFor(at time.Time, zone *time.Location) plan {
	now := calendar.Clock(at, zone)
	this := calendar.Month(now)
	since := this.AddDate(0, -full, 0)
	h := household.Generate(seed, household.Options{Start: this.AddDate(0, 1-made, 0), Months: made})
	var p plan
	places := map[uuid.UUID]int{}
	for i, w := range h.Wallets {
		places[w.ID] = i
		kind := w.Type
		if kind == history.Bank {
			kind = "checking"
		}
		p.wallets = append(p.wallets, ledger.NewWallet{
			Name: w.Name + mark, Type: kind, Currency: w.Currency, OpeningBalance: money.Format(h.BalanceAt(w.ID, since.Add(-time.Nanosecond)).Round(2)),
		})
	}
	kinds := map[string]string{}
	for _, t := range history.Between(h.Transactions, since, now) {
		at := calendar.Instant(t.At, zone)
		one := posting{from: places[t.WalletID], to: -1, NewTransaction: ledger.NewTransaction{
			Amount: money.Format(t.Amount), Type: t.Type, Category: t.Category, Description: t.Description, Timestamp: &at,
		}}
		if t.ToWalletID != nil {
			one.to = places[*t.ToWalletID]
		}
		p.transactions = append(p.transactions, one)
		if t.Type != event.Transfer && kinds[t.Category] == "" {
			kinds[t.Category] = t.Type
			p.categories = append(p.categories, ledger.NewCategory{Name: title(t.Category), Kind: t.Type})
		}
	}
	for _, b := range h.Budgets {
		if b.Month >= calendar.MonthName(since) && b.Month <= calendar.MonthName(this) {
			p.budgets = append(p.budgets, budget.New{Category: b.Category, Amount: money.Format(b.Limit), Currency: b.Currency, Month: b.Month})
		}
	}
	p.goals = []saving{
		{goal.New{Name: "New bicycle", Target: "1200.00", Currency: h.Currency, Deadline: calendar.DayName(now.AddDate(0, 8, 0))}, []string{"150.00", "150.00"}},
		{goal.New{Name: "Money for a rainy day", Target: money.Format(h.MonthlyCost.Mul(decimal.NewFromInt(3)).Round(-2)), Currency: h.Currency}, []string{"500.00"}},
	}
	tomorrow := calendar.Instant(calendar.Date(now.Year(), now.Month(), now.Day()+1).Add(9*time.Hour), zone)
	p.tasks = []task.New{
		{Title: "Go through the subscriptions", Notes: "Which of them are still used?", Due: calendar.DayName(now.AddDate(0, 0, 3)), RemindAt: &tomorrow},
		{Title: "Compare the prices of electricity", Due: calendar.DayName(now.AddDate(0, 0, 12))},
		{Title: "Set a budget for next month"},
	}
	return p
}

// title is a category's name that makes its slug again.
func title(slug string) string {
	text := strings.ReplaceAll(slug, "-", " ")
	return strings.ToUpper(text[:1]) + text[1:]
}
