package etag

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/apperror"
)

func TestCheck(t *testing.T) {
	now := time.Date(2026, 11, 3, 12, 0, 0, 1000, time.UTC)
	for name, c := range map[string]struct {
		ifMatch string
		ok      bool
	}{
		"no condition":              {"", true},
		"whatever there is":         {"*", true},
		"the state that was read":   {Of(now), true},
		"one of several":            {`"x", ` + Of(now), true},
		"weak, as proxies write it": {"W/" + Of(now), true},
		"a state before":            {Of(now.Add(-time.Microsecond)), false},
		"nonsense":                  {"x", false},
	} {
		t.Run(name, func(t *testing.T) {
			err := Check(c.ifMatch, now)
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, apperror.ErrStale)
		})
	}
}

func TestNextIsLaterWhateverTheClockSays(t *testing.T) {
	require.WithinDuration(t, time.Now(), Next(time.Now().Add(-time.Hour)), time.Minute)
	ahead := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	require.Equal(t, ahead.Add(time.Microsecond), Next(ahead))
	require.NotEqual(t, Of(ahead), Of(Next(ahead)))
}
