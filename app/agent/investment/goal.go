package investment

import (
	"fmt"
	"math"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/stats"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/money"
)

const (
	// goalDays and goalShare are how long a goal must have been saved for before
	// its pace tells something, of its time at least that share.
	goalDays  = 75
	goalShare = 0.15
	// onTrack is the share of the target at the deadline that is near enough; less
	// is while few months tell: what is put by strays about a fifth each month.
	onTrack, goalStray = 0.9, 0.2
)

var (
	aMonthsDays = decimal.RequireFromString("30.4375")
)

// Pace is how saving for a goal goes.
type Pace struct {
	Expected decimal.Decimal // saved by the deadline at the pace till now, with what is on its way
	Reach    decimal.Decimal // the same without that: at Monthly
	Monthly  decimal.Decimal // saved a month till now
	Needed   decimal.Decimal // to be saved a month from now on
	Elapsed  float64         // the share of the time that is over
	// LastMonth: a month or less is left, so that Needed is all that is missing.
	LastMonth bool
}

// GoalPace reckons the pace of a goal: what was saved since it was made, carried on
// to the end of the day that is its deadline. What is needed is the remainder by the
// months till then, all of it in the last month, as the API says it. People save in lumps, once a month, so up to half a month of the
// needed pace is taken to be on its way. ok is false for a goal without a deadline,
// one that is too young (75 days, 15% of its time) and one that is over.
func GoalPace(g history.Goal, now time.Time) (Pace, bool) {
	end := g.Deadline.AddDate(0, 0, 1)
	if g.Deadline.IsZero() || !now.Before(end) || !g.Target.IsPositive() {
		return Pace{}, false
	}
	days := now.Sub(g.CreatedAt).Hours() / 24
	all := end.Sub(g.CreatedAt).Hours() / 24
	p := Pace{}
	if days < goalDays || days < goalShare*all {
		return p, false
	}
	p.Elapsed = days / all
	span, left := decimal.NewFromFloat(days), decimal.Max(decimal.NewFromInt(1), calendar.MonthsBetween(now, end))
	coming := g.Target.Mul(aMonthsDays).Div(decimal.NewFromFloat(all)).Div(decimal.NewFromInt(2))
	p.Monthly = g.Saved.Mul(aMonthsDays).DivRound(span, 2)
	p.Expected = g.Saved.Add(coming).Mul(decimal.NewFromFloat(all)).DivRound(span, 2)
	p.Reach = g.Saved.Mul(decimal.NewFromFloat(all)).DivRound(span, 2)
	p.LastMonth = !now.AddDate(0, 1, 0).Before(end)
	p.Needed = decimal.Max(decimal.Zero, g.Target.Sub(g.Saved)).DivRound(left, 2)
	return p, true
}

// GoalPaces tells of goals that will be missed by more than a tenth at the pace
// till now, and by more while few months tell. Once for each goal and quarter.
func GoalPaces(goals []history.Goal, now time.Time) []finding.Finding {
	var found []finding.Finding
	for _, g := range goals {
		p, ok := GoalPace(g, now)
		if !ok {
			continue
		}
		share := p.Expected.Div(g.Target).InexactFloat64()
		months := now.Sub(g.CreatedAt).Hours() / 24 / 30.4375
		if share >= onTrack-goalStray/math.Sqrt(months) {
			continue
		}
		name := finding.Name(g.Name)
		found = append(found, finding.Finding{
			Subject: g.ID, Kind: KindGoalPace, Detail: fmt.Sprintf("%dQ%d", now.UTC().Year(), (int(now.UTC().Month())+2)/3),
			InsightType: event.SavingsTip,
			Title:       fmt.Sprintf("%s is behind its pace", name),
			Message:     saysPace(g, p),
			Dismiss:     "Saving at the pace it needs, a later deadline or a smaller target.",
			Confidence:  stats.Round(min(0.95, 0.5+onTrack-share+0.4*p.Elapsed)),
			Facts: map[string]string{
				"saved": money.Decimals(g.Saved, g.Currency), "target": money.Decimals(g.Target, g.Currency), "currency": g.Currency, "monthly": money.Rounded(p.Monthly, g.Currency),
				"needed": money.Rounded(p.Needed, g.Currency), "expected": finding.About(p.Reach, g.Currency), "deadline": g.Deadline.Format(time.DateOnly),
			},
			Related: map[string]string{"goalId": g.ID.String()},
		})
	}
	return found
}

// saysPace says how saving for a goal goes, and what it needs.
func saysPace(g history.Goal, p Pace) string {
	deadline, target := g.Deadline.Format(time.DateOnly), money.FormatIn(g.Target, g.Currency)
	needs := fmt.Sprintf("from now on it needs %s a month", finding.Sum(p.Needed, g.Currency))
	if p.LastMonth {
		needs = fmt.Sprintf("it needs %s more until then", finding.Sum(p.Needed, g.Currency))
	}
	saved := fmt.Sprintf("%s of %s are saved", money.FormatIn(g.Saved, g.Currency), target)
	switch {
	case !g.Saved.IsPositive():
		return fmt.Sprintf("Nothing of %s is saved yet, and the deadline is %s; %s.", target, deadline, needs)
	case !money.Round(p.Monthly, g.Currency).IsPositive():
		return fmt.Sprintf("%s, and the deadline is %s; %s.", saved, deadline, needs)
	}
	return fmt.Sprintf("%s. At %s a month it would come to about %s %s by %s; %s.", saved, finding.Sum(p.Monthly, g.Currency), finding.About(p.Reach, g.Currency), g.Currency, deadline, needs)
}
