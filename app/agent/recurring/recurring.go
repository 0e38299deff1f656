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

// Cadence is how often something is charged.
type Cadence struct {
	// Name is weekly, fortnightly, twice a month, monthly, four-weekly, two-monthly,
	// quarterly, half-yearly or yearly.
	Name   string
	days   int // its length, for those counted in days
	months int // or in months
	// twice: on two days of each month, as on the 1st and the 15th.
	twice bool
	// slack is how many days a charge may come early or late: weekends, bank
	// holidays and short months move them.
	slack int
	// least is how many charges make it believable.
	least int
}

const twiceAMonth = "twice a month"

var cadences = []Cadence{
	{Name: "weekly", days: 7, slack: 1, least: 5},
	{Name: "fortnightly", days: 14, slack: 2, least: 4},
	{Name: twiceAMonth, months: 1, twice: true, slack: 4, least: 4},
	{Name: "monthly", months: 1, slack: 4, least: 3},
	{Name: "four-weekly", days: 28, slack: 2, least: 4},
	{Name: "two-monthly", months: 2, slack: 5, least: 3},
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
	case twiceAMonth:
		return "twice a month"
	case "monthly":
		return "every month"
	case "four-weekly":
		return "every four weeks"
	case "two-monthly":
		return "every two months"
	case "quarterly":
		return "every three months"
	case "half-yearly":
		return "every six months"
	}
	return "every year"
}

// length is about how many days lie between two charges.
func (c Cadence) length() float64 {
	if c.twice {
		return 30.437 / 2
	}
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
	if c.twice {
		return 24
	}
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
	// Amount is what to expect next time: the last one, or where they vary with the
	// seasons, that of a year before, as far as this year differs from it.
	Amount  decimal.Decimal
	Charges []history.Transaction // in order of time
	Next    time.Time             // the day of the next one
	// Ended: the next one is long overdue.
	Ended      bool
	Confidence float64

	points  []point   // of Charges
	anchor  time.Time // an ideal day, from which the others are counted
	second  time.Time // that of the other half of the month, after it, of what comes twice a month
	periods int       // from the anchor to the last charge
	strays  float64   // how many days charges lie off their ideal day, on average
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

// point is what of a transaction tells whether it recurs: the number of its day,
// its amount, and where it stands in its group.
type point struct {
	day    int
	amount float64 // for comparisons, not for sums
	at     int
}

func pointsOf(all []history.Transaction) []point {
	points := make([]point, len(all))
	for i, t := range all {
		points[i] = point{int(t.At.Unix() / 86400), stats.Float(t.Amount), i}
	}
	return points
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
// are refunds: what comes back is neither a charge nor an income to count on.
func Find(h []history.Transaction, now time.Time) []Series {
	groups := map[group][]history.Transaction{}
	for _, t := range history.Between(h, now.Add(-Window), now.Add(1)) {
		if t.Refund {
			continue
		}
		g := groupOf(t)
		groups[g] = append(groups[g], t)
	}
	var found []Series
	for _, transactions := range groups {
		found = append(found, InGroup(transactions, now)...)
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
// sorted by time. Two subscriptions of one company, or a subscription among
// purchases at the same shop, are told apart by their amounts.
func InGroup(all []history.Transaction, now time.Time) []Series {
	if len(all) > MaxGroup {
		all = all[len(all)-MaxGroup:]
	}
	if len(all) < 2 {
		return nil
	}
	key := groupOf(all[0]).key()
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
		found[i].goOn(points, used)
		found[i].finish(key+"|"+first.StringFixed(2), all, now)
	}
	return found
}

// clusters are the points of about one amount, each within 1% of the next, each in order of time.
func clusters(points []point) [][]point {
	order := slices.Clone(points)
	slices.SortStableFunc(order, func(a, b point) int { return cmp.Compare(a.amount, b.amount) })
	var found [][]point
	start := 0
	for i := 1; i <= len(order); i++ {
		if i < len(order) && near(order[i-1].amount, order[i].amount, 0.01) {
			continue
		}
		cluster := order[start:i]
		slices.SortFunc(cluster, func(a, b point) int { return cmp.Compare(a.at, b.at) })
		found = append(found, cluster)
		start = i
	}
	return found
}

// near tells whether two amounts differ by at most such a share of the smaller.
func near(a, b, share float64) bool { return math.Abs(a-b) <= share*min(a, b)+1e-9 }

// whole tries all of a group as one series.
func whole(points []point, income bool) (Series, bool) {
	if s, ok := steady(points, income); ok {
		return s, true
	}
	return variable(points, income)
}

// canBe tells whether so many charges over such a time can be of the cadence; it
// spares the work on what is bought every other day.
func (c Cadence) canBe(points []point) bool {
	span := float64(points[len(points)-1].day - points[0].day)
	return len(points) >= c.least && span >= float64(c.least-1)*c.length()*0.8 && float64(len(points)) <= 1.5*(span/c.length()+1)+2
}

// steady tries charges of an amount that stays, but for changes of the price. Of the
// cadences that fit it takes the one whose days they keep best.
func steady(points []point, income bool) (Series, bool) {
	var best Series
	for _, c := range cadences {
		if !c.canBe(points) {
			continue
		}
		kept := c.withoutCopies(points)
		if len(kept) < c.least {
			continue
		}
		same := 0
		for i := 1; i < len(kept); i++ {
			if near(kept[i-1].amount, kept[i].amount, 0.03) {
				same++
			}
		}
		enough := 0.5
		switch {
		case c.twice:
			if enough = 0.75; income {
				same = max(same, alternating(kept))
			}
		case c.days == 28:
		case c.days > 0:
			enough = 0.75 // shopping each Saturday is a habit, no charge
		case len(kept) == 2:
			enough = 0
			if !near(kept[0].amount, kept[1].amount, 0.25) {
				continue
			}
		}
		if float64(same) < enough*float64(len(kept)-1) {
			continue
		}
		slack := c.slack
		if c.twice && !income {
			slack = 2 // within two weeks, what is bought now and then is near to any day
		}
		if s, ok := c.fit(kept, slack, 0.8); ok && s.better(best) {
			best = s
		}
	}
	return best, len(best.points) > 0
}

// better tells whether charges keep the days of s better than those of best. By less
// than half a day they do not: then the one that was tried first stays.
func (s Series) better(best Series) bool {
	return len(best.points) == 0 || s.strays < best.strays-0.5
}

// alternating is how many charges are of the amount of the one before the last: a
// salary in two parts may have one for each.
func alternating(points []point) int {
	same := 1
	for i := 2; i < len(points); i++ {
		if near(points[i-2].amount, points[i].amount, 0.03) {
			same++
		}
	}
	return same
}

// variable tries charges whose amount differs each time. Then the days alone
// must tell, so they must be kept more strictly.
func variable(points []point, income bool) (Series, bool) {
	var best Series
	for _, c := range cadences {
		// Shopping is weekly too, but wages are not bought; and two amounts a year apart
		// say nothing.
		if !income && (c.days > 0 || c.twice) || c.months == 12 || !c.canBe(points) {
			continue
		}
		kept := c.withoutCopies(points)
		if len(kept) < c.least+1 {
			continue
		}
		amounts := make([]float64, len(kept))
		for i, p := range kept {
			amounts[i] = p.amount
		}
		middle, low, high := stats.MedianOf(amounts), slices.Min(amounts), slices.Max(amounts)
		for i := range amounts {
			amounts[i] = math.Abs(amounts[i] - middle)
		}
		if stats.MedianOf(amounts) > 0.6*middle || high > 10*low {
			continue
		}
		if s, ok := c.fit(kept, min(c.slack, 3), 0.9); ok && s.better(best) {
			s.Variable = true
			best = s
		}
	}
	return best, len(best.points) > 0
}

// withoutCopies leaves out charges that repeat the one before within a quarter of
// the period: they are duplicates, not the next ones.
func (c Cadence) withoutCopies(points []point) []point {
	kept := make([]point, 0, len(points))
	for _, p := range points {
		if n := len(kept); n > 0 && float64(p.day-kept[n-1].day) < c.length()/4 && near(kept[n-1].amount, p.amount, 0.01) {
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

func daysBetween(a, b time.Time) float64 {
	return history.Day(b).Sub(history.Day(a)).Hours() / 24
}

func dayAt(number int) time.Time { return time.Unix(int64(number)*86400, 0).UTC() }

// fit tells whether charges keep the cadence: at least such a share of them comes
// within slack days of the day that the others lead one to expect. A charge in
// four may be missing.
func (c Cadence) fit(points []point, slack int, share float64) (Series, bool) {
	n := len(points)
	index := make([]int, n)
	missing := 0
	for i := 1; i < n; i++ {
		periods := int(math.Round(float64(points[i].day-points[i-1].day) / c.length()))
		if periods < 1 || periods > 3 {
			return Series{}, false
		}
		missing += periods - 1
		index[i] = index[i-1] + periods
	}
	if missing*4 > n {
		return Series{}, false
	}
	s := Series{Cadence: c, points: points, periods: index[n-1]}
	on := 0
	if c.twice {
		halves, days := [2][]point{}, [2][]int{}
		for i, p := range points {
			half := index[i] % 2
			halves[half], days[half] = append(halves[half], p), append(days[half], index[i]/2)
		}
		if len(halves[0]) < 2 || len(halves[1]) < 2 {
			return Series{}, false
		}
		for half, of := range []*time.Time{&s.anchor, &s.second} {
			anchor, kept, strays := c.settle(halves[half], days[half], slack)
			*of, on, s.strays = anchor, on+kept, s.strays+strays/float64(n)
		}
	} else {
		s.anchor, on, s.strays = c.settle(points, index, slack)
		s.strays /= float64(n)
	}
	if float64(on) < share*float64(n) || n <= 4 && on < n {
		return Series{}, false
	}
	return s, true
}

// settle returns the ideal day of period 0, how many charges lie within slack days of
// theirs, and how many days all of them lie off it together. index are the periods of
// the charges.
func (c Cadence) settle(points []point, index []int, slack int) (anchor time.Time, on int, strays float64) {
	first := c.add(dayAt(points[0].day), -index[0])
	offsets := make([]float64, len(points))
	for i, p := range points {
		offsets[i] = daysBetween(c.add(first, index[i]), dayAt(p.day))
	}
	middle := stats.MedianOf(offsets)
	for _, offset := range offsets {
		off := math.Abs(offset - middle)
		strays += off
		if off <= float64(slack) {
			on++
		}
	}
	return first.AddDate(0, 0, int(math.Round(middle))), on, strays
}

// goOn takes up a charge of another amount on the day on which the series, told
// by its amount, was to go on: its price has changed.
func (s *Series) goOn(points []point, used []bool) {
	for range MaxGroup {
		expected := s.ideal(s.periods + 1)
		last := s.points[len(s.points)-1].amount
		best := -1
		for i, p := range points {
			if used[i] || !near(last, p.amount, 0.6) || math.Abs(daysBetween(expected, dayAt(p.day))) > float64(s.Cadence.slack) {
				continue
			}
			if best < 0 || math.Abs(p.amount-last) < math.Abs(points[best].amount-last) {
				best = i
			}
		}
		if best < 0 {
			return
		}
		used[best] = true
		s.points = append(s.points[:len(s.points):len(s.points)], points[best])
		s.periods++
	}
}

// finish works out what follows from the charges.
func (s *Series) finish(key string, all []history.Transaction, now time.Time) {
	s.Charges = make([]history.Transaction, len(s.points))
	for i, p := range s.points {
		s.Charges[i] = all[p.at]
	}
	last := s.Last()
	s.Key, s.Type = key, last.Type
	s.Merchant = merchant.Of(last)
	s.Name = merchant.Show(cmp.Or(s.Merchant, last.Category))
	s.Amount = last.Amount
	s.Next = s.ideal(s.periods + 1)
	if n := len(s.Charges); s.Cadence.twice && n > 1 && near(stats.Float(s.Charges[n-2].Amount), stats.Float(last.Amount), 0.6) {
		s.Amount = s.Charges[n-2].Amount // of the same half of the month
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
