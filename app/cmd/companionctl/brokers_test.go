//go:build integration

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/kafkatest"
	"github.com/wealth-companion/companion/app/ops/admin"
)

// operated is a broker, as an operator sees it.
type operated struct {
	address string
	kafka   *admin.Kafka
}

// do runs a command with a standard input, and returns what it prints.
func do(t *testing.T, input, line string) (string, error) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer out.Close()
	before := os.Stdout
	os.Stdout = out
	defer func() { os.Stdout = before }()
	root := command()
	root.SetArgs(strings.Fields(line))
	root.SetIn(strings.NewReader(input))
	failed := root.ExecuteContext(t.Context())
	raw, err := os.ReadFile(out.Name())
	require.NoError(t, err)
	return string(raw), failed
}

// must is do of what has to go well.
func must(t *testing.T, input, line string) string {
	t.Helper()
	out, err := do(t, input, line)
	require.NoError(t, err, "%s: %s", line, out)
	return out
}

// TestOnABroker goes an operator's ways on a real broker.
func TestOnABroker(t *testing.T) {
	cluster := kafkatest.Start(t, 1)
	t.Setenv("KUBECONFIG", "")
	t.Setenv("KAFKA_BROKERS", cluster.Addresses()[0])
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	kafka, err := admin.Connect(ctx, admin.Config{Brokers: cluster.Addresses()}, func(error) {})
	require.NoError(t, err)
	t.Cleanup(func() { _ = kafka.Close() })
	o := operated{cluster.Addresses()[0], kafka}
	t.Run("topics", o.topics)
	t.Run("events", o.events)
	t.Run("dead letters", o.deadLetters)
	t.Run("groups", o.groups)
}

func (o operated) topics(t *testing.T) {
	out, err := do(t, "", "topics verify --replication 1")
	require.ErrorContains(t, err, "28 topics are not as the catalogue says")
	require.Contains(t, out, "+ finance.transaction.created\n  + partitions           (none) -> 2\n")
	require.Contains(t, must(t, "", "topics apply --replication 1"), "created   finance.transaction.created      2 partitions\n")
	for _, topic := range admin.Wanted(1) { // brokers hear of new topics one after the other
		require.Eventually(t, func() bool {
			_, err := o.kafka.Consume(t.Context(), topic.Name, time.Time{}, 1)
			return err == nil
		}, 2*time.Minute, 100*time.Millisecond, topic.Name)
	}
	require.Equal(t, "0 of 28 topics differ\n", must(t, "", "topics verify --replication 1"))
	require.Contains(t, must(t, "", "topics plan --replication 3"), "  ! min.insync.replicas")
}

func (o operated) events(t *testing.T) {
	e, err := event.New(t.Context(), event.Backend, event.TypeUserDeleted, "x", event.UserDeleted{UserID: uuid.New(), DeletedAt: time.Now().UTC()})
	require.NoError(t, err)
	raw, err := json.MarshalIndent(e, "", "  ")
	require.NoError(t, err)
	require.Contains(t, must(t, string(raw), "produce --dry-run"), "would be published on account.user.deleted")
	require.Contains(t, must(t, string(raw), "produce"), "event "+e.ID+" is at account.user.deleted/")
	_, err = do(t, `{"type": "user.deleted"}`, "produce")
	require.ErrorContains(t, err, "not as its schema says")

	require.Contains(t, must(t, "", "consume --topic account.user.deleted"), e.ID)
	var found []consumed
	require.NoError(t, json.Unmarshal([]byte(must(t, "", "consume --topic account.user.deleted --since 1h --output json")), &found))
	require.Len(t, found, 1)
	require.Equal(t, e.CorrelationID, found[0].CorrelationID)
	require.Len(t, found[0].TraceID, 32)
	require.NoError(t, o.kafka.Publish("ai.insight.dismissed", "x", []byte("hello")))
	out, err := do(t, "", "consume --topic ai.insight.dismissed")
	require.ErrorContains(t, err, "1 event breaks its contract")
	require.Contains(t, out, "broken: it is no event")
	require.Empty(t, must(t, "", "consume --topic finance.reminder.due --follow --timeout 10s"))
}

func (o operated) deadLetters(t *testing.T) {
	const letters = "dlq.account.user.deleted"
	e, err := event.New(t.Context(), event.Backend, event.TypeUserDeleted, "x", event.UserDeleted{UserID: uuid.New(), DeletedAt: time.Now().UTC()})
	require.NoError(t, err)
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	died := `{"dlqreason":"the database\nsaid no","dlqhandler":"banking","dlqtries":3,` + string(raw[1:])
	for _, value := range []string{"hello", died, "world"} {
		require.NoError(t, o.kafka.Publish(letters, "x", []byte(value)))
	}
	out := must(t, "", "dlq list --topic account.user.deleted")
	for _, part := range []string{letters + "/0/0", letters + "/0/2", e.ID, e.CorrelationID, "the database…", "hello", "world"} {
		require.Contains(t, out, part)
	}
	require.NotContains(t, must(t, "", "dlq list --reason database"), "hello")
	require.Contains(t, must(t, "", "dlq show "+e.ID), "said no")
	require.Contains(t, must(t, "", "dlq show --output yaml "+letters+"/0/2"), "text: world")
	_, err = do(t, "", "dlq show "+letters+"/0/3")
	require.ErrorContains(t, err, "no such dead letter")

	const all = "dlq replay --topic account.user.deleted --all"
	out, err = do(t, "", all+" --dry-run")
	require.ErrorContains(t, err, "2 dead letters are not replayed")
	require.Contains(t, out, "would be replayed "+letters+"/0/1")
	_, err = do(t, "", all)
	require.ErrorContains(t, err, "2 dead letters are not replayed")
	require.Contains(t, must(t, "", "consume --topic account.user.deleted --since 1h"), e.ID)
	require.Contains(t, must(t, "", "dlq show "+letters+"/0/1"), "replayed     yes")
	require.Contains(t, must(t, "", "dlq replay --topic account.user.deleted --event "+e.ID), "0 replayed, 0 the same events, 1 were replayed before")
	require.Contains(t, must(t, "", "dlq replay --unchecked --at "+letters+"/0/2"), "replayed "+letters+"/0/2")

	file := filepath.Join(t.TempDir(), "letters.jsonl")
	_, err = do(t, "", "dlq purge --yes --at "+letters+"/0/1")
	require.ErrorContains(t, err, "nothing was deleted: replay these letters, or export them")
	require.Contains(t, must(t, "", "dlq export --at "+letters+"/0/0 --file "+file), "1 dead letters are in")
	_, err = do(t, "", "dlq export --file "+file)
	require.ErrorIs(t, err, os.ErrExist)
	purge := "dlq purge --at " + letters + "/0/1 --exported " + file
	out, err = do(t, "", purge)
	require.ErrorContains(t, err, "add --yes")
	require.Contains(t, out, "2 dead letters up to "+letters+"/0/1")
	require.Contains(t, must(t, "", purge+" --yes"), "2 dead letters are deleted")
	out = must(t, "", "dlq list --topic account.user.deleted")
	require.NotContains(t, out, "hello")
	require.Contains(t, out, "world")
	// The export is a letter again, to the byte.
	require.Contains(t, must(t, "", "topics import --file "+file), "1 messages were published")
	require.Contains(t, must(t, "", "dlq show --output yaml "+letters+"/0/3"), "text: hello")
}

func (o operated) groups(t *testing.T) {
	const reset = "groups reset --group notification --topic account.mail.requested --partition 0 --to "
	for range 3 {
		require.NoError(t, o.kafka.Publish("account.mail.requested", "the same key", []byte("x")))
	}
	var moves []admin.Move
	require.NoError(t, json.Unmarshal([]byte(must(t, "", "groups reset --group notification --topic account.mail.requested --to newest --dry-run --output json")), &moves))
	var partition admin.Move
	for _, move := range moves {
		if move.To == 3 {
			partition = move
		}
	}
	require.EqualValues(t, 3, partition.Skipped)
	line := strings.Replace(reset, "--partition 0", fmt.Sprintf("--partition %d", partition.Partition), 1)

	out, err := do(t, "", line+"newest")
	require.ErrorContains(t, err, "add --yes")
	require.Contains(t, out, "what is skipped is never handled")
	must(t, "", line+"2 --yes")
	require.Contains(t, must(t, "", line+"oldest --dry-run"), "2")
	require.Contains(t, must(t, "", "groups list"), "notification")
	_, err = do(t, "", line+"99 --dry-run")
	require.ErrorContains(t, err, "none of them")

	// Somebody reads.
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	group, err := sarama.NewConsumerGroup([]string{o.address}, "notification", config)
	require.NoError(t, err)
	joined := reader{make(chan struct{})}
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- group.Consume(ctx, []string{"account.mail.requested"}, joined) }()
	select {
	case <-joined.joined:
	case <-time.After(2 * time.Minute):
		t.Fatal("the reader did not join")
	}
	_, err = do(t, "", line+"oldest --yes")
	require.ErrorContains(t, err, "scale the service to 0 first")
	leave()
	<-ended
	require.NoError(t, group.Close())
	must(t, "", line+"oldest --yes")
	require.NoError(t, json.Unmarshal([]byte(must(t, "", line+"newest --dry-run --output json")), &moves))
	require.EqualValues(t, 3, moves[0].Skipped)
	out, _ = do(t, "", "lag --over 100ms")
	require.Contains(t, out, "account.mail.requested")
	require.Contains(t, out, "never, at this pace")
}

// reader is a member of a group that takes nothing.
type reader struct{ joined chan struct{} }

func (r reader) Setup(sarama.ConsumerGroupSession) error   { close(r.joined); return nil }
func (r reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (r reader) ConsumeClaim(s sarama.ConsumerGroupSession, _ sarama.ConsumerGroupClaim) error {
	<-s.Context().Done()
	return nil
}
