package data

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMaxMemory(t *testing.T) {
	got, err := maxMemory("128Mi")
	require.NoError(t, err)
	require.Equal(t, int64(80530620), got, "60% of 134217728")
	_, err = maxMemory("much")
	require.ErrorContains(t, err, "set it to a quantity such as 256Mi")
}
