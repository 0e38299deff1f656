package kube

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemoryShares(t *testing.T) {
	limited := Requirements{MemoryLimit: "128Mi"}
	share, err := limited.MemoryShare(60)
	require.NoError(t, err)
	require.Equal(t, int64(80530620), share, "60% of 134217728")
	heap, err := limited.GoMemoryLimit()
	require.NoError(t, err)
	require.Equal(t, "115MiB", heap, "90% of it, in whole MiB")

	_, err = Requirements{MemoryLimit: "much"}.GoMemoryLimit()
	require.ErrorContains(t, err, "set it to a quantity such as 256Mi")
}
