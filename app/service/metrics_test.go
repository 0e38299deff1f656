package service

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/bus"
)

// An alert about a single dead letter compares with what was counted before it.
func TestCountersOfEventsBeginAtZero(t *testing.T) {
	analytics, mcp := seriesOf(t, newMetrics(event.Analytics)), seriesOf(t, newMetrics(event.MCP))
	require.Equal(t, len(event.ConsumedBy(event.Analytics))*len(bus.Outcomes()), analytics["events_handled_total"])
	require.Equal(t, len(event.ConsumedBy(event.Analytics)), analytics["event_handled_after_seconds"])
	require.Equal(t, len(event.PublishedBy(event.Analytics)), analytics["outbox_dead_lettered_total"])
	require.Zero(t, mcp["events_handled_total"], "who handles no events counts none")
}

// seriesOf counts a process' series by the name of the metric.
func seriesOf(t *testing.T, m *Metrics) map[string]int {
	t.Helper()
	families, err := m.registry.Gather()
	require.NoError(t, err)
	found := map[string]int{}
	for _, family := range families {
		found[family.GetName()] = len(family.GetMetric())
	}
	return found
}

func TestHandledAfterIsInSeconds(t *testing.T) {
	m := newMetrics(event.Analytics)
	m.handledAfter("finance.transaction.created", 1500*time.Millisecond)
	families, err := m.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() != "event_handled_after_seconds" {
			continue
		}
		sum := 0.0
		for _, one := range family.GetMetric() {
			sum += one.GetHistogram().GetSampleSum()
		}
		require.InDelta(t, 1.5, sum, 1e-9)
		return
	}
	require.Fail(t, "it is not registered")
}

func TestStatusesAreOfAKnownSet(t *testing.T) {
	for given, want := range map[int]string{0: "0", 200: "200", 404: "404", 799: other} {
		require.Equal(t, want, knownStatus(given), given)
	}
}
