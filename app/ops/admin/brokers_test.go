//go:build integration && faults

package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/kafkatest"
)

// fixture is three brokers with the catalogue's topics.
type fixture struct {
	*Kafka
	cluster *kafkatest.Cluster
}

// used are the topics of the parts.
var used = []string{"ai.insight.dismissed", "finance.transaction.created", "finance.budget.exceeded", "account.user.deleted"}

// TestBrokers is about three brokers, of which one dies in the end. Each part has topics of its own.
func TestBrokers(t *testing.T) {
	cluster := kafkatest.Start(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	kafka, err := Connect(ctx, Config{Brokers: cluster.Addresses()}, func(error) {})
	require.NoError(t, err)
	t.Cleanup(func() { _ = kafka.Close() })
	require.NoError(t, kafka.AwaitBrokers(ctx, 3, func(error) {}))
	var topics []Topic
	for _, topic := range Wanted(3) {
		if slices.Contains(used, strings.TrimPrefix(topic.Name, event.DeadLetter(""))) {
			topics = append(topics, topic)
		}
	}
	require.NoError(t, kafka.Apply(ctx, topics, 3, func(Change) {}))
	// Brokers hear of new topics one after the other.
	for _, topic := range topics {
		require.Eventually(t, func() bool {
			for partition := range topic.Partitions {
				if _, _, err := kafka.offsets(topic.Name, partition); err != nil {
					return false
				}
			}
			return true
		}, 2*time.Minute, 100*time.Millisecond, topic.Name)
	}
	f := fixture{kafka, cluster}
	t.Run("letters are found by what is known of them", f.selects)
	t.Run("a replay that was interrupted goes on", f.resumes)
	t.Run("letters are exported byte for byte, and purged then only", f.purges)
	t.Run("a topic becomes what it shall be", f.becomes)
	t.Run("a broker dies during a replay", f.losesABroker)
}

// transaction makes an event within its contract.
func transaction(t *testing.T) event.CloudEvent {
	t.Helper()
	e, err := event.New(context.Background(), event.Backend, event.TypeTransactionCreated, "x", event.TransactionCreated{
		TransactionID: tracing.NewID(), UserID: tracing.NewID(), Amount: "12.50", Currency: "EUR", Type: event.Expense,
		Category: "groceries", WalletID: tracing.NewID(), Timestamp: time.Now().UTC(),
	})
	require.NoError(t, err)
	return e
}

// deleted makes another.
func deleted(t *testing.T) event.CloudEvent {
	t.Helper()
	e, err := event.New(context.Background(), event.Backend, event.TypeUserDeleted, "x", event.UserDeleted{UserID: tracing.NewID(), DeletedAt: time.Now().UTC()})
	require.NoError(t, err)
	return e
}

// dead is an event as a service dead-letters it.
func dead(t *testing.T, e event.CloudEvent, handler, reason string) []byte {
	t.Helper()
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	fields := map[string]any{}
	require.NoError(t, json.Unmarshal(raw, &fields))
	fields["dlqreason"], fields["dlqhandler"], fields["dlqtries"] = reason, handler, 3
	raw, err = json.Marshal(fields)
	require.NoError(t, err)
	return raw
}

func (f fixture) put(t *testing.T, topic string, values ...[]byte) {
	t.Helper()
	for _, value := range values {
		require.NoError(t, f.Publish(event.DeadLetter(topic), "key", value))
	}
}

// events lists the ids on a topic, in order in each partition.
func (f fixture) events(t *testing.T, topic string) []string {
	t.Helper()
	var found []string
	var out bytes.Buffer
	_, err := f.Export(t.Context(), topic, &out)
	require.NoError(t, err)
	require.NoError(t, Records(&out, func(r Record) error {
		var e event.CloudEvent
		_ = json.Unmarshal(r.Value, &e)
		found = append(found, e.ID)
		return nil
	}))
	return found
}

func (f fixture) selects(t *testing.T) {
	const topic = "ai.insight.dismissed"
	first, second := transaction(t), transaction(t)
	f.put(t, topic, dead(t, first, event.Analytics, "Connection refused"), []byte("hello"), []byte("[1]"), kept(t, "no JSON"), dead(t, second, event.Banking, "schema"))
	name := event.DeadLetter(topic)
	middle := func() time.Time {
		letters, _, err := f.Letters(t.Context(), topic, Selection{}, 10)
		require.NoError(t, err)
		return letters[2].Time
	}()
	for what, c := range map[string]struct {
		meant Selection
		limit int
		want  []int64
		all   int64
	}{
		"all of them":         {Selection{}, 10, []int64{0, 1, 2, 3, 4}, 5},
		"the newest":          {Selection{}, 2, []int64{3, 4}, 5},
		"by event":            {Selection{Event: second.ID}, 10, []int64{4}, 1},
		"by place":            {Selection{At: []Position{{name, 0, 1}, {name, 0, 3}}}, 10, []int64{1, 3}, 2},
		"by place, nowhere":   {Selection{At: []Position{{name, 0, 99}, {name, 7, 0}}}, 10, nil, 0},
		"by reason":           {Selection{Reason: "no event"}, 10, []int64{1, 2}, 2},
		"by reason, the last": {Selection{Reason: "no event"}, 1, []int64{2}, 2},
		"since":               {Selection{Since: middle}, 10, nil, 0}, // filled below: letters may share a millisecond
		"since tomorrow":      {Selection{Since: time.Now().Add(24 * time.Hour)}, 10, nil, 0},
		"until yesterday":     {Selection{Until: time.Now().Add(-24 * time.Hour)}, 10, nil, 0},
	} {
		letters, all, err := f.Letters(t.Context(), topic, c.meant, c.limit)
		require.NoError(t, err, what)
		if what == "since" {
			require.NotEmpty(t, letters)
			for _, one := range letters {
				require.False(t, one.Time.Before(middle))
			}
			require.EqualValues(t, 4, letters[len(letters)-1].Offset)
			continue
		}
		var got []int64
		for _, one := range letters {
			got = append(got, one.Offset)
		}
		require.Equal(t, c.want, got, what)
		require.Equal(t, c.all, all, what)
	}
}

// outcomes counts what came of letters.
type outcomes map[string]int

func (o outcomes) add(one Outcome) { o[one.What]++ }

func (f fixture) resumes(t *testing.T) {
	const topic = "finance.transaction.created"
	var want []string
	for n := range 12 {
		e := transaction(t)
		want = append(want, e.ID)
		f.put(t, topic, dead(t, e, event.Analytics, "the database"))
		if n == 3 {
			f.put(t, topic, dead(t, e, event.Banking, "the database"), []byte("hello")) // another handler's letter of it, and none
		}
	}
	replay := Replay{Topic: topic}

	tried := outcomes{}
	dry := replay
	dry.DryRun = true
	require.NoError(t, f.Replay(t.Context(), dry, time.Now(), tried.add))
	require.Equal(t, outcomes{Replayed: 12, SameAs: 1, Refused: 1}, tried)
	require.Empty(t, f.events(t, topic), "a dry run changes nothing")

	// Interrupted after five.
	ctx, interrupt := context.WithCancel(t.Context())
	first := outcomes{}
	err := f.Replay(ctx, replay, time.Now(), func(o Outcome) {
		if first.add(o); first[Replayed] == 5 {
			interrupt()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, outcomes{Replayed: 5, SameAs: 1, Refused: 1}, first)
	letters, _, err := f.Letters(t.Context(), topic, Selection{}, 100)
	require.NoError(t, err)
	require.Len(t, letters, 14, "letters stay where they are")
	for n, letter := range letters {
		require.Equal(t, n < 7 && n != 5, letter.Replayed, "%d", n)
	}

	// It goes on, at most three, then all.
	limited := replay
	limited.Limit = 3
	second := outcomes{}
	require.NoError(t, f.Replay(t.Context(), limited, time.Now(), second.add))
	require.Equal(t, outcomes{Before: 6, Replayed: 3, Refused: 1}, second)
	third := outcomes{}
	require.NoError(t, f.Replay(t.Context(), replay, time.Now(), third.add))
	require.Equal(t, outcomes{Before: 9, Replayed: 4, Refused: 1}, third)
	require.ElementsMatch(t, want, f.events(t, topic), "each once")

	last := outcomes{}
	again := replay
	again.Again, again.Selection = true, Selection{Event: want[0]}
	require.NoError(t, f.Replay(t.Context(), again, time.Now(), last.add))
	require.Equal(t, outcomes{Replayed: 1}, last)
	unchecked := replay
	unchecked.Unchecked, unchecked.Rate = true, 1000
	require.NoError(t, f.Replay(t.Context(), unchecked, time.Now(), last.add))
	require.Equal(t, outcomes{Replayed: 2, Before: 13}, last)
}

func (f fixture) purges(t *testing.T) {
	const topic = "finance.budget.exceeded"
	name := event.DeadLetter(topic)
	var spoilt [][]byte
	for n := range 4 {
		spoilt = append(spoilt, fmt.Appendf(nil, "letter %d \xff\x00", n))
	}
	f.put(t, topic, spoilt...)
	at := func(offset int64) Position { return Position{name, 0, offset} }

	plan, err := f.PlanPurge(t.Context(), at(2), nil)
	require.NoError(t, err)
	require.Equal(t, 3, plan.Letters)
	require.Len(t, plan.Unsaved, 3)
	require.ErrorContains(t, f.Purge(plan), "neither replayed nor exported")

	var file bytes.Buffer
	written, err := f.ExportLetters(t.Context(), topic, Selection{At: []Position{at(0), at(2)}}, &file)
	require.NoError(t, err)
	require.Equal(t, 2, written)
	exported, err := Exported(&file)
	require.NoError(t, err)
	require.Equal(t, spoilt[2], exported[at(2)].Value, "byte for byte")

	plan, err = f.PlanPurge(t.Context(), at(2), exported)
	require.NoError(t, err)
	require.Equal(t, 2, plan.Exported)
	require.Len(t, plan.Unsaved, 1)
	require.EqualValues(t, 1, plan.Unsaved[0].Offset)

	// The third way out: it was replayed.
	done := outcomes{}
	require.NoError(t, f.Replay(t.Context(), Replay{Topic: topic, Unchecked: true, Selection: Selection{At: []Position{at(1)}}}, time.Now(), done.add))
	require.Equal(t, outcomes{Replayed: 1}, done)
	// An export that is not what lies there is no proof.
	changed := exported[at(2)]
	changed.Value = []byte("another")
	plan, err = f.PlanPurge(t.Context(), at(2), map[Position]Record{at(0): exported[at(0)], at(2): changed})
	require.NoError(t, err)
	require.Len(t, plan.Unsaved, 1)

	plan, err = f.PlanPurge(t.Context(), at(2), exported)
	require.NoError(t, err)
	require.Empty(t, plan.Unsaved)
	require.NoError(t, f.Purge(plan))
	letters, _, err := f.Letters(t.Context(), topic, Selection{}, 10)
	require.NoError(t, err)
	require.Len(t, letters, 1)
	require.Equal(t, spoilt[3], letters[0].Value)
	_, err = f.PlanPurge(t.Context(), at(2), exported)
	require.ErrorContains(t, err, "keeps the offsets from 3 to before 4")
	_, err = f.PlanPurge(t.Context(), Position{topic, 0, 0}, exported)
	require.ErrorContains(t, err, "holds no dead letters")
}

func (f fixture) becomes(t *testing.T) {
	const topic, unknown = "finance.reminder.due", "made.by.hand"
	day := "86400000"
	require.NoError(t, f.admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &day}}, false))
	require.NoError(t, f.admin.CreateTopic(unknown, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	var want []Topic
	for _, one := range Wanted(3) {
		if one.Name == topic {
			want = []Topic{one}
		}
	}
	state := func(reassign bool) map[string]Drift {
		all, err := f.Drift(want, 3, reassign)
		require.NoError(t, err)
		by := map[string]Drift{}
		for _, one := range all {
			by[one.Topic] = one
		}
		return by
	}
	names := func(d Drift, applied bool) (found []string) {
		for _, one := range d.Differences {
			if one.Applied == applied {
				found = append(found, one.What)
			}
		}
		return found
	}
	require.Eventually(t, func() bool { return len(state(false)[topic].Differences) > 0 && state(false)[unknown].State == Unknown }, time.Minute, 100*time.Millisecond)
	require.Equal(t, []string{"partitions", "retention.ms"}, names(state(false)[topic], true))
	require.Equal(t, []string{"replication", "min.insync.replicas"}, names(state(false)[topic], false))
	require.Eventually(t, func() bool { return f.Publish(topic, "first", []byte("x")) == nil }, time.Minute, 100*time.Millisecond)
	for n := range 19 {
		require.NoError(t, f.Publish(topic, fmt.Sprint(n), []byte("x")))
	}

	var changed Change
	require.NoError(t, f.Apply(t.Context(), want, 3, func(c Change) { changed = c }))
	require.Equal(t, "updated", changed.Action)
	require.Equal(t, "partitions 1 -> 3, retention.ms 86400000 -> 604800000", changed.Detail)
	require.Len(t, changed.Notes, 3)
	require.Eventually(t, func() bool {
		return slices.Equal([]string{"replication", "min.insync.replicas"}, names(state(true)[topic], true))
	}, time.Minute, 100*time.Millisecond)

	looked := 0
	require.NoError(t, f.ApplyReplicas(t.Context(), want, 3, Reassignment{Throttle: 10 << 20, Moving: func(_ string, left, all int) {
		looked++
		require.LessOrEqual(t, left, all)
	}}, func(c Change) { changed = c }))
	require.Equal(t, "replication 1 -> 3, min.insync.replicas 1 -> 2", changed.Detail)
	require.Positive(t, looked)
	require.Eventually(t, func() bool { return state(false)[topic].State == Same }, time.Minute, 100*time.Millisecond, "no throttle is left on it either")
	require.Len(t, f.events(t, topic), 20, "nothing is lost")
	require.NoError(t, f.admin.DeleteTopic(unknown))
}

func (f fixture) losesABroker(t *testing.T) {
	const topic = "account.user.deleted"
	var want []string
	for range 200 {
		e := deleted(t)
		want = append(want, e.ID)
		f.put(t, topic, dead(t, e, event.Banking, "the database"))
	}
	leader, err := f.client.Leader(event.DeadLetter(topic), 0)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	done := outcomes{}
	began, last, longest := time.Now(), time.Now(), time.Duration(0)
	err = f.Replay(ctx, Replay{Topic: topic}, time.Now(), func(o Outcome) {
		longest = max(longest, time.Since(last))
		last = time.Now()
		if done.add(o); done[Replayed] == 50 {
			f.cluster.Kill(int(leader.ID()) - 1)
		}
	})
	t.Logf("a replay that lost a broker took %s, and stood still for %s at most", time.Since(began).Round(time.Millisecond), longest.Round(time.Millisecond))
	if err != nil { // it says so, and the same command goes on
		t.Log("the replay ended with: ", err)
		require.NoError(t, f.Replay(ctx, Replay{Topic: topic}, time.Now(), done.add))
	}
	require.Zero(t, done[Refused])
	found := map[string]int{}
	for _, id := range f.events(t, topic) {
		found[id]++
	}
	for _, id := range want {
		require.Positive(t, found[id], "nothing is lost")
	}
	letters, _, err := f.Letters(ctx, topic, Selection{}, 1000)
	require.NoError(t, err)
	require.Len(t, letters, 200)
	for _, letter := range letters {
		require.True(t, letter.Replayed, strings.TrimSpace(letter.Position().String()))
	}
	require.NoError(t, f.produce(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("written with two brokers")}))
}
