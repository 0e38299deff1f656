package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCountReady(t *testing.T) {
	ready, of, err := countReady([]byte(`{"items": [
		{"status": {"phase": "Running", "conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "True"}]}},
		{"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}},
		{"status": {"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "False"}]}},
		{"metadata": {"deletionTimestamp": "2026-11-25T09:00:00Z"}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}},
		{"status": {"phase": "Pending"}}
	]}`))
	require.NoError(t, err)
	require.Equal(t, 1, ready)
	require.Equal(t, 3, of)
	_, _, err = countReady([]byte("no JSON"))
	require.Error(t, err)
}
