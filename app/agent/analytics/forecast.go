package analytics

import (
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/agent/stats"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/money"
)

// The detectors, by the names that findings bear.
const (
	KindForecast = "budget_forecast"
	KindAnomaly  = "anomaly"
	KindPace     = "category_pace"
	KindWeekend  = "weekend_pattern"
	KindGrowth   = "category_growth"
)

const (
	// usualMonths is how many complete months before this one are the usual.
	usualMonths = 6
	// priorDays is how much the usual pace weighs against this month's: as much
	// as that many days of it. After ten days they count alike.
	priorDays = 10
	// firstDays of a month say nothing of it.
	firstDays = 5
	// overLikely is how probable it must be that a budget will not do.
	overLikely = 0.92
)

// Projection is how a budget is expected to stand at the end of its month.
type Projection struct {
	Spent    decimal.Decimal // till now, less refunds
	Bills    decimal.Decimal // known recurring charges to come
	Everyday decimal.Decimal // other spending to come
	Total    decimal.Decimal // the three together
	Daily    decimal.Decimal // the pace that Everyday is taken from, an average day
	DaysLeft int             // after today
	Strays   float64         // the standard deviation of Total, in units of the currency
	Chance   float64         // that Total will be more than the limit
	Months   int             // complete months before that the pace rests on
}

// Forecast projects the spending under a budget to the end of its month, which
// must be the month of now. To what is spent it adds the recurring charges of the
// category that are still due and, for every day left, the everyday pace: this
// month's, drawn towards the mean of the last six months' by the weight of ten
// days. The doubt is that of a compound Poisson process (purchases come at random,
// each of its own amount): the variance of a day is the sum of the squares of the
// purchases over the days in which they were made. A purchase counts towards the pace
// as three times the median one at the most, and days of the weekend count as the
// person's purchases say. ok is false in the first five
// days, and without an earlier month in the first ten.
//
// h is the person's sorted history; the six months before and this one are read.
func Forecast(b history.Budget, series []recurring.Series, h []history.Transaction, now time.Time) (Projection, bool) {
	recent := history.Between(h, history.MonthOf(now).AddDate(0, -usualMonths, 0), now.Add(1))
	return forecast(b, series, recent, begin(h), noPace(recent), now)
}

// noPace are the purchases that say nothing of a pace: made on journeys, or given back.
func noPace(h []history.Transaction) map[uuid.UUID]bool {
	ids := returned(h)
	maps.Copy(ids, journeys(h))
	return ids
}

// forecast is Forecast with the part of the history that it reads, and what of that
// has no pace.
func forecast(b history.Budget, series []recurring.Series, recent []history.Transaction, begun time.Time, paceless map[uuid.UUID]bool, now time.Time) (Projection, bool) {
	month := history.MonthOf(now)
	if b.Month != history.Month(now) {
		return Projection{}, false
	}
	end := month.AddDate(0, 1, 0)
	tomorrow := history.Day(now).AddDate(0, 0, 1)
	elapsed := tomorrow.Sub(month).Hours() / 24
	p := Projection{DaysLeft: int(end.Sub(tomorrow).Hours() / 24)}

	recurs := map[uuid.UUID]bool{}
	for _, s := range series {
		last := s.Last()
		if s.Type != event.Expense || last.Category != b.Category || last.Currency != b.Currency {
			continue
		}
		for _, t := range s.Charges {
			recurs[t.ID] = true
		}
		for range s.Dates(tomorrow, end) {
			p.Bills = p.Bills.Add(s.Amount)
		}
	}
	var this, before []history.Transaction
	for _, t := range recent {
		if t.Category != b.Category || t.Currency != b.Currency {
			continue
		}
		if !t.At.Before(month) {
			p.Spent = p.Spent.Add(t.Spending())
		}
		if t.Type != event.Expense {
			continue // what came back has no pace
		}
		switch {
		case recurs[t.ID], paceless[t.ID]: // spent, but no pace
		case t.At.Before(month):
			before = append(before, t)
		default:
			this = append(this, t)
		}
	}
	// A single large purchase is spent, but it is no pace.
	top := largest(append(before[:len(before):len(before)], this...))
	for i := range before {
		before[i].Amount = decimal.Min(before[i].Amount, top)
	}
	totals := monthly(before, begun, month)
	p.Months = len(totals)
	if elapsed < firstDays || p.Months == 0 && (elapsed < 2*firstDays || len(this) == 0) {
		return p, false
	}

	paced, squares := decimal.Zero, 0.0
	for _, t := range this {
		amount := decimal.Min(t.Amount, top)
		paced = paced.Add(amount)
		squares += stats.Float(amount) * stats.Float(amount)
	}
	for _, t := range before {
		squares += stats.Float(t.Amount) * stats.Float(t.Amount)
	}
	r := rhythmOf(before, this)
	gone, left := r.days(month, tomorrow), r.days(tomorrow, end)
	weight := gone
	if p.Months > 0 {
		// The mean, for the median of a few small counts is often far off; that a
		// purchase counts only so much keeps it robust.
		aMonth := stats.Sum(totals).Div(decimal.NewFromInt(int64(len(totals))))
		usual := aMonth.Mul(decimal.NewFromInt(priorDays)).DivRound(monthOfDays, 6)
		paced = paced.Add(usual)
		weight += priorDays
	}
	p.Daily = paced.DivRound(decimal.NewFromFloat(weight), 4)
	p.Everyday = money.Round(p.Daily.Mul(decimal.NewFromFloat(left)), b.Currency)
	p.Total = p.Spent.Add(p.Bills).Add(p.Everyday)

	aDay := squares / (gone + float64(p.Months)*30.4375)
	// What chance does to the days left, and what it did to the pace itself.
	p.Strays = math.Sqrt(aDay*left+aDay*left*left/weight) + 0.05*stats.Float(p.Bills)
	over := p.Total.Sub(b.Limit).InexactFloat64()
	switch {
	case p.Strays > 0:
		p.Chance = stats.Normal(over / p.Strays)
	case over > 0:
		p.Chance = 1
	}
	return p, true
}

// begin is when a history begins; an empty one never has.
func begin(h []history.Transaction) time.Time {
	if len(h) == 0 {
		return time.Unix(1<<40, 0)
	}
	return h[0].At
}

// monthly are the sums of expenses in the complete months before month that the
// history covers, which has begun then, at most usualMonths, latest last. Months without any are zero.
func monthly(expenses []history.Transaction, begun, month time.Time) []decimal.Decimal {
	var totals []decimal.Decimal
	for back := usualMonths; back > 0; back-- {
		from := month.AddDate(0, -back, 0)
		if begun.After(from.AddDate(0, 0, 3)) {
			continue // not known from its beginning
		}
		sum := decimal.Zero
		for _, t := range history.Between(expenses, from, from.AddDate(0, 1, 0)) {
			sum = sum.Add(t.Amount)
		}
		totals = append(totals, sum)
	}
	return totals
}

// BudgetForecasts warns of budgets of this month that will probably not do, each
// once for each amount that it is set to. Of those that are exceeded already
// budget.exceeded says so.
func BudgetForecasts(budgets []history.Budget, series []recurring.Series, h []history.Transaction, now time.Time) []finding.Finding {
	recent := history.Between(h, history.MonthOf(now).AddDate(0, -usualMonths, 0), now.Add(1))
	paceless := noPace(recent)
	var found []finding.Finding
	for _, b := range budgets {
		p, ok := forecast(b, series, recent, begin(h), paceless, now)
		if !ok || p.Chance < overLikely || p.Spent.GreaterThan(b.Limit) || !b.Limit.IsPositive() {
			continue
		}
		found = append(found, passing(b, p, now))
	}
	return found
}

// toCome says what is expected until the end of the month.
func (p Projection) toCome(currency string) string {
	bills, everyday := finding.Sum(p.Bills, currency), finding.Sum(p.Everyday, currency)
	switch {
	case !p.Bills.IsPositive():
		return fmt.Sprintf("At this pace you will spend %s more", everyday)
	case !p.Everyday.IsPositive():
		return fmt.Sprintf("Charges that recur will add %s", bills)
	}
	return fmt.Sprintf("At this pace you will spend %s more, %s of it on charges that recur", finding.Sum(p.Bills.Add(p.Everyday), currency), bills)
}

// slower is what would keep a budget.
func slower(b history.Budget, p Projection) string {
	left := b.Limit.Sub(p.Spent)
	if !left.IsPositive() {
		return "Spending nothing more this month, a refund, or a higher budget."
	}
	return fmt.Sprintf("Spending no more than %s for the rest of the month, or a higher budget.", money.FormatIn(left, b.Currency))
}

// passing is the finding that a budget will probably be exceeded.
func passing(b history.Budget, p Projection, now time.Time) finding.Finding {
	over := money.Rounded(p.Total.Sub(b.Limit), b.Currency)
	return finding.Finding{
		Subject: b.ID, Kind: KindForecast, Detail: money.Format(b.Limit), InsightType: event.BudgetWarning,
		Title:      fmt.Sprintf("Your %s budget will probably be exceeded", finding.Category(b.Category)),
		Message:    fmt.Sprintf("%s, with %s left. %s: about %s %s too much.", soFar(b, p), finding.Count(p.DaysLeft, "day"), p.toCome(b.Currency), over, b.Currency),
		Dismiss:    slower(b, p),
		Confidence: stats.Round(p.Chance),
		Facts: map[string]string{
			"spent": money.Decimals(p.Spent, b.Currency), "limit": money.Decimals(b.Limit, b.Currency), "currency": b.Currency, "daysLeft": fmt.Sprint(p.DaysLeft),
			"bills": money.Rounded(p.Bills, b.Currency), "perDay": money.Rounded(p.Daily, b.Currency), "toCome": money.Rounded(p.Bills.Add(p.Everyday), b.Currency),
			"expected": money.Rounded(p.Total, b.Currency), "over": over, "left": money.Decimals(b.Limit.Sub(p.Spent), b.Currency), "months": fmt.Sprint(p.Months),
		},
		Related:   map[string]string{"budgetId": b.ID.String(), "category": b.Category, "month": b.Month},
		ExpiresAt: endOf(b.Month, now),
	}
}

// soFar says what was spent of a budget.
func soFar(b history.Budget, p Projection) string {
	limit, category := money.FormatIn(b.Limit, b.Currency), finding.Category(b.Category)
	if p.Spent.IsNegative() {
		return fmt.Sprintf("You have spent nothing of %s on %s so far, for refunds were %s more than expenses", limit, category, finding.Sum(p.Spent.Neg(), b.Currency))
	}
	return fmt.Sprintf("You have spent %s of %s on %s", money.Decimals(p.Spent, b.Currency), limit, category)
}
