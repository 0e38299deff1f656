package mcp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheDayIsSaidOnceInThePersonsZone(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	require.NoError(t, err)
	for name, c := range map[string]struct{ day, instant, says string }{
		"the next day in UTC":            {"2026-10-01", "2026-09-30T20:00:00Z", ""},
		"the same day in both":           {"2026-09-30", "2026-09-30T03:00:00Z", ""},
		"a day of another zone":          {"2026-09-30", "2026-09-30T20:00:00Z", ", which counts on Wednesday 30 September 2026"},
		"a time that cannot be read":     {"2026-09-30", "", ", which counts on Wednesday 30 September 2026"},
		"an instant with another offset": {"2026-10-01", "2026-10-01T05:00:00+09:00", ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.says, countsOn(c.day, c.instant, tokyo)) })
	}
}
