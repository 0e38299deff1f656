package goal

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/money"
)

// A deadline ends when its day ends where the person lives.
func TestADeadlineIsADayOfThePersonsCalendar(t *testing.T) {
	d := decimal.RequireFromString
	g := Goal{Target: money.Of(d("1200")), Saved: money.Of(d("600")), Deadline: "2026-11-30"}
	for name, c := range map[string]struct{ zone, now, needed, projected string }{
		"more than a month before":           {"America/Los_Angeles", "2026-10-31T13:30:00Z", "594.31", "2027-05-02"},
		"November has begun in Kiritimati":   {"Pacific/Kiritimati", "2026-10-31T13:30:00Z", "600.00", "2027-05-03"},
		"the evening before in Pago Pago":    {"Pacific/Pago_Pago", "2026-11-01T10:30:00Z", "600.00", "2027-05-02"},
		"two months, of which one is longer": {"America/Santiago", "2026-09-30T00:00:00Z", "293.96", "2027-03-31"},
	} {
		t.Run(name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, c.now)
			require.NoError(t, err)
			g.CreatedAt = now.AddDate(-1, 0, 0)
			p := Assess(g, d("300"), now, calendar.ZoneOrUTC(c.zone))
			require.Equal(t, c.needed, p.Needed.String())
			require.Equal(t, c.projected, p.Projected)
		})
	}
}

func TestAssess(t *testing.T) {
	now := time.Date(2026, time.November, 15, 12, 0, 0, 0, time.UTC)
	yes, no := true, false
	for name, c := range map[string]struct {
		target, saved, contributed string
		age                        int // days
		deadline                   string
		percent                    float64
		remaining, pace, needed    string // needed "": without a deadline
		onTrack                    *bool
		projected                  string
	}{
		"nothing is saved, and nothing says when":     {"1200", "0", "0", 300, "", 0, "1200.00", "0.00", "", nil, ""},
		"a pace without a deadline has a date":        {"1200", "600", "300", 300, "", 50, "600.00", "100.00", "", nil, "2027-05-17"},
		"a pace that is enough":                       {"1200", "600", "300", 300, "2027-06-30", 50, "600.00", "100.00", "80.27", &yes, "2027-05-17"},
		"a pace that is not enough":                   {"1200", "600", "300", 300, "2027-03-31", 50, "600.00", "100.00", "133.79", &no, "2027-05-17"},
		"a young goal's pace is that of a month":      {"1200", "100", "100", 2, "2027-11-14", 8.3, "1100.00", "100.00", "91.86", &yes, "2027-10-16"},
		"a goal of two months is judged by two":       {"1200", "200", "200", 61, "", 16.7, "1000.00", "99.80", "", nil, "2027-09-16"},
		"more was taken out than put aside":           {"1200", "100", "-300", 300, "2027-03-31", 8.3, "1100.00", "-100.00", "245.28", &no, ""},
		"it is reached":                               {"1200", "1300", "0", 300, "2027-03-31", 108.3, "0.00", "0.00", "0.00", &yes, ""},
		"the deadline is over":                        {"1200", "600", "300", 300, "2026-11-01", 50, "600.00", "100.00", "600.00", &no, "2027-05-17"},
		"a week before the deadline all of it is due": {"1200", "1190", "300", 300, "2026-11-21", 99.2, "10.00", "100.00", "10.00", &yes, "2026-11-19"},
		"a pace that takes a lifetime has no date":    {"1000000", "1", "1", 300, "", 0, "999999.00", "0.33", "", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := decimal.RequireFromString
			p := Assess(Goal{
				Target: money.Of(d(c.target)), Saved: money.Of(d(c.saved)), Deadline: c.deadline, CreatedAt: now.AddDate(0, 0, -c.age),
			}, d(c.contributed), now, time.UTC)
			require.InDelta(t, c.percent, p.Percent, 0.001)
			require.Equal(t, c.remaining, p.Remaining.String())
			require.Equal(t, c.pace, p.Pace.String())
			require.Equal(t, c.projected, p.Projected)
			require.Equal(t, c.onTrack, p.OnTrack)
			if c.needed == "" {
				require.Nil(t, p.Needed)
				return
			}
			require.Equal(t, c.needed, p.Needed.String())
		})
	}
}

// Amounts to put aside are rounded to what the currency has: no one can pay 0.33 yen.
func TestProgressIsInTheCurrencysMinorUnit(t *testing.T) {
	d := decimal.RequireFromString
	now := time.Date(2026, time.November, 15, 12, 0, 0, 0, time.UTC)
	for currency, want := range map[string]struct{ pace, needed string }{
		"JPY": {"33.00", "743.00"}, "EUR": {"33.33", "743.34"}, "KWD": {"33.3330", "743.3440"},
	} {
		t.Run(currency, func(t *testing.T) {
			p := Assess(Goal{
				Target: money.Of(d("10000")), Saved: money.Of(d("4444")), Currency: currency, Deadline: "2027-06-30", CreatedAt: now.AddDate(-1, 0, 0),
			}, d("100"), now, time.UTC)
			require.Equal(t, want.pace, p.Pace.String())
			require.Equal(t, want.needed, p.Needed.String())
		})
	}
}
