//go:build rehearsal && drills

package e2e

import (
	"testing"
	"time"
)

// runningMachine starts production anew, as every drill begins; it is taken down after the test.
func runningMachine(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	m.takenDown(t)
	m.run(t, 15*time.Minute, "up")
	return m
}
