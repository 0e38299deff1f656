package goal

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/money"
)

// Progress describes how much of a goal is saved and whether the current pace meets
// its deadline.
type Progress struct {
	Percent   float64      `json:"percent" doc:"Of the target that is saved, one place"` // a share, not money
	Remaining money.Amount `json:"remaining"`
	// Pace is the amount saved a month over the last three months, or since the goal was created.
	Pace      money.Amount  `json:"pacePerMonth" doc:"What was put aside a month over the last three months, or since the goal was made"`
	Needed    *money.Amount `json:"neededPerMonth,omitempty" doc:"What must be put aside a month to be in time; with a deadline only"`
	OnTrack   *bool         `json:"onTrack,omitempty" doc:"Whether the pace is enough; with a deadline only"`
	Projected string        `json:"projectedDate,omitempty" doc:"When the target is reached at this pace (YYYY-MM-DD); without a pace, or when it takes more than 50 years, left out"`
}

// PaceWindow is the period whose contributions determine the pace.
const PaceWindow = 91 * 24 * time.Hour

var (
	hundred = decimal.NewFromInt(100)
	one     = decimal.NewFromInt(1)
	// monthDays is a month's mean length in days.
	monthDays = decimal.RequireFromString("30.4375")
	// farthest is the longest projection, in months.
	farthest = decimal.NewFromInt(50 * 12)
)

// Assess returns the progress of a goal at the given instant, for a user in the given
// time zone. contributed is the sum of the contributions less the withdrawals within
// PaceWindow.
//
// The pace is contributed divided by three months, or by the goal's age if it is
// younger, but by at least one month, so that a first contribution is not extrapolated
// as if one were made every day. The needed amount is the remainder divided by the
// months until the end of the deadline's day in the user's calendar; with less than a
// month left it is the whole remainder. Both are rounded to the minor unit of the
// goal's currency.
func Assess(g Goal, contributed decimal.Decimal, now time.Time, zone *time.Location) Progress {
	remaining := decimal.Max(decimal.Zero, g.Target.Sub(g.Saved.Decimal))
	clock := calendar.Clock(now, zone)
	span := decimal.Min(decimal.NewFromInt(3), decimal.Max(one, calendar.MonthsBetween(calendar.Clock(g.CreatedAt, zone), clock)))
	digits := money.Digits(g.Currency)
	pace := contributed.DivRound(span, digits)
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
		return p // cannot happen: deadlines are validated on input
	}
	left := calendar.MonthsBetween(clock, day.AddDate(0, 0, 1))
	needed := money.Of(remaining.DivRound(decimal.Max(one, left), digits))
	onTrack := reachable && reachedIn.LessThanOrEqual(left) || remaining.IsZero()
	p.Needed, p.OnTrack = &needed, &onTrack
	return p
}
