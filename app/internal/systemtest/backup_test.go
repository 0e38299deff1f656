//go:build integration

package systemtest

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/stack"
	"github.com/wealth-companion/companion/app/ops/admin"
)

// TestBackup exports topics by the command of docs/runbook.md, publishes the export again,
// and finds every message twice and in order, with no second effect.
func TestBackup(t *testing.T) {
	s := stack.Start(t, stack.Options{})
	client := s.Client()
	require.NoError(t, client.Register(t.Context()))
	var wallet struct{ ID string }
	require.NoError(t, client.Call(t.Context(), "POST", "/wallets", nil, map[string]string{"name": "Backup", "type": "checking", "currency": "EUR"}, &wallet))
	for range 20 {
		require.NoError(t, client.Call(t.Context(), "POST", "/transactions", map[string]string{"Idempotency-Key": uuid.NewString()}, map[string]string{
			"walletId": wallet.ID, "type": event.Expense, "amount": "1.00", "category": "groceries", "timestamp": time.Now().UTC().Format(time.RFC3339),
		}, nil))
	}
	created, _ := event.OfType(event.TypeTransactionCreated)
	count := func() int64 {
		topics, err := s.Kafka.Topics()
		require.NoError(t, err)
		for _, topic := range topics {
			if topic.Name == created.Name {
				return topic.Messages
			}
		}
		return 0
	}
	require.Eventually(t, func() bool { return count() == 20 }, time.Minute, 50*time.Millisecond)

	file := filepath.Join(t.TempDir(), "topics.jsonl")
	run := func(args ...string) string {
		command := exec.CommandContext(t.Context(), filepath.Join("..", "..", "..", "bin", "services", "companionctl"), args...)
		command.Env = append(command.Environ(), "KAFKA_BROKERS="+s.KafkaAddress())
		out, err := command.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	require.Regexp(t, `finance\.transaction\.created +20\n`, run("topics", "export", "--file", file))
	require.Regexp(t, `^[0-9]+ messages were published, 0 left out`, run("topics", "import", "--file", file))
	require.EqualValues(t, 40, count())

	var again bytes.Buffer
	written, err := s.Kafka.Export(t.Context(), created.Name, &again)
	require.NoError(t, err)
	require.Equal(t, 40, written)
	perPartition := map[int32][]string{}
	require.NoError(t, admin.Records(&again, func(r admin.Record) error {
		perPartition[r.Partition] = append(perPartition[r.Partition], string(r.Key)+" "+string(r.Value))
		return nil
	}))
	for partition, messages := range perPartition {
		half := len(messages) / 2
		require.Equal(t, messages[:half], messages[half:], "partition %d", partition)
	}
	var list struct {
		Items []struct{ ID string } `json:"items"`
	}
	require.Eventually(t, func() bool {
		groups, err := s.Kafka.Lags(t.Context())
		require.NoError(t, err)
		for _, group := range groups {
			for _, p := range group.Partitions {
				if p.Waiting > 0 {
					return false
				}
			}
		}
		return true
	}, time.Minute, 100*time.Millisecond, "services take the copies")
	require.NoError(t, client.Call(t.Context(), "GET", "/transactions?limit=100", nil, nil, &list))
	require.Len(t, list.Items, 20)
	require.False(t, strings.Contains(run("dlq", "list"), created.Name), "no copy is a dead letter")
}
