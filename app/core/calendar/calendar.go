// Package calendar is a person's calendar: which day and month an instant falls
// on where the person lives.
//
// A day is written as the midnight UTC of its date, the way PostgreSQL's date is
// read; a month as its first day. Neither is an instant: Start says when one
// begins in a time zone. A clock is a wall clock's reading, its date and time of
// day written as if the person lived in UTC. Days, months and clocks are compared
// and added to with package time's functions, which never meet a change of clocks.
package calendar

import (
	"errors"
	"sync"
	"time"
	_ "time/tzdata" // images hold no time zones

	"github.com/shopspring/decimal"
)

// Layouts of a day and of a month as people, the API and events write them.
const (
	DayLayout   = time.DateOnly
	MonthLayout = "2006-01"
)

// ErrZone says that a name is no IANA time zone.
var ErrZone = errors.New("is none of the IANA time zones, such as Europe/Berlin")

// zones are those that were loaded: reading one takes far longer than using it.
// Only names that exist are kept, so there are a few hundred at most.
var zones sync.Map

// Zone returns the IANA time zone of a name; ErrZone when there is none. The
// empty name and Local, which mean the machine's own zone, are none.
func Zone(name string) (*time.Location, error) {
	if known, ok := zones.Load(name); ok {
		return known.(*time.Location), nil
	}
	if name == "" || name == "Local" {
		return nil, ErrZone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, ErrZone
	}
	zones.Store(name, zone)
	return zone, nil
}

// ZoneOrUTC is Zone, and UTC where there is none of that name: for names that
// were checked when they were taken in, maybe by a newer list of zones.
func ZoneOrUTC(name string) *time.Location {
	zone, err := Zone(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Date is the day of that number in a month; numbers beyond a month's or year's
// end go on in the next, as with time.Date.
func Date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// Day is the day on which an instant falls in a zone.
func Day(at time.Time, zone *time.Location) time.Time { return Date(at.In(zone).Date()) }

// Month is the month of a day or of a clock.
func Month(day time.Time) time.Time {
	year, month, _ := day.Date()
	return Date(year, month, 1)
}

// MonthName writes the month of a day or of a clock: 2026-11.
func MonthName(day time.Time) string { return day.Format(MonthLayout) }

// DayName writes a day: 2026-11-03.
func DayName(day time.Time) string { return day.Format(DayLayout) }

// ParseDay reads a day such as 2026-11-03.
func ParseDay(text string) (time.Time, error) { return time.Parse(DayLayout, text) }

// MonthInWords writes a month such as 2026-11 as people do, November 2026; what is no
// month it returns as it is.
func MonthInWords(month string) string {
	at, err := ParseMonth(month)
	if err != nil {
		return month
	}
	return at.Format("January 2006")
}

// ParseMonth reads a month such as 2026-11.
func ParseMonth(text string) (time.Time, error) { return time.Parse(MonthLayout, text) }

// Clock is what a clock in the zone shows at an instant.
func Clock(at time.Time, zone *time.Location) time.Time {
	local := at.In(zone)
	year, month, day := local.Date()
	return time.Date(year, month, day, local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)
}

// ClockOn is Clock for what counts on a day that was fixed earlier, maybe in
// another zone: the clock's reading where that is on the day, else the moment of
// the day that is nearest to it.
func ClockOn(at, day time.Time, zone *time.Location) time.Time {
	clock := Clock(at, zone)
	end := day.AddDate(0, 0, 1)
	switch {
	case clock.Before(day):
		return day
	case !clock.Before(end):
		return end.Add(-time.Microsecond)
	}
	return clock
}

// meanMonth is a month's mean length in days.
var meanMonth = decimal.RequireFromString("30.4375")

// MonthsBetween is how many months of mean length lie between two clocks, a part of
// one included, to six places.
func MonthsBetween(from, until time.Time) decimal.Decimal {
	days := decimal.NewFromInt(int64(until.Sub(from)/time.Second)).DivRound(decimal.NewFromInt(24*60*60), 6)
	return days.DivRound(meanMonth, 6)
}

// Instant is when a clock in the zone first shows that reading, or a later one
// where it is skipped.
func Instant(clock time.Time, zone *time.Location) time.Time {
	var first time.Time
	for _, at := range candidates(clock, zone) {
		reaches := !Clock(at, zone).Before(clock) && Clock(at.Add(-1), zone).Before(clock)
		if reaches && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first.UTC()
}

// candidates are the instants at which a clock may reach a reading: at each of
// the offsets that the zone has around it, and when the offset changes.
func candidates(clock time.Time, zone *time.Location) []time.Time {
	const around = 36 * time.Hour // more than any two offsets differ by
	var found []time.Time
	for probe := clock.Add(-around); ; {
		local := probe.In(zone)
		_, offset := local.Zone()
		found = append(found, clock.Add(-time.Duration(offset)*time.Second))
		_, end := local.ZoneBounds()
		if end.IsZero() || end.After(clock.Add(around)) {
			return found
		}
		found = append(found, end)
		probe = end
	}
}

// Start is the first instant of a day in a zone: later than midnight where the
// clocks skip it, and that of the next day where they skip the whole day. A day
// lasts until the next one's start: 23, 24 or 25 hours mostly.
func Start(day time.Time, zone *time.Location) time.Time { return Instant(day, zone) }

// MonthBounds are the first instant of a month in a zone and that of the next.
func MonthBounds(month time.Time, zone *time.Location) (start, end time.Time) {
	return Start(month, zone), Start(month.AddDate(0, 1, 0), zone)
}
