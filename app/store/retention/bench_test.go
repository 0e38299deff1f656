//go:build bench

package retention

import "testing"

// An hour's rows at 300 transactions a second.
func TestBenchRemovalKeepsPace(t *testing.T) { keepsPace(t, 300*3600) }
