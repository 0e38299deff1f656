// Package score scores how well a person's money is doing, and says why: 40% is
// how budgets are kept, 30% what is saved of the income, 20% how even spending is
// from month to month, 10% how goals come along. It knows neither database nor
// clock.
package score

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/money"
)

// The parts of the score and what each counts.
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

// What a score rests on.
type (
	// Input is what is known of a person. Amounts of Months are in Currency.
	Input struct {
		Currency string
		Budgets  []Budget // of this month and the three before
		Months   []Month  // complete ones, oldest first, six at most
		LeftOut  []string // currencies without a rate, which are not in Months
		Goals    []Goal   // those that are not given up
	}
	// Budget is a limit, what is carried over included, and what was spent of it.
	Budget struct {
		Category, Month, Currency string
		Limit, Spent              decimal.Decimal
	}
	// Month is what was earned and spent in one.
	Month struct{ Income, Expenses decimal.Decimal }
	// Goal is how saving for one goes. Needed is nil without a deadline.
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

// Score is how well somebody's money does.
type Score struct {
	Score    *int     `json:"score,omitempty" doc:"0 to 100; left out while there is nothing to judge by"`
	Verdict  string   `json:"verdict" enum:"unknown,poor,fair,good,excellent"`
	Message  string   `json:"message"`
	Currency string   `json:"currency,omitempty" doc:"Of the amounts among the facts"`
	LeftOut  []string `json:"leftOut,omitempty" doc:"Currencies without a rate, which are not in it"`
	Parts    []Part   `json:"parts"`
}

// Assess scores. Parts without anything to judge by do not count: the others are
// scaled up to 100 together.
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

// within cuts a share to 0..1.
func within(share decimal.Decimal) decimal.Decimal { return decimal.Max(zero, decimal.Min(one, share)) }

// points are a share of the weight, one place.
func points(share decimal.Decimal, weight int64) *float64 {
	p := within(share).Mul(decimal.NewFromInt(weight)).Round(1).InexactFloat64()
	return &p
}

// budgets: one that is kept counts fully, one that is exceeded less the further it
// is, and not at all from half as much again on.
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
		part.Facts["furthestExceeded"] = fmt.Sprintf("%s in %s: %s of %s %s", worst.Category, worst.Month, money.Format(worst.Spent), money.Format(worst.Limit), worst.Currency)
		part.Improve = fmt.Sprintf("Keep to your budget for %s, or set it to what you really need.", worst.Category)
	}
	return part
}

// fullRate is the savings rate, in percent of the income, from which on the part is full.
var fullRate = decimal.NewFromInt(20)

// savings: in proportion, from nothing at 0% to all at 20% of the income saved.
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
	part.Facts["income"] = money.Format(income) + " " + currency
	part.Facts["expenses"] = money.Format(expenses) + " " + currency
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
		part.Improve = fmt.Sprintf("Spend %s %s a month less, or earn as much more, to come to 20%%.", money.Format(missing.RoundUp(0)), currency)
	}
	return part
}

// enoughMonths is how many a comparison of months needs.
const enoughMonths = 3

var (
	// even and uneven are the mean deviations, as shares of the mean, from which on
	// the part is full and nothing.
	even   = decimal.RequireFromString("0.05")
	uneven = decimal.RequireFromString("0.50")
)

// consistency: how far months are from their mean, on average.
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
	part.Facts["mean"] = money.Format(mean.Round(2)) + " " + currency
	part.Facts["deviation"] = share.Mul(hundred).StringFixed(1) + "%"
	part.Points = points(uneven.Sub(share).DivRound(uneven.Sub(even), 6), consistencyWeight)
	if share.GreaterThan(even) {
		part.Improve = "Spread large expenses out, or put something aside for them each month."
	}
	return part
}

// goals: a goal that is reached or in time counts fully, another as much of the
// needed pace as there is; without a deadline it is enough that something was put
// aside in the last three months.
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
