// Package recurring finds what comes again: subscriptions, rent, utilities,
// insurance, salaries. It needs no list of companies, only dates and amounts.
package recurring

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/stats"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/merchant"
	"github.com/wealth-companion/companion/app/core/money"
)

// Window is how far back Find looks: two yearly charges and a month to spare.
const Window = 800 * 24 * time.Hour

// MaxGroup bounds how many transactions with one merchant are looked at, the
// latest ones. Nothing that is charged weekly or less often has more in Window.
const MaxGroup = 400

// Series is something that was charged, or came in, again and again.
type Series struct {
	// Key tells it from the person's others, and stays as charges are added.
	Key      string
	Name     string // of the merchant, for people; without one, the category's mark (finding.Category)
	Merchant string // normalised
	Type     string // event.Income, event.Expense or event.Transfer
	Cadence  Cadence
	// Variable amounts differ each time, as a utility's do; others stay until
	// the price changes.
	Variable bool
	// Amount is what to expect next time: the last one, or where they vary with the
	// seasons, that of a year before, as far as this year differs from it.
	Amount  decimal.Decimal
	Charges []history.Transaction // in order of time
	// Odd is a payment after the last charge that is too far from a steady amount to
	// be one, until a second like it shows a new price; nil: there is none.
	Odd  *history.Transaction
	Next time.Time // the day of the next one
	// Ended: the next one is long overdue.
	Ended      bool
	Confidence float64

	points  []point   // of Charges
	odd     *point    // of Odd
	anchor  time.Time // an ideal day, from which the others are counted
	second  time.Time // that of the other half of the month, after it, of what comes twice a month
	periods int       // from the anchor to the last charge
	strays  float64   // how many days charges lie off their ideal day, on average
	among   bool      // other purchases at the merchant: only its amount tells a charge
}

// ideal is the day of the charge so many periods after the first.
func (s Series) ideal(periods int) time.Time {
	switch {
	case !s.Cadence.twice:
		return s.Cadence.add(s.anchor, periods)
	case periods%2 == 0:
		return s.Cadence.add(s.anchor, periods/2)
	}
	return s.Cadence.add(s.second, periods/2)
}

// Last is the latest charge.
func (s Series) Last() history.Transaction { return s.Charges[len(s.Charges)-1] }

// PerYear is about what it comes to in a year: at the present amount, or where amounts
// vary, or are of two halves of a month, what a year's charges came to on average.
func (s Series) PerYear() decimal.Decimal {
	times := decimal.NewFromInt(s.Cadence.perYear())
	var lately int
	switch {
	case s.Variable:
		lately = int(s.Cadence.perYear())
	case s.Cadence.twice:
		lately = 2
	default:
		return s.Amount.Mul(times)
	}
	charges := s.Charges[max(0, len(s.Charges)-lately):]
	sum := decimal.Zero
	for _, t := range charges {
		sum = sum.Add(t.Amount)
	}
	return sum.Mul(times).DivRound(decimal.NewFromInt(int64(len(charges))), 4)
}

// Contains tells whether the transaction is one of the charges.
func (s Series) Contains(t history.Transaction) bool {
	for i := len(s.Charges) - 1; i >= 0; i-- {
		if s.Charges[i].ID == t.ID {
			return true
		}
	}
	return false
}

// maxDates bounds how far Dates looks ahead.
const maxDates = 60

// Dates are the days from the first one given up to, not including, the second on
// which charges are to be expected. One that is overdue, but not long, is expected
// on the first day.
func (s Series) Dates(from, to time.Time) []time.Time {
	if s.Ended {
		return nil
	}
	var days []time.Time
	from = history.Day(from)
	for i := 1; i <= maxDates; i++ {
		day := s.ideal(s.periods + i)
		if day.Before(from) {
			if i > 1 {
				continue
			}
			day = from
		}
		if !day.Before(to) {
			break
		}
		if len(days) == 0 || days[len(days)-1].Before(day) {
			days = append(days, day)
		}
	}
	return days
}

// Find returns the series in a sorted history of one person, those that ended
// too, ordered by key. What lies before Window or after now is not looked at, nor
// are refunds: what comes back is neither a charge nor an income to count on. A
// merchant that was renamed is one (joinRenamed); its series bear the latest name.
func Find(h []history.Transaction, now time.Time) []Series {
	groups := map[group][]history.Transaction{}
	for _, t := range history.Between(h, now.Add(-Window), now.Add(1)) {
		if t.Refund {
			continue
		}
		g := groupOf(t)
		groups[g] = append(groups[g], t)
	}
	joinRenamed(groups, now)
	var found []Series
	for g, transactions := range groups {
		found = append(found, inGroup(g, transactions, now)...)
	}
	slices.SortFunc(found, func(a, b Series) int { return cmp.Compare(a.Key, b.Key) })
	return found
}

// group is what transactions that can form a series have in common. Without a
// merchant, the category stands for it.
type group struct{ merchant, category, kind, currency string }

func groupOf(t history.Transaction) group {
	g := group{merchant: merchant.Of(t), kind: t.Type, currency: t.Currency}
	if g.merchant == "" {
		g.category = t.Category
	}
	return g
}

func (g group) key() string {
	return strings.Join([]string{cmp.Or(g.merchant, "category "+g.category), g.kind, g.currency}, "|")
}

// SameGroup tells whether two transactions can form a series: the same merchant,
// type and currency.
func SameGroup(a, b history.Transaction) bool {
	return a.Type == b.Type && a.Currency == b.Currency && groupOf(a) == groupOf(b)
}

// InGroup returns the series among transactions that are of one group (SameGroup),
// sorted by time.
func InGroup(all []history.Transaction, now time.Time) []Series {
	if len(all) == 0 {
		return nil
	}
	return inGroup(groupOf(all[0]), all, now)
}

// inGroup is InGroup of the group g. Two subscriptions of one company, or a subscription among
// purchases at the same shop, are told apart by their amounts.
func inGroup(g group, all []history.Transaction, now time.Time) []Series {
	if len(all) > MaxGroup {
		all = all[len(all)-MaxGroup:]
	}
	if len(all) < 2 {
		return nil
	}
	key := g.key()
	points := pointsOf(all)
	if s, ok := whole(points, all[0].Type == event.Income); ok {
		s.finish(key, all, now)
		return []Series{s}
	}
	if merchant.Of(all[0]) == "" {
		return nil
	}
	var found []Series
	used := make([]bool, len(all))
	for _, cluster := range clusters(points) {
		// Among purchases, chance puts equal amounts a few months apart: then only
		// what comes monthly or more often is believed, one charge later.
		s, ok := steady(cluster, false)
		if !ok || s.Cadence.months >= 2 || s.Cadence.twice || len(s.points) <= s.Cadence.least {
			continue
		}
		for _, p := range cluster {
			used[p.at] = true
		}
		found = append(found, s)
	}
	for i := range found {
		first := all[found[i].points[0].at].Amount
		found[i].among = true
		found[i].goOn(points, used)
		found[i].finish(key+"|"+first.StringFixed(2), all, now)
	}
	return found
}

// finish works out what follows from the charges.
func (s *Series) finish(key string, all []history.Transaction, now time.Time) {
	s.Charges = make([]history.Transaction, len(s.points))
	for i, p := range s.points {
		s.Charges[i] = all[p.at]
	}
	if s.odd != nil {
		s.Odd = &all[s.odd.at]
	}
	last := s.Last()
	s.Key, s.Type = key, last.Type
	s.Merchant = merchant.Of(last)
	if s.Name = finding.Name(merchant.Show(s.Merchant)); s.Merchant == "" {
		s.Name = finding.Category(last.Category)
	}
	s.Amount = last.Amount
	s.Next = s.ideal(s.periods + 1)
	if n := len(s.points); s.Cadence.twice && n > 1 {
		other := s.points[n-2].amount // of the same half of the month as the next
		if near(other, s.points[n-1].amount, 0.6) || n > 3 && near(other, s.points[n-4].amount, 0.03) {
			s.Amount = s.Charges[n-2].Amount
		}
	}
	if s.Variable {
		s.Amount = s.seasonal()
	}
	s.Ended = daysBetween(s.Next, now) > float64(s.Cadence.slack)+s.Cadence.length()/10
	// Each charge beyond the least needed halves the doubt.
	s.Confidence = 1 - 0.4*math.Pow(0.5, float64(len(s.Charges)-s.Cadence.least))
	if s.Variable {
		s.Confidence *= 0.9
	}
	s.Confidence = stats.Round(s.Confidence)
}

// seasonal is the charge a year before the next one, times the median of what the
// last three were to those a year before them; without such, the last one.
func (s *Series) seasonal() decimal.Decimal {
	aYearBefore := func(at time.Time) (decimal.Decimal, bool) {
		for _, t := range s.Charges {
			if math.Abs(daysBetween(t.At, at.AddDate(-1, 0, 0))) <= s.Cadence.length()/3 {
				return t.Amount, true
			}
		}
		return decimal.Zero, false
	}
	base, ok := aYearBefore(s.Next)
	var ratios []decimal.Decimal
	for _, t := range s.Charges[max(0, len(s.Charges)-3):] {
		if then, known := aYearBefore(t.At); known {
			ratios = append(ratios, t.Amount.Div(then))
		}
	}
	if !ok || len(ratios) < 2 {
		return s.Last().Amount
	}
	return money.Round(base.Mul(stats.Median(ratios)), s.Last().Currency)
}
