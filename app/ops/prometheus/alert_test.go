package prometheus

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// both answers as Prometheus and as Alertmanager do.
func both(t *testing.T, silenced string) *Client {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/alerts", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status": "success", "data": {"alerts": [
			{"labels": {"alertname": "EventsLate", "severity": "ticket", "service": "banking"}, "annotations": {}, "state": "pending", "activeAt": "2026-11-28T02:59:00Z", "value": "1"},
			{"labels": {"alertname": "DaprDown", "severity": "ticket", "job": "dapr-sentry"}, "annotations": {}, "state": "firing", "activeAt": "2026-11-28T01:00:00Z", "value": "1"},
			{"labels": {"alertname": "APIErrors", "severity": "page", "service": "backend"}, "state": "firing", "activeAt": "2026-11-28T02:50:00Z", "value": "1",
				"annotations": {"summary": "requests fail", "runbook_url": "https://example.com/docs/runbook.md#apierrors"}}]}}`))
	})
	mux.HandleFunc("/api/v2/alerts", func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "false", r.URL.Query().Get("active"))
		if silenced == "" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte(silenced))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	client, err := New(Address, through(strings.TrimPrefix(server.URL, "http://")))
	require.NoError(t, err)
	return client
}

func TestAlertsAreInTheOrderOfInterest(t *testing.T) {
	client := both(t, `[{"labels": {"alertname": "DaprDown", "severity": "ticket", "job": "dapr-sentry", "prometheus": "observability/monitoring-prometheus"}}, {"labels": {"alertname": "APIErrors", "severity": "page", "service": "mcp"}}]`)
	alerts, err := client.Alerts(t.Context())
	require.NoError(t, err)
	require.Len(t, alerts, 3)
	require.Equal(t, Alert{
		Name: "APIErrors", Severity: "page", State: Firing, Since: time.Date(2026, 11, 28, 2, 50, 0, 0, time.UTC), Summary: "requests fail",
		Runbook: "https://example.com/docs/runbook.md#apierrors", Labels: map[string]string{"alertname": "APIErrors", "severity": "page", "service": "backend"},
	}, alerts[0])
	require.Equal(t, "apierrors", alerts[0].Entry())
	require.Equal(t, []string{"APIErrors", "DaprDown", "EventsLate"}, []string{alerts[0].Name, alerts[1].Name, alerts[2].Name})
	require.NoError(t, client.MarkSilenced(t.Context(), alerts))
	require.Equal(t, []string{Firing, Silenced, Pending}, []string{alerts[0].State, alerts[1].State, alerts[2].State})
}

func TestAnAlertmanagerThatDoesNotAnswer(t *testing.T) {
	require.ErrorContains(t, both(t, "").MarkSilenced(t.Context(), nil), "503")
	require.ErrorContains(t, both(t, "no JSON").MarkSilenced(t.Context(), nil), "alerts of Alertmanager")
}
