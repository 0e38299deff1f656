// Package recurring finds what comes again: subscriptions, rent, utilities,
// insurance, salaries. It needs no list of companies, only dates and amounts.
package recurring

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/history"
	"github.com/wealth-companion/companion/app/agent/merchant"
	"github.com/wealth-companion/companion/app/agent/stats"
)

// Window is how far back Find looks: two yearly charges and a month to spare.
const Window = 800 * 24 * time.Hour

// MaxGroup bounds how many transactions with one merchant are looked at, the
// latest ones. Nothing that is charged weekly or less often has more in Window.
const MaxGroup = 400

// Cadence is how often something is charged.
type Cadence struct {
	Name   string // weekly, fortnightly, monthly, quarterly, half-yearly or yearly
	days   int    // its length, for those counted in days
	months int    // or in months
	// slack is how many days a charge may come early or late: weekends, bank
	// holidays and short months move them.
	slack int
	// least is how many charges make it believable.
	least int
}

var cadences = []Cadence{
	{Name: "weekly", days: 7, slack: 1, least: 5},
	{Name: "fortnightly", days: 14, slack: 2, least: 4},
	{Name: "monthly", months: 1, slack: 4, least: 3},
	{Name: "quarterly", months: 3, slack: 7, least: 3},
	{Name: "half-yearly", months: 6, slack: 9, least: 3},
	{Name: "yearly", months: 12, slack: 9, least: 2},
}

// Every is the cadence in words: "every month".
func (c Cadence) Every() string {
	switch c.Name {
	case "weekly":
		return "every week"
	case "fortnightly":
		return "every two weeks"
	case "monthly":
		return "every month"
	case "quarterly":
		return "every three months"
	case "half-yearly":
		return "every six months"
	}
	return "every year"
}

// length is about how many days lie between two charges.
func (c Cadence) length() float64 {
	if c.days > 0 {
		return float64(c.days)
	}
	return float64(c.months) * 30.437
}

// Seldom tells whether it is charged so seldom that people forget it.
func (c Cadence) Seldom() bool { return c.months >= 3 }

// add is the day so many periods after another. A month that is too short for
// the day ends it: January 31 and a month is February 28.
func (c Cadence) add(day time.Time, periods int) time.Time {
	if c.days > 0 {
		return day.AddDate(0, 0, c.days*periods)
	}
	first := history.MonthOf(day).AddDate(0, c.months*periods, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(day.Day(), last)-1)
}

// perYear is how often it is charged in a year.
func (c Cadence) perYear() int64 {
	if c.days > 0 {
		return int64(364 / c.days)
	}
	return int64(12 / c.months)
}

// Series is something that was charged, or came in, again and again.
type Series struct {
	// Key tells it from the person's others, and stays as charges are added.
	Key      string
	Name     string // of the merchant, for people
	Merchant string // normalised
	Type     string // event.Income, event.Expense or event.Transfer
	Cadence  Cadence
	// Variable amounts differ each time, as a utility's do; others stay until
	// the price changes.
	Variable bool
	// Amount is what to expect next time: the last one, or the median of the last
	// three where they vary.
	Amount  decimal.Decimal
	Charges []history.Transaction // in order of time
	Next    time.Time             // the day of the next one
	// Ended: the next one is long overdue.
	Ended      bool
	Confidence float64

	anchor  time.Time // an ideal day, from which the others are counted
	periods int       // from the anchor to the last charge
}

// Last is the latest charge.
func (s Series) Last() history.Transaction { return s.Charges[len(s.Charges)-1] }

// PerYear is about what it comes to in a year.
func (s Series) PerYear() decimal.Decimal {
	return s.Amount.Mul(decimal.NewFromInt(s.Cadence.perYear()))
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
		day := s.Cadence.add(s.anchor, s.periods+i)
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
// too, ordered by key. What lies before Window or after now is not looked at.
func Find(h []history.Transaction, now time.Time) []Series {
	groups := map[string][]history.Transaction{}
	for _, t := range history.Between(h, now.Add(-Window), now.Add(1)) {
		key := GroupOf(t)
		groups[key] = append(groups[key], t)
	}
	var found []Series
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		found = append(found, InGroup(groups[key], now)...)
	}
	return found
}

// GroupOf names the transactions that can form a series with t: the same
// merchant, type and currency. Without a merchant, the category stands for it.
func GroupOf(t history.Transaction) string {
	name := merchant.Of(t)
	if name == "" {
		name = "category " + t.Category
	}
	return strings.Join([]string{name, t.Type, t.Currency}, "|")
}

// InGroup returns the series among transactions that GroupOf puts together,
// sorted by time. Two subscriptions of one company, or a subscription among
// purchases at the same shop, are told apart by their amounts.
func InGroup(group []history.Transaction, now time.Time) []Series {
	if len(group) > MaxGroup {
		group = group[len(group)-MaxGroup:]
	}
	if len(group) < 2 {
		return nil
	}
	key := GroupOf(group[0])
	if s, ok := whole(group); ok {
		s.finish(key, now)
		return []Series{s}
	}
	if merchant.Of(group[0]) == "" {
		return nil
	}
	var found []Series
	used := make([]bool, len(group))
	for _, cluster := range clusters(group) {
		charges := make([]history.Transaction, len(cluster))
		for i, at := range cluster {
			charges[i] = group[at]
		}
		s, ok := steady(charges)
		if !ok || len(charges) < 3 {
			continue
		}
		for _, at := range cluster {
			used[at] = true
		}
		found = append(found, s)
	}
	for i := range found {
		found[i].goOn(group, used)
		found[i].finish(key+"|"+found[i].Charges[0].Amount.StringFixed(2), now)
	}
	return found
}

// clusters are the indices of transactions of about one amount, within 3%, each
// in order of time; those of a single transaction are left out.
func clusters(group []history.Transaction) [][]int {
	order := make([]int, len(group))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return group[a].Amount.Cmp(group[b].Amount) })
	var found [][]int
	start := 0
	for i := 1; i <= len(order); i++ {
		if i < len(order) && near(group[order[i-1]].Amount, group[order[i]].Amount, 0.03) {
			continue
		}
		if i-start > 1 {
			cluster := slices.Clone(order[start:i])
			slices.Sort(cluster)
			found = append(found, cluster)
		}
		start = i
	}
	return found
}

// near tells whether two amounts differ by at most such a share of the smaller.
func near(a, b decimal.Decimal, share float64) bool {
	x, y := a.InexactFloat64(), b.InexactFloat64()
	return math.Abs(x-y) <= share*min(x, y)+1e-9
}

// whole tries all of a group as one series.
func whole(group []history.Transaction) (Series, bool) {
	if s, ok := steady(group); ok {
		return s, true
	}
	return variable(group)
}

// steady tries charges of an amount that stays, but for changes of the price.
func steady(charges []history.Transaction) (Series, bool) {
	for _, c := range cadences {
		kept := c.withoutCopies(charges)
		if len(kept) < c.least {
			continue
		}
		same := 0
		for i := 1; i < len(kept); i++ {
			if near(kept[i-1].Amount, kept[i].Amount, 0.03) {
				same++
			}
		}
		pairs := len(kept) - 1
		enough := 0.5
		switch {
		case c.days > 0:
			enough = 0.75 // shopping each Saturday is a habit, no charge
		case len(kept) == 2:
			enough = 0
			if !near(kept[0].Amount, kept[1].Amount, 0.25) {
				continue
			}
		}
		if float64(same) < enough*float64(pairs) {
			continue
		}
		if s, ok := c.fit(kept, c.slack, 0.8); ok {
			return s, true
		}
	}
	return Series{}, false
}

// variable tries charges whose amount differs each time. Then the days alone
// must tell, so they must be kept more strictly.
func variable(charges []history.Transaction) (Series, bool) {
	for _, c := range cadences {
		if c.days > 0 || c.months == 12 {
			continue // shopping is weekly too, and two amounts a year apart say nothing
		}
		kept := c.withoutCopies(charges)
		if len(kept) < c.least+1 {
			continue
		}
		amounts := make([]decimal.Decimal, len(kept))
		for i, t := range kept {
			amounts[i] = t.Amount
		}
		spread := stats.SpreadOf(amounts)
		low, high := slices.MinFunc(amounts, decimal.Decimal.Cmp), slices.MaxFunc(amounts, decimal.Decimal.Cmp)
		if spread.MAD.GreaterThan(spread.Median.Mul(decimal.RequireFromString("0.6"))) || high.GreaterThan(low.Mul(decimal.NewFromInt(10))) {
			continue
		}
		if s, ok := c.fit(kept, min(c.slack, 3), 0.9); ok {
			s.Variable = true
			return s, true
		}
	}
	return Series{}, false
}

// withoutCopies leaves out charges that repeat the one before within a quarter of
// the period: they are duplicates, not the next ones.
func (c Cadence) withoutCopies(charges []history.Transaction) []history.Transaction {
	kept := make([]history.Transaction, 0, len(charges))
	for _, t := range charges {
		if n := len(kept); n > 0 && daysBetween(kept[n-1].At, t.At) < c.length()/4 && near(kept[n-1].Amount, t.Amount, 0.01) {
			continue
		}
		kept = append(kept, t)
	}
	return kept
}

func daysBetween(a, b time.Time) float64 {
	return history.Day(b).Sub(history.Day(a)).Hours() / 24
}

// fit tells whether charges keep the cadence: at least such a share of them comes
// within slack days of the day that the others lead one to expect. A charge in
// four may be missing.
func (c Cadence) fit(charges []history.Transaction, slack int, share float64) (Series, bool) {
	n := len(charges)
	index := make([]int, n)
	missing := 0
	for i := 1; i < n; i++ {
		periods := int(math.Round(daysBetween(charges[i-1].At, charges[i].At) / c.length()))
		if periods < 1 || periods > 3 {
			return Series{}, false
		}
		missing += periods - 1
		index[i] = index[i-1] + periods
	}
	if missing*4 > n {
		return Series{}, false
	}
	first := history.Day(charges[0].At)
	offsets := make([]float64, n)
	for i, t := range charges {
		offsets[i] = daysBetween(c.add(first, index[i]), t.At)
	}
	middle := stats.MedianOf(offsets)
	on := 0
	for _, offset := range offsets {
		if math.Abs(offset-middle) <= float64(slack) {
			on++
		}
	}
	if float64(on) < share*float64(n) || n <= 4 && on < n {
		return Series{}, false
	}
	return Series{
		Type: charges[0].Type, Cadence: c, Charges: charges,
		anchor: first.AddDate(0, 0, int(math.Round(middle))), periods: index[n-1],
	}, true
}

// goOn takes up a charge of another amount on the day on which the series, told
// by its amount, was to go on: its price has changed.
func (s *Series) goOn(group []history.Transaction, used []bool) {
	for range MaxGroup {
		expected := s.Cadence.add(s.anchor, s.periods+1)
		best := -1
		for i, t := range group {
			if used[i] || math.Abs(daysBetween(expected, t.At)) > float64(s.Cadence.slack) || !near(s.Last().Amount, t.Amount, 0.6) {
				continue
			}
			if best < 0 || t.Amount.Sub(s.Last().Amount).Abs().LessThan(group[best].Amount.Sub(s.Last().Amount).Abs()) {
				best = i
			}
		}
		if best < 0 {
			return
		}
		used[best] = true
		s.Charges = append(s.Charges, group[best])
		s.periods++
	}
}

// finish works out what follows from the charges.
func (s *Series) finish(key string, now time.Time) {
	last := s.Last()
	s.Key = key
	s.Merchant = merchant.Of(last)
	s.Name = merchant.Show(cmp.Or(s.Merchant, last.Category))
	s.Amount = last.Amount
	if s.Variable {
		var latest []decimal.Decimal
		for _, t := range s.Charges[max(0, len(s.Charges)-3):] {
			latest = append(latest, t.Amount)
		}
		s.Amount = stats.Median(latest).Round(2)
	}
	s.Next = s.Cadence.add(s.anchor, s.periods+1)
	s.Ended = daysBetween(s.Next, now) > float64(s.Cadence.slack)+s.Cadence.length()/10
	// Each charge beyond the least needed halves the doubt.
	s.Confidence = 1 - 0.4*math.Pow(0.5, float64(len(s.Charges)-s.Cadence.least))
	if s.Variable {
		s.Confidence *= 0.9
	}
	s.Confidence = stats.Round(s.Confidence)
}
