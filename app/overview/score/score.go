// Package score computes a financial health score from 0 to 100 and explains it. Its
// weights: budgets kept 40, savings rate 30, consistency of monthly spending 20,
// progress of goals 10. It is a pure function of its input: no database, no clock.
package score

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/money"
)

// The names of the parts of the score.
const (
	Budgets     = "budgets"
	SavingsRate = "savings_rate"
	Consistency = "consistency"
	Goals       = "goals"
)

// Weights of the parts; together 100.
const (
	budgetsWeight     = 40
	savingsWeight     = 30
	consistencyWeight = 20
	goalsWeight       = 10
)

// The input of a score.
type (
	// Input is the data that a score is computed from. The amounts of Months are in Currency.
	Input struct {
		Currency string
		Budgets  []Budget // of the current month and the three before it
		Months   []Month  // complete months, oldest first, at most six
		LeftOut  []string // currencies without an exchange rate, which Months does not include
		Goals    []Goal   // those that are not abandoned
	}
	// Budget is one month's limit of a category, carried-over amount included, and the
	// amount spent.
	Budget struct {
		Category, Month, Currency string
		Limit, Spent              decimal.Decimal
	}
	// Month is the income and the expenses of one month.
	Month struct{ Income, Expenses decimal.Decimal }
	// Goal is the progress of one savings goal: Pace and Needed are amounts a month;
	// Needed is nil without a deadline.
	Goal struct {
		Name    string
		Reached bool
		Pace    decimal.Decimal
		Needed  *decimal.Decimal
	}
)

// Part is one part of the score.
type Part struct {
	Name    string            `json:"name" enum:"budgets,savings_rate,consistency,goals"`
	Weight  int               `json:"weight" doc:"The most points it can have; all together 100"`
	Points  *float64          `json:"points,omitempty" doc:"Of the weight, one place; left out while there is nothing to judge by"`
	Facts   map[string]string `json:"facts" doc:"What it rests on, ready to be shown"`
	Why     string            `json:"why" doc:"How the points come about"`
	Improve string            `json:"improve,omitempty" doc:"What would raise it"`
}

// Score is the result of Assess, as the API returns it.
type Score struct {
	Score    *int     `json:"score,omitempty" doc:"0 to 100; left out while there is nothing to judge by"`
	Verdict  string   `json:"verdict" enum:"unknown,poor,fair,good,excellent"`
	Message  string   `json:"message"`
	Currency string   `json:"currency,omitempty" doc:"Of the amounts among the facts"`
	LeftOut  []string `json:"leftOut,omitempty" doc:"Currencies without a rate, which are not in it"`
	Parts    []Part   `json:"parts"`
}

// Assess computes the score. Parts without data are left out, and the weights of the
// others are scaled so that they add up to 100.
func Assess(in Input) Score {
	s := Score{Currency: in.Currency, LeftOut: in.LeftOut, Parts: []Part{
		budgets(in.Budgets), savings(in.Months, in.Currency), consistency(in.Months, in.Currency), goals(in.Goals),
	}}
	points, weight := 0.0, 0
	for _, part := range s.Parts {
		if part.Points != nil {
			points += *part.Points
			weight += part.Weight
		}
	}
	if weight == 0 {
		s.Verdict = "unknown"
		s.Message = "There is nothing to judge by yet. Record what you earn and spend, set a budget or a goal, and a score is here after the first full month."
		return s
	}
	score := int(points*100/float64(weight) + 0.5)
	s.Score = &score
	switch {
	case score >= 80:
		s.Verdict, s.Message = "excellent", "Your money is doing very well."
	case score >= 60:
		s.Verdict, s.Message = "good", "Your money is doing well."
	case score >= 40:
		s.Verdict, s.Message = "fair", "Your money could do better."
	default:
		s.Verdict, s.Message = "poor", "Your money needs your attention."
	}
	if weight < 100 {
		s.Message += fmt.Sprintf(" The score rests on %d%% of what it usually does: the other parts have nothing to judge by yet.", weight)
	}
	return s
}

var (
	zero    = decimal.Zero
	one     = decimal.NewFromInt(1)
	two     = decimal.NewFromInt(2)
	hundred = decimal.NewFromInt(100)
)

// within clamps a share to the range from 0 to 1.
func within(share decimal.Decimal) decimal.Decimal { return decimal.Max(zero, decimal.Min(one, share)) }

// points returns a share of the weight, rounded to one decimal.
func points(share decimal.Decimal, weight int64) *float64 {
	p := within(share).Mul(decimal.NewFromInt(weight)).Round(1).InexactFloat64()
	return &p
}

// budgets scores how budgets were kept: a budget that was kept counts fully, one that
// was exceeded by half of its limit or more not at all, linearly in between.
func budgets(all []Budget) Part {
	part := Part{
		Name: Budgets, Weight: budgetsWeight, Facts: map[string]string{"budgets": strconv.Itoa(len(all))},
		Why: "Each budget of this month and the three before counts the same: fully when it is kept, less the further it is exceeded, not at all when half as much again was spent.",
	}
	if len(all) == 0 {
		part.Improve = "Set a budget for a category that you spend much on."
		return part
	}
	sum, kept := zero, 0
	worst, most := Budget{}, zero
	for _, b := range all {
		over := b.Spent.Sub(b.Limit)
		if !over.IsPositive() {
			kept++
			sum = sum.Add(one)
			continue
		}
		share := over.DivRound(b.Limit, 6)
		sum = sum.Add(within(one.Sub(share.Mul(two))))
		if share.GreaterThan(most) {
			worst, most = b, share
		}
	}
	part.Points = points(sum.DivRound(decimal.NewFromInt(int64(len(all))), 6), budgetsWeight)
	part.Facts["kept"] = strconv.Itoa(kept)
	if kept < len(all) {
		part.Facts["furthestExceeded"] = fmt.Sprintf("%s in %s: %s of %s", worst.Category, worst.Month, money.Decimals(worst.Spent, worst.Currency), money.FormatIn(worst.Limit, worst.Currency))
		part.Improve = fmt.Sprintf("Keep to your budget for %s, or set it to what you really need.", worst.Category)
	}
	return part
}

// fullRate is the savings rate, in percent of the income, that earns all points.
var fullRate = decimal.NewFromInt(20)

// savings scores the savings rate linearly: no points at 0%, all at fullRate.
func savings(months []Month, currency string) Part {
	part := Part{
		Name: SavingsRate, Weight: savingsWeight, Facts: map[string]string{},
		Why: "What is left of the income of the last three full months: 20% or more is full, nothing left is none.",
	}
	last := months[max(0, len(months)-3):]
	var income, expenses decimal.Decimal
	for _, m := range last {
		income, expenses = income.Add(m.Income), expenses.Add(m.Expenses)
	}
	if income.IsZero() && expenses.IsZero() {
		part.Improve = "Record what you earn and spend for a full month."
		return part
	}
	part.Facts["months"] = strconv.Itoa(len(last))
	part.Facts["income"] = money.FormatIn(income, currency)
	part.Facts["expenses"] = money.FormatIn(expenses, currency)
	if !income.IsPositive() {
		part.Points = points(zero, savingsWeight)
		part.Improve = "Record your income too: there is none in the last full months."
		return part
	}
	rate := income.Sub(expenses).Mul(hundred).DivRound(income, 4)
	part.Facts["savingsRate"] = rate.StringFixed(1) + "%"
	part.Points = points(rate.DivRound(fullRate, 6), savingsWeight)
	if rate.LessThan(fullRate) {
		missing := fullRate.Sub(rate).Mul(income).Div(hundred).DivRound(decimal.NewFromInt(int64(len(last))), 2)
		part.Improve = fmt.Sprintf("Spend %s a month less, or earn as much more, to come to 20%%.", money.FormatIn(missing.RoundUp(0), currency))
	}
	return part
}

// enoughMonths is the minimum number of months for a comparison.
const enoughMonths = 3

var (
	// even and uneven are the mean absolute deviations, as shares of the mean, at which
	// the part earns all points and none.
	even   = decimal.RequireFromString("0.05")
	uneven = decimal.RequireFromString("0.50")
)

// consistency scores the mean absolute deviation of monthly expenses.
func consistency(months []Month, currency string) Part {
	part := Part{
		Name: Consistency, Weight: consistencyWeight, Facts: map[string]string{},
		Why: "How far the expenses of the last full months, six at most, are from their mean on average: 5% or less is full, half or more is none.",
	}
	var sum decimal.Decimal
	var counted []decimal.Decimal
	for _, m := range months {
		if m.Expenses.IsPositive() {
			counted = append(counted, m.Expenses)
			sum = sum.Add(m.Expenses)
		}
	}
	part.Facts["months"] = strconv.Itoa(len(counted))
	if len(counted) < enoughMonths {
		part.Improve = fmt.Sprintf("Record your expenses for %d full months.", enoughMonths)
		return part
	}
	n := decimal.NewFromInt(int64(len(counted)))
	mean := sum.DivRound(n, 6)
	var away decimal.Decimal
	for _, e := range counted {
		away = away.Add(e.Sub(mean).Abs())
	}
	share := away.DivRound(n, 6).DivRound(mean, 6)
	part.Facts["mean"] = money.FormatIn(money.Round(mean, currency), currency)
	part.Facts["deviation"] = share.Mul(hundred).StringFixed(1) + "%"
	part.Points = points(uneven.Sub(share).DivRound(uneven.Sub(even), 6), consistencyWeight)
	if share.GreaterThan(even) {
		part.Improve = "Spread large expenses out, or put something aside for them each month."
	}
	return part
}

// goals scores the progress of goals: a goal that is reached or on track counts fully,
// another by its pace as a share of the needed pace. A goal without a deadline counts
// fully if its pace is positive.
func goals(all []Goal) Part {
	part := Part{
		Name: Goals, Weight: goalsWeight, Facts: map[string]string{"goals": strconv.Itoa(len(all))},
		Why: "Each goal counts the same: fully when it is reached or in time, else by the share of the needed pace; without a deadline it is enough that something was put aside in the last three months.",
	}
	if len(all) == 0 {
		part.Improve = "Set a goal to save for."
		return part
	}
	type behind struct {
		name  string
		share decimal.Decimal
	}
	sum, good := zero, 0
	var late []behind
	for _, g := range all {
		share := zero
		switch {
		case g.Reached, g.Needed == nil && g.Pace.IsPositive(), g.Needed != nil && g.Pace.GreaterThanOrEqual(*g.Needed):
			share = one
		case g.Needed != nil && g.Needed.IsPositive():
			share = within(g.Pace.DivRound(*g.Needed, 6))
		}
		sum = sum.Add(share)
		if share.Equal(one) {
			good++
			continue
		}
		late = append(late, behind{g.Name, share})
	}
	part.Points = points(sum.DivRound(decimal.NewFromInt(int64(len(all))), 6), goalsWeight)
	part.Facts["onTrack"] = strconv.Itoa(good)
	if len(late) > 0 {
		worst := slices.MinFunc(late, func(a, b behind) int { return cmp.Or(a.share.Cmp(b.share), cmp.Compare(a.name, b.name)) })
		part.Improve = fmt.Sprintf("Put more aside for %q, or move its deadline.", worst.name)
	}
	return part
}
