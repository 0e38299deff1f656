//go:build rehearsal

package e2e

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// labelled sends requests with headers of its own.
type labelled struct {
	http.RoundTripper
	headers map[string]string
}

func (l labelled) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	for name, value := range l.headers {
		request.Header.Set(name, value)
	}
	return l.RoundTripper.RoundTrip(request)
}

// hop is a span as companionctl shows it.
type hop struct {
	Service, Operation string
	Sidecar            bool
	Attributes         map[string]string
}

// madeUp is what no name of a span may hold: ids that are a person's.
var madeUp = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-|@`)

// followsTraces has a person spend most of a budget, and asks the operators' tool for the trace:
// every hop is in it, also by the correlation id. Which of the two requests the warning follows
// from depends on which is heard of first, so both are of one trace.
func (m *machine) followsTraces(t *testing.T) {
	p := m.register(t)
	trace, correlation := strings.ReplaceAll(uuid.NewString(), "-", ""), uuid.NewString()
	p.client.Transport = labelled{p.client.Transport, map[string]string{
		"Traceparent": "00-" + trace + "-00f067aa0ba902b7-01", "X-Correlation-Id": correlation,
	}}
	require.NoError(t, p.do(t.Context(), http.MethodPost, "/budgets", map[string]string{
		"category": "groceries", "amount": "10.00", "currency": "EUR", "month": time.Now().UTC().Format("2006-01"),
	}, nil))
	require.NoError(t, p.do(t.Context(), http.MethodPost, "/transactions", map[string]string{
		"walletId": p.wallet, "amount": "8.50", "type": "expense", "category": "groceries",
	}, nil))
	const created, found, told = "finance.transaction.created", "ai.insight.generated", "notification.alert.sent"
	wanted := []hop{
		{Service: "backend", Operation: "POST /api/v1/transactions"}, {Service: "backend", Operation: "publish " + created},
		{Service: "analytics", Operation: "pubsub/" + created, Sidecar: true}, {Service: "analytics", Operation: "process " + created},
		{Service: "banking", Operation: "process " + created}, {Service: "investment", Operation: "process " + created},
		{Service: "analytics", Operation: "publish " + found}, {Service: "notification", Operation: "process " + found},
		{Service: "notification", Operation: "publish " + told}, {Service: "backend", Operation: "process " + told},
	}
	var hops []hop
	var last string
	defer func() {
		if t.Failed() {
			t.Logf("%s\n%v", last, hops)
		}
	}()
	eventually(t, 2*time.Minute, "every hop is in the trace", func() bool {
		if hops, last = m.hops(t, trace); last != "" {
			return false
		}
		for _, one := range wanted {
			if !slices.ContainsFunc(hops, func(h hop) bool {
				return h.Service == one.Service && h.Operation == one.Operation && h.Sidecar == one.Sidecar
			}) {
				last = one.Service + " has no " + one.Operation
				return false
			}
		}
		return true
	})
	for _, h := range hops {
		require.NotRegexp(t, madeUp, h.Operation, h.Service)
		require.NotContains(t, h.Attributes, "dapr.invoke_method", "what sidecars note is reduced")
	}
	same, wrong := m.hops(t, correlation)
	require.Empty(t, wrong)
	require.GreaterOrEqual(t, len(same), len(wanted), "by correlation id")
	_, wrong = m.hops(t, strings.Repeat("0", 31)+"1")
	require.Contains(t, wrong, "100 of a hundred traces are recorded")
}

// hops asks companionctl for the spans of an id; wrong is what it says where it fails.
func (m *machine) hops(t *testing.T, id string) (hops []hop, wrong string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), m.folders.Program("companionctl"), "trace", id,
		"--output", "json", "--kubeconfig", filepath.Join(m.folders.State, "kubeconfig"))
	var diagnosis strings.Builder
	cmd.Stderr = &diagnosis
	out, err := cmd.Output()
	if err != nil {
		return nil, err.Error() + ": " + diagnosis.String()
	}
	var traces []struct{ Spans []hop }
	require.NoError(t, json.Unmarshal(out, &traces))
	for _, one := range traces {
		hops = append(hops, one.Spans...)
	}
	return hops, ""
}
