package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatKeepsNothingLeavesLostNodes: pods without a volume are replaced soon after their node is
// lost, by the plan or by the values of their chart, and what has a volume is not among them.
func TestWhatKeepsNothingLeavesLostNodes(t *testing.T) {
	asked, err := plan(configuration(t, "staging"), "staging")
	require.NoError(t, err)
	leave := map[string]int{}
	for _, one := range asked {
		raw, err := json.Marshal(one.Inputs)
		require.NoError(t, err)
		n := strings.Count(string(raw), `"key":"node.kubernetes.io/unreachable"`)
		require.Equal(t, n, strings.Count(string(raw), `"key":"node.kubernetes.io/not-ready"`), one.Name)
		require.Equal(t, 2*n, strings.Count(string(raw), `"tolerationSeconds":10`), one.Name)
		kind := one.Type[strings.LastIndex(one.Type, ":")+1:]
		if n > 0 {
			leave[kind+" "+one.Name] = n
		}
		require.NotEqual(t, "StatefulSet", kind, "%s: a pod of it is not replaced while its node is lost", one.Name)
		if kind == "Deployment" {
			require.Equal(t, 1, n, one.Name)
		}
	}
	for release, pods := range map[string]int{
		"companion-dapr": 1, "companion-edge-nginx": 1, "companion-edge-cert-manager": 3, "companion-autoscaling-metrics-server": 1, "companion-kafka-strimzi": 1,
	} {
		require.Equal(t, pods, leave["Release "+release], release)
	}
	require.Equal(t, 1, leave["Deployment companion-redis"])
	require.Empty(t, leave["Kafka companion-kafka-cluster"], "a broker's volume waits for its node")
}

// TestSidecarsStartWithoutTheStateStore: what it holds is a cache.
func TestSidecarsStartWithoutTheStateStore(t *testing.T) {
	for _, stack := range []string{"prod", "staging", "rehearsal"} {
		asked, err := plan(configuration(t, stack), stack)
		require.NoError(t, err)
		for _, one := range asked {
			if strings.HasSuffix(one.Type, ":Component") && strings.HasPrefix(one.Name, "companion-app-component-") {
				spec := at(t, one.Inputs, "spec").(map[string]any)
				require.Equal(t, one.Name == "companion-app-component-state", spec["ignoreErrors"] == true, "%s: %s", stack, one.Name)
			}
		}
	}
}
