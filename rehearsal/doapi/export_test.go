package doapi

import (
	"testing"
	"time"
)

// SetPause sets, for servers that the test starts, how long they wait after the
// nth failure in a row.
func SetPause(t testing.TB, pause func(failures int) time.Duration) {
	before := retryPause
	retryPause = pause
	t.Cleanup(func() { retryPause = before })
}
