package trace

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// through is a dialer that leads to one address, whatever it is asked for.
type through string

func (to through) Dial(network, _ string) (net.Conn, error) { return net.Dial(network, string(to)) }

const (
	id          = "0197a1d27b5e7c3a9d101f2e3d4c5b6a"
	correlation = "0197a1d2-7b5e-7c3a-9d10-1f2e3d4c5b6b"
)

// kept is how Jaeger answers: a request, its sidecar's and its handlers' spans out of order, one
// of which failed, and one whose parent is not there.
const kept = `{"result": {"resourceSpans": [
	{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "analytics"}}]}, "scopeSpans": [
		{"scope": {"name": "github.com/wealth-companion/companion/app"}, "spans": [
			{"spanId": "03", "parentSpanId": "02", "name": "process finance.transaction.created", "kind": 5, "startTimeUnixNano": "1000020000000", "endTimeUnixNano": "1000040000000",
				"status": {"code": 2}, "attributes": [{"key": "error.type", "value": {"stringValue": "*pgconn.PgError"}}, {"key": "companion.count", "value": {"intValue": "3"}}]},
			{"spanId": "05", "parentSpanId": "99", "name": "review", "kind": 1, "startTimeUnixNano": "1000090000000", "endTimeUnixNano": "1000095000000"}]},
		{"scope": {"name": "dapr-diagnostics"}, "spans": [
			{"spanId": "02", "parentSpanId": "01", "name": "pubsub/finance.transaction.created", "kind": 3, "startTimeUnixNano": "1000010000000", "endTimeUnixNano": "1000041000000"}]}]},
	{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "backend"}}]}, "scopeSpans": [
		{"scope": {"name": "github.com/wealth-companion/companion/app"}, "spans": [
			{"spanId": "01", "name": "POST /api/v1/transactions", "kind": 2, "startTimeUnixNano": "1000000000000", "endTimeUnixNano": "1000005500000"}]}]}]}}`

func jaeger(t *testing.T) *Jaeger {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v3/traces/{id}", func(w http.ResponseWriter, r *http.Request) {
		switch r.PathValue("id") {
		case id:
			_, _ = w.Write([]byte(kept))
		case strings.Repeat("0", 32):
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"error": {"message": "the volume is gone"}}`))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	mux.HandleFunc("GET /api/v3/services", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"services": ["backend", "analytics"]}`))
	})
	mux.HandleFunc("GET /api/traces", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("tags") != `{"messaging.message.conversation_id":"`+correlation+`"}` {
			_, _ = w.Write([]byte(`{"data": []}`))
			return
		}
		_, _ = w.Write([]byte(`{"data": [{"traceID": "` + strings.TrimLeft(id, "0") + `"}]}`)) // of both services
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return New(Address, through(strings.TrimPrefix(server.URL, "http://")))
}

func TestATraceIsATree(t *testing.T) {
	for name, by := range map[string]string{"its id": id, "capitals": strings.ToUpper(id), "a correlation id": correlation} {
		t.Run(name, func(t *testing.T) {
			traces, err := jaeger(t).Find(t.Context(), by)
			require.NoError(t, err)
			require.Len(t, traces, 1)
			var drawn strings.Builder
			require.NoError(t, traces[0].Write(&drawn))
			require.Equal(t, `trace 0197a1d27b5e7c3a9d101f2e3d4c5b6a: 4 spans of 2 services (backend, analytics) in 95.0ms, from 1970-01-01T00:16:40Z
AFTER   TOOK    SERVICE            OPERATION
0.0ms   5.5ms   backend            POST /api/v1/transactions
10.0ms  31.0ms  analytics (daprd)    pubsub/finance.transaction.created
20.0ms  20.0ms  analytics              process finance.transaction.created  FAILED *pgconn.PgError
90.0ms  5.0ms   analytics          review
`, drawn.String())
		})
	}
}

func TestATraceIsJSON(t *testing.T) {
	traces, err := jaeger(t).Find(t.Context(), id)
	require.NoError(t, err)
	raw, err := json.Marshal(traces[0].Spans[2])
	require.NoError(t, err)
	require.JSONEq(t, `{"spanId": "03", "parentSpanId": "02", "depth": 2, "service": "analytics", "operation": "process finance.transaction.created", "kind": "consumer",
		"offsetMs": 20, "durationMs": 20, "failed": true, "attributes": {"error.type": "*pgconn.PgError", "companion.count": "3"}}`, string(raw))
}

func TestWhatJaegerDoesNotHave(t *testing.T) {
	for name, c := range map[string]struct{ id, want string }{
		"no such trace":                         {strings.Repeat("1", 32), ErrNotFound.Error()},
		"nothing correlated":                    {"0197a1d2-7b5e-7c3a-9d10-000000000000", ErrNotFound.Error()},
		"it fails":                              {strings.Repeat("0", 32), "500 Internal Server Error: {\"error\": {\"message\": \"the volume is gone\"}}"},
		"an id of nothing":                      {"42", "neither the id of a trace"},
		"an id that would be part of a command": {id + "; rm", "neither the id of a trace"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jaeger(t).Find(t.Context(), c.id)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// Whatever somebody sends, each span is in the tree once.
func TestSpansThatAreTheirOwnAncestors(t *testing.T) {
	at := time.Unix(1000, 0)
	its := newTrace(id, []Span{{ID: "1", Parent: "2", start: at}, {ID: "2", Parent: "1", start: at}, {ID: "3", Parent: "3", start: at}})
	var ids []string
	for _, span := range its.Spans {
		ids = append(ids, span.ID)
	}
	require.ElementsMatch(t, []string{"1", "2", "3"}, ids)
	require.Empty(t, newTrace(id, nil).Spans)
}
