package recurring

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/wealth-companion/companion/app/agent/stats"
	"github.com/wealth-companion/companion/app/core/history"
)

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
		kept, odd := withoutOdd(kept, c.least)
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
			s.odd = odd
			best = s
		}
	}
	return best, len(best.points) > 0
}

// oddTimes is how many times the amount before, or what part of it, a steady charge
// is not: no price rises or falls so far at once.
const oddTimes = 2.5

// withoutOdd takes off the latest point when its amount is far from those of the two
// before it, which may be the two halves of a salary, and charges enough are left
// without it. A new price is known by its second charge.
func withoutOdd(points []point, least int) (kept []point, odd *point) {
	n := len(points)
	if n <= least || n < 2 {
		return points, nil
	}
	last := points[n-1]
	for _, before := range points[max(0, n-3) : n-1] {
		if last.amount <= before.amount*oddTimes && before.amount <= last.amount*oddTimes {
			return points, nil
		}
	}
	return points[:n-1], &last
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
