package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/calendar"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return instant
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	found, err := calendar.Zone(name)
	require.NoError(t, err)
	return found
}

func TestAnInstantFallsOnTheDayOfItsZone(t *testing.T) {
	for name, c := range map[string]struct{ zone, at, day, month string }{
		"an evening in Los Angeles at a month's end is September there": {"America/Los_Angeles", "2026-10-01T03:00:00Z", "2026-09-30", "2026-09"},
		"the same instant is October in UTC":                            {"UTC", "2026-10-01T03:00:00Z", "2026-10-01", "2026-10"},
		"a morning in Auckland is the next day already":                 {"Pacific/Auckland", "2026-12-31T12:00:00Z", "2027-01-01", "2027-01"},
		"14 hours ahead on Kiritimati":                                  {"Pacific/Kiritimati", "2026-02-28T10:00:00Z", "2026-03-01", "2026-03"},
		"12 hours behind":                                               {"Etc/GMT+12", "2026-03-01T11:59:59Z", "2026-02-28", "2026-02"},
		"a quarter of an hour's offset in Nepal":                        {"Asia/Kathmandu", "2026-01-31T18:15:00Z", "2026-02-01", "2026-02"},
		"a leap day":                                                    {"America/New_York", "2028-03-01T04:59:59Z", "2028-02-29", "2028-02"},
		"the last second before a day in winter":                        {"Europe/Berlin", "2026-01-31T22:59:59Z", "2026-01-31", "2026-01"},
		"the first second of a day in summer":                           {"Europe/Berlin", "2026-07-31T22:00:00Z", "2026-08-01", "2026-08"},
		"the day after the one that Samoa skipped":                      {"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31", "2011-12"},
		"an offset given in the instant does not matter":                {"UTC", "2026-10-01T01:00:00+02:00", "2026-09-30", "2026-09"},
	} {
		t.Run(name, func(t *testing.T) {
			day := calendar.Day(at(t, c.at), zone(t, c.zone))
			require.Equal(t, c.day, calendar.DayName(day))
			require.Equal(t, c.month, calendar.MonthName(calendar.Month(day)))
		})
	}
}

func TestADayLastsAsLongAsItsClocksSay(t *testing.T) {
	for name, c := range map[string]struct {
		zone, day, start string
		hours            float64
	}{
		"an ordinary day":                            {"Europe/Berlin", "2026-11-03", "2026-11-02T23:00:00Z", 24},
		"clocks go forward in Berlin":                {"Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", 23},
		"clocks go back in Berlin":                   {"Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", 25},
		"clocks go forward in Los Angeles":           {"America/Los_Angeles", "2026-03-08", "2026-03-08T08:00:00Z", 23},
		"clocks go back in Los Angeles":              {"America/Los_Angeles", "2026-11-01", "2026-11-01T07:00:00Z", 25},
		"half an hour on Lord Howe":                  {"Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30:00Z", 23.5},
		"midnight is skipped in São Paulo":           {"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", 23},
		"midnight comes twice in Havana":             {"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", 25},
		"the day before which midnight comes twice":  {"America/Havana", "2026-10-31", "2026-10-31T04:00:00Z", 24},
		"clocks go back from midnight in São Paulo":  {"America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00Z", 25},
		"the day after, whose midnight comes once":   {"America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z", 24},
		"Samoa's last day east of the date line":     {"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", 24},
		"the day that Samoa skipped lasts no time":   {"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0},
		"Samoa's first day west of the date line":    {"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 24},
		"Kwajalein skipped a day too":                {"Pacific/Kwajalein", "1993-08-21", "1993-08-21T12:00:00Z", 0},
		"a day far in the future, by the last rules": {"Europe/Berlin", "2199-12-31", "2199-12-30T23:00:00Z", 24},
	} {
		t.Run(name, func(t *testing.T) {
			day, err := calendar.ParseDay(c.day)
			require.NoError(t, err)
			start := calendar.Start(day, zone(t, c.zone))
			require.Equal(t, c.start, start.Format(time.RFC3339))
			require.Equal(t, c.hours, calendar.Start(day.AddDate(0, 0, 1), zone(t, c.zone)).Sub(start).Hours())
		})
	}
}

// Every instant of two years lies in the day that its zone gives it.
func TestDaysCoverAllTime(t *testing.T) {
	for _, name := range []string{
		"UTC", "America/Los_Angeles", "America/Havana", "America/Santiago", "Africa/Cairo", "Asia/Beirut", "Asia/Kolkata",
		"Australia/Lord_Howe", "Pacific/Apia", "Pacific/Auckland", "Pacific/Kiritimati", "Antarctica/Troll", "Europe/Dublin",
	} {
		z := zone(t, name)
		for instant := at(t, "2025-01-01T00:07:13Z"); instant.Before(at(t, "2027-01-01T00:00:00Z")); instant = instant.Add(97 * time.Minute) {
			day := calendar.Day(instant, z)
			require.Falsef(t, instant.Before(calendar.Start(day, z)), "%s: %s is before its day", name, instant)
			require.Truef(t, instant.Before(calendar.Start(day.AddDate(0, 0, 1), z)), "%s: %s is after its day", name, instant)
		}
	}
}

func TestAMonthInWords(t *testing.T) {
	for month, want := range map[string]string{"2026-11": "November 2026", "2027-01": "January 2027", "2026-13": "2026-13", "": ""} {
		require.Equal(t, want, calendar.MonthInWords(month))
	}
}

func TestAMonthReachesFromItsFirstInstantToTheNext(t *testing.T) {
	start, end := calendar.MonthBounds(calendar.Date(2026, 9, 1), zone(t, "America/Los_Angeles"))
	require.Equal(t, "2026-09-01T07:00:00Z", start.Format(time.RFC3339))
	require.Equal(t, "2026-10-01T07:00:00Z", end.Format(time.RFC3339))
	start, end = calendar.MonthBounds(calendar.Date(2026, 10, 1), zone(t, "Europe/Berlin"))
	require.Equal(t, 31*24+1.0, end.Sub(start).Hours(), "clocks go back in October")
}

func TestAClockStaysOnTheDayOnWhichSomethingCounts(t *testing.T) {
	for name, c := range map[string]struct{ zone, at, day, clock string }{
		"as it was entered":                            {"America/Los_Angeles", "2026-10-01T03:00:00Z", "2026-09-30", "2026-09-30T20:00:00Z"},
		"moved east since: the day's last moment":      {"Europe/Berlin", "2026-10-01T03:00:00Z", "2026-09-30", "2026-09-30T23:59:59.999999Z"},
		"moved west since: the day's first moment":     {"America/Los_Angeles", "2026-10-01T03:00:00Z", "2026-10-01", "2026-10-01T00:00:00Z"},
		"in the hour that comes twice":                 {"Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25", "2026-10-25T02:30:00Z"},
		"a statement's date, whatever the zone is now": {"Pacific/Auckland", "2026-10-01T00:00:00Z", "2026-10-01", "2026-10-01T13:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			day, err := calendar.ParseDay(c.day)
			require.NoError(t, err)
			require.Equal(t, c.clock, calendar.ClockOn(at(t, c.at), day, zone(t, c.zone)).Format(time.RFC3339Nano))
		})
	}
}

func TestAnInstantIsWhenAClockFirstShowsIt(t *testing.T) {
	for name, c := range map[string]struct{ zone, clock, at string }{
		"an ordinary time":                {"Europe/Berlin", "2026-11-03T09:00:00Z", "2026-11-03T08:00:00Z"},
		"a time that is skipped":          {"Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:00:00Z"},
		"a time that comes twice":         {"Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"},
		"a time of a day that is skipped": {"Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-30T10:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.at, calendar.Instant(at(t, c.clock), zone(t, c.zone)).Format(time.RFC3339))
		})
	}
}

func TestAZoneIsOneOfIANAs(t *testing.T) {
	for _, name := range []string{"", "Local", "Mars/Olympus", "../etc/passwd", "EST5EDT4"} {
		_, err := calendar.Zone(name)
		require.ErrorIs(t, err, calendar.ErrZone, name)
		require.Equal(t, time.UTC, calendar.ZoneOrUTC(name))
	}
	require.Equal(t, "Asia/Tokyo", calendar.ZoneOrUTC("Asia/Tokyo").String())
}
