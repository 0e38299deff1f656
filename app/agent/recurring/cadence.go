package recurring

import (
	"time"

	"github.com/wealth-companion/companion/app/core/history"
)

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
