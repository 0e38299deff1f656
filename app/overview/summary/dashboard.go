package summary

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/finance/budget"
	"github.com/wealth-companion/companion/app/finance/currency"
	"github.com/wealth-companion/companion/app/finance/goal"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/finance/task"
	"github.com/wealth-companion/companion/app/overview/score"
	"github.com/wealth-companion/companion/app/people/alert"
	"github.com/wealth-companion/companion/app/people/insight"
	"github.com/wealth-companion/companion/app/store/pagination"
)

// Dashboard is what a start page needs, in one answer.
type Dashboard struct {
	AsOf     time.Time         `json:"asOf"`
	Currency string            `json:"currency,omitempty" doc:"That of total"`
	Wallets  []ledger.Wallet   `json:"wallets" doc:"Those in use, and archived ones that still hold or owe something, oldest first"`
	Balances []Balance         `json:"balances" doc:"What these wallets hold together, by currency: an archived wallet's money stays in it, and what is dated ahead (by a day at most) counts already"`
	Total    *Balance          `json:"total,omitempty" doc:"Your net worth: all of it in one currency, as far as there are rates"`
	LeftOut  []string          `json:"leftOut,omitempty" doc:"Currencies without a rate, which are not in total"`
	Month    string            `json:"month" doc:"YYYY-MM, by your calendar"`
	SoFar    []Monthly         `json:"soFar" doc:"This month till now against last month till the same day, by currency"`
	Budgets  BudgetStates      `json:"budgets"`
	Goals    []goal.Goal       `json:"goals" doc:"Those that are active"`
	Tasks    []task.Task       `json:"tasks" doc:"To be done within two weeks by your calendar, what is late first; ten at most"`
	Insights []insight.Insight `json:"insights" doc:"The newest five"`
	Unread   int64             `json:"unreadAlerts"`
	Health   score.Score       `json:"healthScore"`
}

// Balance is what there is of a currency.
type Balance struct {
	Currency string       `json:"currency"`
	Amount   money.Amount `json:"amount"`
}

// BudgetStates is how the budgets of a month stand.
type BudgetStates struct {
	OK       int             `json:"ok"`
	Warning  int             `json:"warning"`
	Exceeded int             `json:"exceeded"`
	Items    []budget.Budget `json:"items" doc:"The most used first"`
}

// States counts budgets by their state, and sorts them by how far they are used.
func States(all []budget.Budget) BudgetStates {
	s := BudgetStates{Items: slices.Clone(all)}
	for _, b := range all {
		switch b.Status.State {
		case budget.Exceeded:
			s.Exceeded++
		case budget.Warning:
			s.Warning++
		default:
			s.OK++
		}
	}
	slices.SortStableFunc(s.Items, func(a, b budget.Budget) int {
		switch {
		case a.Status.Percent > b.Status.Percent:
			return -1
		case a.Status.Percent < b.Status.Percent:
			return 1
		default:
			return strings.Compare(a.Category, b.Category)
		}
	})
	return s
}

// Counted are the wallets that net worth is made of and that a start page shows:
// those in use, and archived ones that still hold or owe something. Archiving says that
// nothing new is booked; the money is still there.
func Counted(all []ledger.Wallet) []ledger.Wallet {
	counted := make([]ledger.Wallet, 0, len(all))
	for _, w := range all {
		if w.ArchivedAt == nil || !w.Balance.IsZero() {
			counted = append(counted, w)
		}
	}
	return counted
}

// Together adds up what wallets hold by currency.
func Together(wallets []ledger.Wallet) []Balance {
	by := map[string]decimal.Decimal{}
	for _, w := range wallets {
		by[w.Currency] = by[w.Currency].Add(w.Balance.Decimal)
	}
	all := make([]Balance, 0, len(by))
	for code, amount := range by {
		all = append(all, Balance{code, money.Of(amount)})
	}
	slices.SortFunc(all, func(a, b Balance) int { return strings.Compare(a.Currency, b.Currency) })
	return all
}

// Worth adds up balances in one currency. It is nil when none of them could be
// converted; left are the currencies without a rate.
func Worth(all []Balance, code string, convert func(decimal.Decimal, string) (decimal.Decimal, bool)) (total *Balance, left []string) {
	sum := decimal.Zero
	for _, b := range all {
		amount, ok := convert(b.Amount.Decimal, b.Currency)
		if !ok {
			left = append(left, b.Currency)
			continue
		}
		sum = sum.Add(amount)
	}
	if len(left) == len(all) {
		return nil, left
	}
	return &Balance{code, money.Of(currency.Round(sum, code))}, left
}

// Dashboards puts start pages together.
type Dashboards struct {
	Summaries *Summaries
	Budgets   *budget.Budgets
	Goals     *goal.Goals
	Tasks     *task.Tasks
	Insights  *insight.Insights
	Alerts    *alert.Alerts
}

const (
	// ahead is how far a start page looks for what is to be done.
	ahead        = 14 // days
	mostTasks    = 10
	mostInsights = 5
)

// Of puts a user's start page together. Its parts are read one after the other,
// each of a moment of its own: nothing on a start page depends on more.
func (s *Dashboards) Of(ctx context.Context, user uuid.UUID) (Dashboard, error) {
	now := s.Summaries.now().UTC()
	who, err := s.Summaries.person(ctx, user, "")
	if err != nil {
		return Dashboard{}, err
	}
	this, code := calendar.Month(who.today), who.code
	d := Dashboard{AsOf: now.Truncate(time.Second), Month: calendar.MonthName(this), Currency: code}
	wallets, err := s.Summaries.Ledger.Wallets(ctx, user, true)
	if err != nil {
		return d, err
	}
	d.Wallets = Counted(wallets)
	d.Balances = Together(d.Wallets)
	held := []string{code}
	for _, b := range d.Balances {
		held = append(held, b.Currency)
	}
	rates, err := s.Summaries.Rates.Table(ctx, user, held, who.today, who.today)
	if err != nil {
		return d, err
	}
	d.Total, d.LeftOut = Worth(d.Balances, code, rates.Into(code, who.today))
	flows, err := s.Summaries.flows(ctx, user, this, who.today.AddDate(0, 0, 1))
	if err != nil {
		return d, err
	}
	start, until := SoFarBefore(who.today)
	before, err := s.Summaries.flows(ctx, user, start, until)
	if err != nil {
		return d, err
	}
	d.SoFar = SoFar(flows, before)
	k, err := s.known(ctx, user, who)
	if err != nil {
		return d, err
	}
	d.Budgets = States(of(k.budgets, func(b budget.Budget) bool { return b.Month == d.Month }))
	d.Goals = of(k.goals, func(g goal.Goal) bool { return g.Status == goal.Active })
	d.Health = score.Assess(Judged(code, k.budgets, k.months, k.goals))
	if d.Tasks, err = s.Tasks.Upcoming(ctx, user, who.today.AddDate(0, 0, ahead), who.zone, mostTasks); err != nil {
		return d, err
	}
	insights, err := s.Insights.List(ctx, user, "", insight.Active, pagination.Request{Limit: mostInsights})
	if err != nil {
		return d, err
	}
	d.Insights = insights.Items
	unread, err := s.Alerts.Unread(ctx, user)
	if err != nil {
		return d, err
	}
	d.Unread = unread.Unread
	return d, nil
}

// of are those of all that are wanted, in their order; never nil.
func of[T any](all []T, wanted func(T) bool) []T {
	found := []T{}
	for _, one := range all {
		if wanted(one) {
			found = append(found, one)
		}
	}
	return found
}

// How far back the score looks, in months before the current one.
const (
	budgetMonths = 3
	flowMonths   = 6
)

// known is what a score rests on.
type known struct {
	budgets []budget.Budget // of the last months and this one
	months  []Month         // complete ones
	goals   []goal.Goal
}

func (s *Dashboards) known(ctx context.Context, user uuid.UUID, who person) (k known, err error) {
	this := calendar.Month(who.today)
	if k.months, err = s.Summaries.months(ctx, user, this.AddDate(0, -flowMonths, 0), flowMonths, who.code); err != nil {
		return k, err
	}
	if k.budgets, err = s.Budgets.Between(ctx, user, this.AddDate(0, -budgetMonths, 0), this); err != nil {
		return k, err
	}
	k.goals, err = s.Goals.List(ctx, user, "")
	return k, err
}

// Health scores how well a user's money does.
func (s *Dashboards) Health(ctx context.Context, user uuid.UUID) (score.Score, error) {
	who, err := s.Summaries.person(ctx, user, "")
	if err != nil {
		return score.Score{}, err
	}
	k, err := s.known(ctx, user, who)
	if err != nil {
		return score.Score{}, err
	}
	return score.Assess(Judged(who.code, k.budgets, k.months, k.goals)), nil
}

// Judged is what a score rests on. Months before the first with anything in it
// are from before the user began, and do not count.
func Judged(code string, budgets []budget.Budget, months []Month, goals []goal.Goal) score.Input {
	in := score.Input{Currency: code}
	for _, b := range budgets {
		in.Budgets = append(in.Budgets, score.Budget{
			Category: b.Category, Month: b.Month, Currency: b.Currency, Limit: b.Status.Limit.Decimal, Spent: b.Status.Spent.Decimal,
		})
	}
	for _, m := range months {
		for _, t := range m.Currencies {
			if (m.Total == nil || slices.Contains(m.Total.LeftOut, t.Currency)) && !slices.Contains(in.LeftOut, t.Currency) {
				in.LeftOut = append(in.LeftOut, t.Currency)
			}
		}
		switch {
		case m.Total != nil:
			in.Months = append(in.Months, score.Month{Income: m.Total.Income.Decimal, Expenses: m.Total.Expenses.Decimal})
		case len(in.Months) > 0:
			in.Months = append(in.Months, score.Month{})
		}
	}
	for _, g := range goals {
		if g.Status == goal.Abandoned {
			continue
		}
		one := score.Goal{Name: g.Name, Reached: g.Status == goal.Reached, Pace: g.Progress.Pace.Decimal}
		if g.Progress.Needed != nil {
			one.Needed = &g.Progress.Needed.Decimal
		}
		in.Goals = append(in.Goals, one)
	}
	return in
}
