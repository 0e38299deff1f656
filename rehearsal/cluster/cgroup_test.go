//go:build integration

package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Beside processes of the machine's own, a group of the default weight would count as one of them.
func TestPodsWeighMoreThanAProcess(t *testing.T) {
	require.Zero(t, os.Geteuid(), "control groups need root")
	const group = "/companion-weight-test"
	require.NoError(t, makeCgroup(group))
	t.Cleanup(func() { require.NoError(t, removeCgroup(group)) })
	require.NoError(t, weighCgroup(group))
	roots, err := hierarchies()
	require.NoError(t, err)
	var weights []string
	for _, root := range roots {
		for _, file := range []string{"cpu.shares", "cpu.weight"} {
			if raw, err := os.ReadFile(filepath.Join(root, group, file)); err == nil {
				weights = append(weights, file+"="+strings.TrimSpace(string(raw)))
			}
		}
	}
	require.NotEmpty(t, weights)
	for _, weight := range weights {
		require.Contains(t, []string{"cpu.shares=4096", "cpu.weight=400"}, weight)
	}
}
