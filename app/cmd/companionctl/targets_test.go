package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/ops/prometheus"
)

func TestTargets(t *testing.T) {
	now := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	up := prometheus.Target{Job: "backend", Pod: "backend-1", URL: "http://10.112.1.2:8082/metrics", Health: "up", LastRead: now.Add(-7 * time.Second)}
	down := prometheus.Target{Job: "dapr-sentry", Pod: "dapr-sentry-0", URL: "http://10.112.1.3:9090/", Health: "down", Error: "context deadline exceeded"}

	require.Equal(t, "backend\tbackend-1\thttp://10.112.1.2:8082/metrics\tup\t7s ago", targetRow(up, now))
	require.Equal(t, "dapr-sentry\tdapr-sentry-0\thttp://10.112.1.3:9090/\tdown\tnever\tcontext deadline exceeded", targetRow(down, now))
	require.NoError(t, allUp([]prometheus.Target{up}))
	require.EqualError(t, allUp([]prometheus.Target{up, down}), "dapr-sentry dapr-sentry-0 (http://10.112.1.3:9090/) is down context deadline exceeded")
	require.ErrorContains(t, allUp([]prometheus.Target{up, {Job: "new", Health: "unknown"}}), "new  () is unknown")
	require.ErrorContains(t, allUp(nil), "reads nothing")
}
