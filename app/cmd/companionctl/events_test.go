package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/admin"
)

func TestAnEventIsCheckedBeforeAnythingIsReached(t *testing.T) {
	t.Setenv("KAFKA_BROKERS", "")
	t.Setenv("KUBECONFIG", "")
	for input, want := range map[string]string{
		"":                           "it is no event",
		"hello":                      "it is no event",
		`{"type":"x"}`:               "not as its schema says",
		strings.Repeat("x", 1<<20+1): "larger than",
	} {
		root := command()
		root.SetArgs([]string{"produce"})
		root.SetIn(strings.NewReader(input))
		require.ErrorContains(t, root.ExecuteContext(t.Context()), want)
	}
}

func TestAConsumedMessageSaysWhetherItKeepsItsContract(t *testing.T) {
	at := time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)
	kept := admin.Consumed{Message: admin.Message{Topic: "t", Offset: 7, Time: at, Key: "k", Event: event.CloudEvent{ID: "1", Type: "user.deleted", CorrelationID: "c"}}}
	broken := admin.Consumed{Message: admin.Message{Topic: "t", Offset: 8, Time: at}, Breaks: errors.New("it is no event")}
	require.Equal(t, "t/0/7\t2026-11-28T03:00:00Z\tuser.deleted\t1\tc\tk\tkept", consumedRow(consumedOf(kept)))
	require.Equal(t, "t/0/8\t2026-11-28T03:00:00Z\t(no event)\t-\t\t\tbroken: it is no event", consumedRow(consumedOf(broken)))
	require.NoError(t, allKept([]consumed{consumedOf(kept)}))
	require.EqualError(t, allKept([]consumed{consumedOf(kept), consumedOf(broken), consumedOf(broken)}), "2 events break their contract")
}
