package admin

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
)

func TestRevive(t *testing.T) {
	user := tracing.NewID()
	good, err := event.New(context.Background(), event.Backend, event.TypeTransactionCreated, "x", event.TransactionCreated{
		TransactionID: tracing.NewID(), UserID: user, Amount: "12.50", Currency: "EUR", Type: event.Expense,
		Category: "groceries", WalletID: tracing.NewID(), Timestamp: time.Now().UTC(),
	})
	require.NoError(t, err)
	as := func(change func(map[string]any)) []byte {
		raw, err := json.Marshal(good)
		require.NoError(t, err)
		var fields map[string]any
		require.NoError(t, json.Unmarshal(raw, &fields))
		change(fields)
		raw, err = json.Marshal(fields)
		require.NoError(t, err)
		return raw
	}
	dead := func(fields map[string]any) {
		fields["dlqreason"], fields["dlqtries"], fields["dlqhandler"] = "the database said no", 3, event.Analytics
	}
	for name, c := range map[string]struct {
		topic  string
		value  []byte
		reason string // why not; empty: it is revived
	}{
		"an event that a service kept as a text": {"dlq.finance.transaction.created", kept(t, string(as(func(map[string]any) {}))), ""},
		"text that a service kept":               {"dlq.finance.transaction.created", kept(t, "hello"), "no event"},
		"an event that a handler failed at":      {"dlq.finance.transaction.created", as(dead), ""},
		"one that breaks its contract":           {"dlq.finance.transaction.created", as(func(f map[string]any) { dead(f); f["data"] = map[string]any{} }), "would die again"},
		"one on another's dead letters":          {"dlq.finance.budget.exceeded", as(dead), "carries no events of type"},
		"what is no event":                       {"dlq.finance.transaction.created", []byte("hello"), "no event"},
	} {
		t.Run(name, func(t *testing.T) {
			topic, key, value, err := revive(read(&sarama.ConsumerMessage{Topic: c.topic, Key: []byte("another's"), Value: c.value}), false)
			if c.reason != "" {
				require.ErrorContains(t, err, c.reason)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "finance.transaction.created", topic)
			require.Equal(t, user.String(), key, "in order with its user's others")
			require.JSONEq(t, string(as(func(map[string]any) {})), string(value), "as it first came")
		})
	}
}

// Unchecked, everything that is whole is published as it came.
func TestReviveUnchecked(t *testing.T) {
	for name, c := range map[string]struct {
		value      []byte
		want, fail string
	}{
		"text of the sidecar":      {[]byte("hello"), "hello", ""},
		"text that a service kept": {kept(t, "hello"), "hello", ""},
		"out of its contract":      {[]byte(`{"type":"transaction.created","dlqreason":"x"}`), `{"type":"transaction.created"}`, ""},
		"what is not whole":        {kept(t, "a\xffb"), "", "what came is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			topic, key, value, err := revive(read(&sarama.ConsumerMessage{Topic: "dlq.finance.transaction.created", Key: []byte("its"), Value: c.value}), true)
			if c.fail != "" {
				require.ErrorContains(t, err, c.fail)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "finance.transaction.created", topic)
			require.Equal(t, "its", key)
			require.Equal(t, c.want, string(value))
		})
	}
}

func TestOnlyLettersWhoseEventsAreRememberedAreReplayed(t *testing.T) {
	now := time.Now()
	old := Message{Topic: "dlq.finance.transaction.created", Time: now.Add(-8 * 24 * time.Hour), Value: []byte("x")}
	_, err := Replay{Unchecked: true}.revive(old, now)
	require.ErrorContains(t, err, "--accept-duplicates")
	_, err = Replay{Unchecked: true, Duplicates: true}.revive(old, now)
	require.NoError(t, err)
	old.Time = now.Add(-24 * time.Hour)
	_, err = Replay{Unchecked: true}.revive(old, now)
	require.NoError(t, err)
	require.ErrorContains(t, old.Replayable(now), "would die again")
}

func TestALetterIsAsOldAsTheOldestTimeThatItShows(t *testing.T) {
	now := time.Now().UTC()
	young, old := now.Add(-time.Hour), now.Add(-9*24*time.Hour)
	for name, c := range map[string]struct {
		letter Message
		want   time.Time
	}{
		"the letter":                         {Message{Time: old}, old},
		"the event, which waited for a week": {Message{Time: young, Event: event.CloudEvent{Time: old}}, old},
		"the first failure":                  {Message{Time: young, Event: event.CloudEvent{Time: young}, Death: &event.Death{First: old}}, old},
		"an event that says it is to come":   {Message{Time: old, Event: event.CloudEvent{Time: now.Add(time.Hour)}}, old},
		"no other time":                      {Message{Time: young, Death: &event.Death{}}, young},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.letter.Since()) })
	}
}
