package prometheus

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// through connects to a server, whatever the address, as a forwarding does.
type through string

func (t through) Dial(network, _ string) (net.Conn, error) { return net.Dial(network, string(t)) }

// serve answers as Prometheus does.
func serve(t *testing.T, path, answer string) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	client, err := New(Address, through(strings.TrimPrefix(server.URL, "http://")))
	require.NoError(t, err)
	return client
}

func TestTargetsAreInOrder(t *testing.T) {
	client := serve(t, "/api/v1/targets", `{"status": "success", "data": {"activeTargets": [
		{"labels": {"job": "web", "pod": "web-1"}, "scrapeUrl": "http://10.0.0.2:8082/metrics", "lastError": "refused", "lastScrape": "2026-11-26T03:00:00Z", "health": "down"},
		{"labels": {"job": "backend", "pod": "backend-1"}, "scrapeUrl": "http://10.0.0.1:8082/metrics", "lastError": "", "lastScrape": "2026-11-26T03:00:00Z", "health": "up"}
	], "droppedTargets": []}}`)
	targets, err := client.Targets(t.Context())
	require.NoError(t, err)
	read := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	require.Equal(t, []Target{
		{Job: "backend", Pod: "backend-1", URL: "http://10.0.0.1:8082/metrics", Health: "up", LastRead: read},
		{Job: "web", Pod: "web-1", URL: "http://10.0.0.2:8082/metrics", Health: "down", LastRead: read, Error: "refused"},
	}, targets)
}

func TestValuesAreByALabel(t *testing.T) {
	client := serve(t, "/api/v1/query", `{"status": "success", "data": {"resultType": "vector", "result": [
		{"metric": {"job": "backend"}, "value": [1764126000, "2"]}, {"metric": {"job": "web"}, "value": [1764126000, "1"]}]}}`)
	values, err := client.Values(t.Context(), "sum by (job) (up)", "job")
	require.NoError(t, err)
	require.Equal(t, map[string]float64{"backend": 2, "web": 1}, values)

	_, err = serve(t, "/nothing", "").Values(t.Context(), "up", "job")
	require.ErrorContains(t, err, "query up:")
}
