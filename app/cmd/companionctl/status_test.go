package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/ops/prometheus"
	"github.com/wealth-companion/companion/app/ops/status"
)

func TestAlerts(t *testing.T) {
	now := time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)
	fires := prometheus.Alert{
		Name: "APIErrors", Severity: "page", State: prometheus.Firing, Since: now.Add(-10 * time.Minute), Summary: "requests fail",
		Runbook: "https://example.com/docs/runbook.md#apierrors", Labels: map[string]string{"service": "backend"},
	}
	pending := prometheus.Alert{Name: "TargetDown", Severity: "ticket", State: prometheus.Pending, Since: now}
	require.Equal(t, "firing\tpage\tAPIErrors\tbackend\t02:50 UTC (10m)\trequests fail\tdocs/runbook.md#apierrors", alertRow(fires, now))
	require.Equal(t, "pending\tticket\tTargetDown\t-\t0s ago\t\t-", alertRow(pending, now))
	require.EqualError(t, noneFires([]prometheus.Alert{fires, pending}), "alerts fire: APIErrors")
	require.NoError(t, noneFires([]prometheus.Alert{pending}))
}

func TestAStackThatNobodyWatchesIsNoProblem(t *testing.T) {
	report := status.Run(t.Context(), []status.Check{status.Alerts(unwatched{}), status.Outboxes(unwatched{}), status.Targets(unwatched{})}, time.Minute, time.Now())
	require.NoError(t, report.Err())
	for _, part := range report.Parts {
		require.Equal(t, status.Off, part.State)
		require.Equal(t, "it is off: companion:observability.enabled is false", part.Says)
	}
}

func TestStatusSaysHowItIsCalled(t *testing.T) {
	for _, name := range []string{"status", "alerts"} {
		root := command()
		root.SetArgs([]string{name})
		require.ErrorIs(t, root.Execute(), errUsage)
	}
}
