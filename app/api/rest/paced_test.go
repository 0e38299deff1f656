package rest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAReaderMustKeepUp(t *testing.T) {
	began := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		written int64
		after   time.Duration
		want    time.Duration // since the beginning
	}{
		"at the beginning a piece has its time":   {0, 0, writeTime},
		"a fast reader has a piece's time":        {100 * exportRate, time.Second, time.Second + writeTime},
		"a slow one has what the rate leaves":     {5 * exportRate, 14 * time.Second, exportGrace + 6*time.Second},
		"one that is slower than the rate, none":  {5 * exportRate, 30 * time.Second, exportGrace + 6*time.Second},
		"who read much long ago has nothing left": {60 * exportRate, 3 * time.Minute, exportGrace + 61*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			p := paced{began: began, written: c.written}
			require.Equal(t, began.Add(c.want), p.deadline(exportRate, began.Add(c.after)))
		})
	}
}
