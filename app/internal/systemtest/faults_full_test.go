//go:build faults

package systemtest

import (
	"testing"
	"time"
)

func TestFaultsWithTenThousandTransactions(t *testing.T) {
	endure(t, trial{people: 50, transactions: 10_000, outage: 5 * time.Second, pause: 500 * time.Millisecond})
}
