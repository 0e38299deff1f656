//go:build rehearsal

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/parts"
)

// watched asks the operators' tool what Prometheus reads: every target is up, and each service
// and its sidecar, each part of Dapr's control plane, the operators and the kubelets are among
// them. Prometheus learns of new monitors within minutes.
func (m *machine) watched(t *testing.T) {
	wanted := []string{
		"alertmanager", "prometheus", "monitoring-operator", "cert-manager", "strimzi-cluster-operator", "kafka-exporter", "kubelet", "collector", "jaeger",
		"dapr-operator", "dapr-placement-server", "dapr-scheduler-server", "dapr-sentry", "dapr-sidecar-injector",
	}
	for _, service := range parts.Services {
		if service != "companionctl" {
			wanted = append(wanted, service)
		}
	}
	var last string
	defer func() {
		if t.Failed() {
			t.Log(last)
		}
	}()
	eventually(t, 6*time.Minute, "every target is up", func() bool {
		cmd := m.operate(t, "targets", "--output", "json")
		var diagnosis strings.Builder
		cmd.Stderr = &diagnosis
		out, err := cmd.Output()
		last = diagnosis.String()
		var targets []struct{ Job string }
		if err != nil || json.Unmarshal(out, &targets) != nil {
			return false
		}
		for _, job := range wanted {
			if !slices.ContainsFunc(targets, func(target struct{ Job string }) bool { return target.Job == job }) {
				last = "nothing is read of " + job
				return false
			}
		}
		return true
	})

	address := m.prometheus(t)
	for _, service := range parts.Services {
		if service == "companionctl" {
			continue
		}
		// What the process says of itself, and what its sidecar says.
		require.NotZero(t, series(t, address, `process_start_time_seconds{job="`+service+`",endpoint="operations"}`), service)
		require.NotZero(t, series(t, address, `{job="`+service+`",endpoint="dapr-metrics",__name__=~"dapr_.+"}`), service)
	}
	for _, metric := range []string{
		"http_request_duration_seconds_count", "events_handled_total", "outbox_waiting_events",
		"container_memory_working_set_bytes", "node_cpu_usage_seconds_total", "certmanager_certificate_expiration_timestamp_seconds",
	} {
		require.NotZero(t, series(t, address, metric), metric)
	}
}

// operate prepares a command of the operators' tool, on the rehearsed cluster.
func (m *machine) operate(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	args = append(args, "--kubeconfig", filepath.Join(m.folders.State, "kubeconfig"))
	return exec.CommandContext(t.Context(), m.folders.Program("companionctl"), args...)
}

// drawn has the operators' tool run every query of every dashboard: none is refused, and no panel is
// empty that always has data. Rates need some minutes of it.
func (m *machine) drawn(t *testing.T) {
	page := filepath.Join(t.TempDir(), "dashboards.html")
	var last []byte
	defer func() {
		if t.Failed() {
			t.Logf("%s", last)
		}
	}()
	eventually(t, 4*time.Minute, "every panel has data", func() bool {
		var err error
		last, err = m.operate(t, "dashboards", "--since", "15m", "--html", page).CombinedOutput()
		return err == nil
	})
	drawn, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(drawn), "Event flow")
	require.Greater(t, strings.Count(string(drawn), "<svg"), 50)
}

// healthy asks the operators' tool whether anything is not as it should be.
func (m *machine) healthy(t *testing.T) {
	out, err := m.operate(t, "status").CombinedOutput()
	require.NoError(t, err, string(out))
}

// prometheus forwards a port to Prometheus and returns its address.
func (m *machine) prometheus(t *testing.T) string {
	t.Helper()
	return "http://" + m.forward(t, "observability", "prometheus-monitoring-0", "9090")
}

// series is how many series a selector finds now.
func series(t *testing.T, address, selector string) int {
	t.Helper()
	answer, err := http.Get(address + "/api/v1/query?query=" + url.QueryEscape(selector))
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	raw, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, string(raw))
	var found struct {
		Data struct{ Result []any }
	}
	require.NoError(t, json.Unmarshal(raw, &found))
	return len(found.Data.Result)
}
