package service

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/messaging/outbox"
)

var update = flag.Bool("update", false, "write the list of metrics anew")

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
	m := newMetrics(event.Backend)
	accepted := time.Now().Add(-time.Minute)
	for _, e := range []event.CloudEvent{
		{Time: time.Now().Add(-time.Hour)},
		{Time: time.Now().Add(-time.Second), AcceptedAt: &accepted},
		{Time: time.Now().Add(time.Hour)}, // another node's clock may be ahead
	} {
		m.handledFirst("notification.alert.sent", e)
	}
	require.InDelta(t, 3601, sum(t, m, "event_handled_after_seconds"), 10)
	require.InDelta(t, 60, sum(t, m, "event_handled_since_accepted_seconds"), 10, "what follows from nothing is not counted")
}

// sum adds up a metric's series.
func sum(t *testing.T, m *Metrics, name string) float64 {
	t.Helper()
	families, err := m.registry.Gather()
	require.NoError(t, err)
	total := 0.0
	for _, family := range families {
		if family.GetName() == name {
			for _, one := range family.GetMetric() {
				total += one.GetHistogram().GetSampleSum() + one.GetCounter().GetValue()
			}
		}
	}
	return total
}

func TestWhatPeopleDoIsCountedOnce(t *testing.T) {
	e, err := event.New(t.Context(), event.Backend, event.TypeTransactionCreated, "", event.TransactionCreated{Type: event.Expense})
	require.NoError(t, err)
	counted := 0.0
	for _, service := range event.Services() {
		m := newMetrics(service)
		m.handledFirst("finance.transaction.created", e)
		counted += sum(t, m, "transactions_total")
	}
	require.Equal(t, 1.0, counted)
}

func TestDetectorsAreOfABoundedSet(t *testing.T) {
	var n names
	for i := range 2 * mostNames {
		n.known(fmt.Sprint(i))
	}
	require.Equal(t, "0", n.known("0"))
	require.Equal(t, other, n.known("one more"))
}

// The list is read by the tests of the rules and dashboards too, which may use nothing else.
func TestListOfMetrics(t *testing.T) {
	all := map[string]string{}
	for _, service := range append(event.Services(), event.MCP, event.Web) {
		m := newMetrics(service)
		pool, err := pgxpool.New(t.Context(), "postgres://localhost/none") // it connects when it is used
		require.NoError(t, err)
		defer pool.Close()
		m.connections(pool)
		m.Request(t.Context(), http.MethodGet, "/", http.StatusOK, time.Second)
		m.retention.Removed("inbox", 1)
		m.retention.Overdue("inbox", time.Second)
		m.outbox.Blocked("finance.transaction.created", outbox.Blocked{})
		for _, one := range []struct {
			counter *prometheus.CounterVec
			by      []string
		}{
			{m.business.transactions, []string{event.Expense}},
			{m.business.insights, []string{event.BudgetWarning, "anomaly"}},
			{m.business.dismissed, []string{"anomaly", "none"}},
			{m.business.alerts, []string{"email", "failed"}},
			{m.outbox.published, []string{""}}, {m.outbox.refused, []string{""}}, {m.outbox.deadLettered, []string{""}},
		} {
			one.counter.WithLabelValues(one.by...)
		}
		families, err := m.registry.Gather()
		require.NoError(t, err)
		for _, family := range families {
			all[family.GetName()] = strings.ToLower(family.GetType().String())
		}
	}
	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&list, "%s %s\n", name, all[name])
	}
	const file = "testdata/metrics.txt"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(list.String()), 0o644))
	}
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(kept), list.String(), "go test ./service -run TestListOfMetrics -update writes it anew")
}

func TestStatusesAreOfAKnownSet(t *testing.T) {
	for given, want := range map[int]string{0: "0", 200: "200", 404: "404", 799: other} {
		require.Equal(t, want, knownStatus(given), given)
	}
}

// A slow request or event leads to its trace, where that is recorded.
func TestTimesHaveTracesAsExemplars(t *testing.T) {
	const recorded, trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", `# {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"}`
	for name, c := range map[string]struct {
		parent string
		want   int // requests, events since they were made, and since accepted
	}{"recorded": {recorded, 3}, "not recorded": {recorded[:53] + "00", 0}, "no trace": {"", 0}} {
		t.Run(name, func(t *testing.T) {
			m := newMetrics(event.Notification)
			ctx := tracing.Remote(t.Context(), c.parent)
			m.Request(ctx, http.MethodGet, "/", http.StatusOK, time.Second)
			at := time.Now()
			m.handledFirst("insight.generated", event.CloudEvent{TraceParent: c.parent, Time: at, AcceptedAt: &at})
			r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
			w := httptest.NewRecorder()
			m.handler().ServeHTTP(w, r)
			require.Equal(t, c.want, strings.Count(w.Body.String(), trace))
		})
	}
}
