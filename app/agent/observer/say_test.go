package observer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRestraint(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		feedback   []string
		confidence float64
		since      time.Duration
		held       bool // back
	}{
		"nothing was dismissed":                        {nil, 0.1, 0, false},
		"two dismissals are no habit":                  {[]string{"none", "none"}, 0.5, 0, false},
		"three are, for a week":                        {[]string{"none", "none", "none"}, 1, 7*day - time.Second, true},
		"and for a week only":                          {[]string{"none", "none", "none"}, 1, 7 * day, false},
		"what is less sure stays away":                 {[]string{"none", "none", "none"}, 0.59, 90 * day, true},
		"two that call it wrong are enough":            {[]string{"wrong", "not_useful"}, 1, 6 * day, true},
		"one that calls it useful makes up for two":    {[]string{"none", "none", "none", "useful"}, 0.1, 0, false},
		"useful ones save up for later":                {[]string{"useful", "wrong", "wrong"}, 0.1, 0, false},
		"twice as many are silent for twice as long":   {[]string{"wrong", "wrong", "wrong"}, 1, 14*day - time.Second, true},
		"and speak after two weeks":                    {[]string{"wrong", "wrong", "wrong"}, 0.7, 14 * day, false},
		"sixteen weeks are the most":                   {make([]string, 100), 0.95, 112 * day, false},
		"and no less, after so many":                   {make([]string, 100), 1, 112*day - time.Second, true},
		"the surest is heard however many there are":   {make([]string, 100), 0.95, 365 * day, false},
		"but not the less sure, after so many of them": {make([]string, 100), 0.94, 365 * day, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := restraint{}
			for _, feedback := range c.feedback {
				r.note("anomaly", feedback, 1)
			}
			require.Zero(t, r.level("another"))
			level := r.level("anomaly")
			require.Equal(t, c.held, level > 0 && !restrained(level, c.confidence, c.since))
		})
	}
}

func TestLook(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse("2006-01-02 15:04", text)
		require.NoError(t, err)
		return when
	}
	for name, c := range map[string]struct {
		last, now                  string
		first, fifteenth, thisWeek bool
	}{
		"the next day":                   {"2026-11-25 02:00", "2026-11-26 02:00", false, false, false},
		"over the end of a month":        {"2026-11-30 02:00", "2026-12-01 02:00", true, false, false},
		"days after it":                  {"2026-11-29 02:00", "2026-12-04 02:00", true, false, true},
		"over the fifteenth":             {"2026-11-14 23:00", "2026-11-15 00:00", false, true, false},
		"a month without":                {"2026-10-14 23:00", "2026-11-14 02:00", true, true, true},
		"over the end of a week":         {"2026-11-22 23:59", "2026-11-23 00:00", false, false, true},
		"from Monday to Sunday":          {"2026-11-23 00:00", "2026-11-29 23:59", false, false, false},
		"over the end of a year":         {"2026-12-31 23:00", "2027-01-01 01:00", true, false, false},
		"over the fifteenth of the last": {"2026-12-10 23:00", "2027-01-05 01:00", true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			look := Look{Last: at(c.last), Now: at(c.now)}
			require.Equal(t, c.first, look.Monthly(1))
			require.Equal(t, c.fifteenth, look.Monthly(15))
			require.Equal(t, c.thisWeek, look.Weekly())
		})
	}
	require.True(t, Look{Now: at("2026-11-25 02:00")}.Monthly(1), "the first look of all")
	require.True(t, Look{Now: at("2026-11-25 02:00")}.Weekly())
}

func TestLoad(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(key string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == key {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	s, err := Load(env())
	require.NoError(t, err)
	require.Equal(t, Settings{Interval: 24 * time.Hour, Settle: 10 * time.Minute}, s)
	s, err = Load(env("REVIEW_INTERVAL", "20s", "REVIEW_SETTLE", "2s", "CONVERSATION_COMPONENT", "model"))
	require.NoError(t, err)
	require.Equal(t, Settings{Interval: 20 * time.Second, Settle: 2 * time.Second, Conversation: "model"}, s)
	require.Equal(t, 500*time.Millisecond, s.tick())
	_, err = Load(env("REVIEW_INTERVAL", "daily", "REVIEW_SETTLE", "1ms"))
	require.ErrorContains(t, err, "REVIEW_INTERVAL")
	require.ErrorContains(t, err, "REVIEW_SETTLE")
}
