package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAutoscalersOwnTheNumberOfPods: where a service follows its load, its Deployment says
// nothing of replicas, its namespace has room for all pods that may come, and the autoscaler
// keeps to the stack's bounds.
func TestAutoscalersOwnTheNumberOfPods(t *testing.T) {
	config := configuration(t, "prod")
	asked, err := plan(config, "prod")
	require.NoError(t, err)
	scaler := of(t, asked, "HorizontalPodAutoscaler", "companion-app-backend").Inputs
	require.EqualValues(t, 3, at(t, scaler, "spec", "minReplicas"))
	require.EqualValues(t, 5, at(t, scaler, "spec", "maxReplicas"))
	require.Equal(t, map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend"}, at(t, scaler, "spec", "scaleTargetRef"))
	require.Equal(t, map[string]any{
		"type": "ContainerResource",
		"containerResource": map[string]any{
			"container": "backend", "name": "cpu", "target": map[string]any{"type": "AverageValue", "averageValue": "150m"},
		},
	}, at(t, scaler, "spec", "metrics", 0), "the sidecar's part is not counted")
	require.EqualValues(t, 300, at(t, scaler, "spec", "behavior", "scaleDown", "stabilizationWindowSeconds"))
	require.NotContains(t, at(t, of(t, asked, "Deployment", "companion-app-backend").Inputs, "spec"), "replicas")
	require.EqualValues(t, 2, at(t, of(t, asked, "Deployment", "companion-app-analytics").Inputs, "spec", "replicas"), "it has no autoscaler")
	// Five of three services, two of four, two more of each, and three others.
	require.Equal(t, "40", at(t, of(t, asked, "ResourceQuota", "companion-app").Inputs, "spec", "hard", "pods"))
}

// TestStacksWithoutAutoscaling: what measures is left out with what follows it.
func TestStacksWithoutAutoscaling(t *testing.T) {
	config := configuration(t, "prod")
	without(t, config, "companion:charts", "metricsServer")
	for _, service := range []string{"backend", "mcp", "web"} {
		without(t, config, "companion:services", service, "autoscaling")
	}
	asked, err := plan(config, "prod")
	require.NoError(t, err)
	for _, one := range asked {
		require.NotContains(t, one.Type, "HorizontalPodAutoscaler")
		require.NotContains(t, one.Name, "companion-autoscaling")
	}
	require.EqualValues(t, 3, at(t, of(t, asked, "Deployment", "companion-app-backend").Inputs, "spec", "replicas"))
}

// without takes what is at a path of keys out of a configuration.
func without(t *testing.T, config map[string]string, key string, path ...string) {
	t.Helper()
	var whole map[string]any
	require.NoError(t, json.Unmarshal([]byte(config[key]), &whole))
	inside := whole
	for _, step := range path[:len(path)-1] {
		inside = inside[step].(map[string]any)
	}
	delete(inside, path[len(path)-1])
	raw, err := json.Marshal(whole)
	require.NoError(t, err)
	config[key] = string(raw)
}
