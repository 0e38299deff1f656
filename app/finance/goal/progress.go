package goal

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/money"
)

// Progress is how far a goal is, and whether the pace is enough.
type Progress struct {
	Percent   float64      `json:"percent" doc:"Of the target that is saved, one place"` // a share, not money
	Remaining money.Amount `json:"remaining"`
	// Pace is what was saved a month over the last three, or since the goal was made.
	Pace      money.Amount  `json:"pacePerMonth" doc:"What was put aside a month over the last three months, or since the goal was made"`
	Needed    *money.Amount `json:"neededPerMonth,omitempty" doc:"What must be put aside a month to be in time; with a deadline only"`
	OnTrack   *bool         `json:"onTrack,omitempty" doc:"Whether the pace is enough; with a deadline only"`
	Projected string        `json:"projectedDate,omitempty" doc:"When the target is reached at this pace (YYYY-MM-DD); without a pace, or when it takes more than 50 years, left out"`
}

// PaceWindow is how far back a pace looks.
const PaceWindow = 91 * 24 * time.Hour

var (
	hundred = decimal.NewFromInt(100)
	one     = decimal.NewFromInt(1)
	// monthDays is a month's mean length in days.
	monthDays = decimal.RequireFromString("30.4375")
	// farthest is as far ahead as a projection goes, in months.
	farthest = decimal.NewFromInt(50 * 12)
)

// Assess tells how far a goal is at now, for a person who lives in a time zone: a
// deadline is a day of their calendar, which counts to its end. contributed is what was put aside, less
// what was taken out, within PaceWindow.
//
// The pace is that sum by three months, or by the goal's age when it is younger,
// but by a month at least: a first contribution is not taken for a daily one. What
// is needed is the remainder by the months till the deadline, which counts to its
// end; with less than a month left it is the whole remainder.
func Assess(g Goal, contributed decimal.Decimal, now time.Time, zone *time.Location) Progress {
	remaining := decimal.Max(decimal.Zero, g.Target.Sub(g.Saved.Decimal))
	clock := calendar.Clock(now, zone)
	span := decimal.Min(decimal.NewFromInt(3), decimal.Max(one, calendar.MonthsBetween(calendar.Clock(g.CreatedAt, zone), clock)))
	pace := contributed.DivRound(span, 2)
	p := Progress{
		Percent:   g.Saved.Mul(hundred).DivRound(g.Target.Decimal, 1).InexactFloat64(),
		Remaining: money.Of(remaining), Pace: money.Of(pace),
	}
	reachedIn, reachable := decimal.Zero, remaining.IsZero()
	if !reachable && pace.IsPositive() {
		reachedIn = remaining.DivRound(pace, 6)
		reachable = reachedIn.LessThanOrEqual(farthest)
		if reachable {
			p.Projected = calendar.DayName(clock.AddDate(0, 0, int(reachedIn.Mul(monthDays).Ceil().IntPart())))
		}
	}
	if g.Deadline == "" {
		return p
	}
	day, err := time.Parse(time.DateOnly, g.Deadline)
	if err != nil {
		return p // not one that was let in
	}
	left := calendar.MonthsBetween(clock, day.AddDate(0, 0, 1))
	needed := money.Of(remaining.DivRound(decimal.Max(one, left), 2))
	onTrack := reachable && reachedIn.LessThanOrEqual(left) || remaining.IsZero()
	p.Needed, p.OnTrack = &needed, &onTrack
	return p
}
