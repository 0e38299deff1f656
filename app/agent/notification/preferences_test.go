package notification

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

func wants(change func(*event.PreferencesChanged)) preferences {
	p := preferences{event.PreferencesChanged{EmailConfirmed: true, Timezone: "Europe/Berlin", Digest: "off", Channels: []string{inApp, email, push}}}
	change(&p.PreferencesChanged)
	return p
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func TestQuietHours(t *testing.T) {
	for name, c := range map[string]struct{ zone, from, until, now, want string }{
		"none":                             {"Europe/Berlin", "", "", "2026-11-03T02:00:00Z", "2026-11-03T02:00:00Z"},
		"only a beginning":                 {"Europe/Berlin", "22:00", "", "2026-11-03T02:00:00Z", "2026-11-03T02:00:00Z"},
		"before midnight, they last on":    {"Europe/Berlin", "22:00", "07:00", "2026-11-03T22:30:00Z", "2026-11-04T06:00:00Z"},
		"after midnight, begun yesterday":  {"Europe/Berlin", "22:00", "07:00", "2026-11-04T02:00:00Z", "2026-11-04T06:00:00Z"},
		"their end is outside":             {"Europe/Berlin", "22:00", "07:00", "2026-11-04T06:00:00Z", "2026-11-04T06:00:00Z"},
		"by day":                           {"Europe/Berlin", "22:00", "07:00", "2026-11-04T12:00:00Z", "2026-11-04T12:00:00Z"},
		"a nap":                            {"UTC", "13:00", "14:00", "2026-11-04T13:20:00Z", "2026-11-04T14:00:00Z"},
		"across the end of summer time":    {"Europe/Berlin", "22:00", "07:00", "2026-10-24T21:00:00Z", "2026-10-25T06:00:00Z"},
		"an end that the clocks skip":      {"America/Santiago", "22:00", "00:30", "2026-09-06T03:00:00Z", "2026-09-06T04:00:00Z"},
		"an end that comes twice":          {"America/Havana", "22:00", "00:30", "2026-11-01T03:00:00Z", "2026-11-01T04:30:00Z"},
		"over the date line":               {"Pacific/Kiritimati", "22:00", "07:00", "2026-11-03T10:00:00Z", "2026-11-03T17:00:00Z"},
		"a zone that nobody knows is UTC":  {"Mars/Olympus", "22:00", "07:00", "2026-11-03T23:00:00Z", "2026-11-04T07:00:00Z"},
		"hours that are none keep no one":  {"UTC", "late", "early", "2026-11-03T23:00:00Z", "2026-11-03T23:00:00Z"},
		"the same hour twice is no time":   {"UTC", "08:00", "08:00", "2026-11-03T08:00:00Z", "2026-11-03T08:00:00Z"},
		"a day ahead of UTC, in its night": {"Pacific/Auckland", "22:00", "07:00", "2026-11-03T10:00:00Z", "2026-11-03T18:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			p := wants(func(p *event.PreferencesChanged) { p.Timezone, p.QuietFrom, p.QuietUntil = c.zone, c.from, c.until })
			require.Equal(t, at(c.want), p.awake(at(c.now)))
		})
	}
}

func TestNextDigest(t *testing.T) {
	for name, c := range map[string]struct{ digest, now, want string }{
		"this morning":         {"daily", "2026-11-03T05:00:00Z", "2026-11-03T07:00:00Z"},
		"tomorrow morning":     {"daily", "2026-11-03T07:00:00Z", "2026-11-04T07:00:00Z"},
		"the next Monday":      {"weekly", "2026-11-03T05:00:00Z", "2026-11-09T07:00:00Z"},
		"on a Monday, before":  {"weekly", "2026-11-09T06:59:00Z", "2026-11-09T07:00:00Z"},
		"on a Monday, after":   {"weekly", "2026-11-09T07:00:00Z", "2026-11-16T07:00:00Z"},
		"when the clocks move": {"daily", "2026-10-24T20:00:00Z", "2026-10-25T07:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			p := wants(func(p *event.PreferencesChanged) { p.Digest = c.digest })
			require.Equal(t, at(c.want), p.nextDigest(at(c.now)))
		})
	}
}

func TestPlan(t *testing.T) {
	now := at("2026-11-03T23:00:00Z") // midnight in Berlin
	all := map[string]Channel{email: nil, push: nil}
	for name, c := range map[string]struct {
		p      preferences
		offers map[string]Channel
		want   []planned
	}{
		"nothing known":             {preferences{}, all, []planned{{inApp, now}}},
		"nothing offered":           {wants(func(*event.PreferencesChanged) {}), nil, []planned{{inApp, now}}},
		"all at once":               {wants(func(*event.PreferencesChanged) {}), all, []planned{{inApp, now}, {email, now.Add(gather)}, {push, now}}},
		"in the application always": {wants(func(p *event.PreferencesChanged) { p.Channels = []string{push} }), all, []planned{{inApp, now}, {push, now}}},
		"not at night": {wants(func(p *event.PreferencesChanged) { p.QuietFrom, p.QuietUntil = "22:00", "07:30" }), all,
			[]planned{{inApp, now}, {email, at("2026-11-04T06:30:00Z")}, {push, at("2026-11-04T06:30:00Z")}}},
		"an address that is not confirmed gets nothing": {wants(func(p *event.PreferencesChanged) { p.EmailConfirmed = false }), all,
			[]planned{{inApp, now}, {push, now}}},
		"e-mail as a digest": {wants(func(p *event.PreferencesChanged) { p.Digest = "daily" }), all,
			[]planned{{inApp, now}, {email, at("2026-11-04T07:00:00Z")}, {push, now}}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.p.plan(now, c.offers)) })
	}
}
