//go:build integration

package systemtest

import (
	"testing"
	"time"
)

func TestFaults(t *testing.T) {
	endure(t, trial{people: 20, transactions: 1000, outage: time.Second, pause: 200 * time.Millisecond})
}
