//go:build bench

package systemtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/stack"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
	"github.com/wealth-companion/companion/app/ops/admin"
)

// delivery is a way of sidecars to take and deliver events.
type delivery struct {
	name, topic string
	published   int // together
	bulk        stack.Bulk
}

var deliveries = []delivery{
	{"published and delivered each alone", "bench-alone", 1, stack.Bulk{}},
	{"8 published together, delivered alone", "bench-published", callers, stack.Bulk{}},
	{"8 published together, delivered together within " + sidecar.TogetherWait.String(), "bench-together", callers,
		stack.Bulk{Most: sidecar.MaxTogether, Wait: int(sidecar.TogetherWait.Milliseconds())}},
}

const (
	daprEvents    = 6000
	daprConsumers = 3
)

// transport is what sidecars and Kafka do in a second, and what that takes.
type transport struct {
	published, delivered float64 // delivered: to every consumer
	processor            float64 // milliseconds for each event, of all programs
}

// daprAlone publishes events as the relay does and has them delivered to applications
// that do nothing: what remains is what sidecars and Kafka take.
func daprAlone(t *testing.T, s *stack.Stack, how delivery) transport {
	t.Helper()
	var counts [daprConsumers]atomic.Int64
	last := ""
	for i := range counts {
		last = fmt.Sprintf("%s-%d", how.topic, i)
		s.Bare(last, sidecar.Topics{Publishes: []string{how.topic}, Subscribes: []string{how.topic}}, how.bulk, nothing(&counts[i]))
	}
	s.As(t, last)
	publisher, err := bus.NewPublisher(sidecar.PubSub(last))
	require.NoError(t, err)
	defer publisher.Close()
	publish := func(events int) {
		messages := make([]bus.Message, events)
		for i := range messages {
			key := uuid.NewString()
			raw, err := json.Marshal(sample(t, key))
			require.NoError(t, err)
			messages[i] = bus.Message{Key: key, Payload: raw}
		}
		if events == 1 {
			require.NoError(t, publisher.Publish(t.Context(), how.topic, messages[0].Key, messages[0].Payload))
			return
		}
		require.NoError(t, publisher.PublishAll(t.Context(), how.topic, messages))
	}
	arrived := func(n int64) func() bool {
		return func() bool {
			for i := range counts {
				if counts[i].Load() < n {
					return false
				}
			}
			return true
		}
	}
	// Everybody has joined their group once one event came to all.
	publish(1)
	require.Eventually(t, arrived(1), time.Minute, 5*time.Millisecond)
	worked, _ := usage(s)
	began := time.Now()
	for range daprEvents / how.published {
		publish(how.published)
	}
	took := time.Since(began)
	require.Eventually(t, arrived(1+daprEvents), 2*time.Minute, 5*time.Millisecond)
	total := time.Since(began)
	done, _ := usage(s)
	return transport{daprEvents / took.Seconds(), daprEvents / total.Seconds(), (done - worked) / daprEvents}
}

func sample(t *testing.T, user string) event.CloudEvent {
	e, err := event.New(t.Context(), event.Backend, event.TypeTransactionCreated, user, event.TransactionCreated{
		TransactionID: uuid.New(), UserID: uuid.MustParse(user), Amount: "12.50", Currency: "EUR", Type: event.Expense, Category: "groceries",
		WalletID: uuid.New(), Timestamp: time.Now().UTC(),
	})
	require.NoError(t, err)
	return e
}

// The topics between a transaction and its alert, with as many partitions as those have.
var hopTopics = []admin.Topic{
	{Name: "bench-transactions", Partitions: 2},
	{Name: "bench-insights", Partitions: 6},
	{Name: "bench-alerts", Partitions: 6},
}

// daprHops has sidecars alone take the way of an alert: events come to three
// applications, of which one publishes them again, which another does too. None does
// anything else. It returns how long each took from its publication until it was on the
// last topic, while pace others a second come to the first.
func daprHops(t *testing.T, s *stack.Stack, pace float64) []time.Duration {
	t.Helper()
	first, second, third := hopTopics[0].Name, hopTopics[1].Name, hopTopics[2].Name
	together := deliveries[len(deliveries)-1].bulk
	var measuredKeys sync.Map
	var publishers [3]*bus.Publisher // set before anything is published
	passOn := func(by int, topic string) http.Handler {
		return consumer(func(e received) {
			if _, ok := measuredKeys.Load(e.Subject); !ok {
				return
			}
			// As the relay does, which nobody waits for.
			go func() {
				if err := publishers[by].Publish(context.WithoutCancel(t.Context()), topic, e.Subject, e.raw); err != nil {
					t.Errorf("pass an event on to %s: %v", topic, err)
				}
			}()
		})
	}
	var idle atomic.Int64
	patient := stack.Bulk{Most: sidecar.MaxTogether, Wait: int(sidecar.PatientWait.Milliseconds())}
	takes := func(topic string, publishes ...string) sidecar.Topics {
		return sidecar.Topics{Publishes: publishes, Subscribes: []string{topic}}
	}
	s.Bare("bench-banking", takes(first), patient, nothing(&idle))
	s.Bare("bench-investment", takes(first), patient, nothing(&idle))
	s.Bare("bench-backend", takes(third, first), stack.Bulk{}, nothing(&idle))
	s.Bare("bench-analytics", takes(first, second), together, passOn(1, second))
	s.Bare("bench-notification", takes(second, third), stack.Bulk{}, passOn(2, third))
	for i, name := range []string{"bench-backend", "bench-analytics", "bench-notification"} {
		s.As(t, name)
		publisher, err := bus.NewPublisher(sidecar.PubSub(name))
		require.NoError(t, err)
		defer publisher.Close()
		publishers[i] = publisher
	}
	watch, err := s.Kafka.Watch(third)
	require.NoError(t, err)
	defer watch.Close()
	publish := func(key string) time.Time {
		raw, err := json.Marshal(sample(t, key))
		require.NoError(t, err)
		measuredKeys.Store(key, true)
		began := time.Now()
		require.NoError(t, publishers[0].Publish(t.Context(), first, key, raw))
		return began
	}
	arrival := func(key string) time.Time {
		limited, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		seen, err := watch.Await(limited, "the event of "+key, func(m admin.Message) bool { return m.Event.Subject == key })
		require.NoError(t, err)
		return seen.At
	}
	// Everybody has joined their group once one event went all the way.
	joined := uuid.NewString()
	publish(joined)
	arrival(joined)
	if pace > 0 {
		busy, done := context.WithCancel(t.Context())
		others := make(chan error, 1)
		go func() { others <- publishOthers(busy, t, publishers[0], first, pace) }()
		defer func() { done(); require.NoError(t, <-others) }()
		time.Sleep(2 * time.Second) // the load is what is measured under
	}
	sent := map[string]time.Time{}
	for range flows {
		key := uuid.NewString()
		sent[key] = publish(key)
		time.Sleep(flowPause) // the pace that is measured at
	}
	var samples []time.Duration
	for key, at := range sent {
		samples = append(samples, arrival(key).Sub(at))
	}
	return samples
}

// publishOthers publishes pace events a second until ctx ends, those that are due together.
func publishOthers(ctx context.Context, t *testing.T, publisher *bus.Publisher, topic string, pace float64) error {
	began, published := time.Now(), 0
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var messages []bus.Message
		for due := int(time.Since(began).Seconds() * pace); published < due; published++ {
			key := uuid.NewString()
			raw, err := json.Marshal(sample(t, key))
			if err != nil {
				return err
			}
			messages = append(messages, bus.Message{Key: key, Payload: raw})
		}
		if len(messages) == 0 {
			continue
		}
		if err := publisher.PublishAll(ctx, topic, messages); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// nothing is an application that takes every event, alone or in bulk, and counts it
// once.
func nothing(count *atomic.Int64) http.Handler {
	return consumer(func(received) { count.Add(1) })
}

// received is an event as it was delivered.
type received struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
	raw     json.RawMessage
}

// consumer is an application that takes every event, alone or in bulk, and hands each to
// take once.
func consumer(take func(received)) http.Handler {
	var seen sync.Map
	one := func(raw json.RawMessage) error {
		e := received{raw: raw}
		if err := json.Unmarshal(raw, &e); err != nil {
			return err
		}
		if _, again := seen.LoadOrStore(e.ID, true); !again {
			take(e)
		}
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dapr/subscribe", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("[]")) })
	mux.HandleFunc("POST /events/", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var its struct {
			Entries []struct {
				EntryID string          `json:"entryId"`
				Event   json.RawMessage `json:"event"`
			} `json:"entries"`
		}
		if err == nil {
			err = json.Unmarshal(body, &its)
		}
		if err == nil && its.Entries == nil {
			err = one(body)
		}
		for _, entry := range its.Entries {
			err = errors.Join(err, one(entry.Event))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if its.Entries == nil {
			_, _ = w.Write([]byte(`{"status":"SUCCESS"}`))
			return
		}
		type status struct {
			EntryID string `json:"entryId"`
			Status  string `json:"status"`
		}
		var answer struct {
			Statuses []status `json:"statuses"`
		}
		for _, entry := range its.Entries {
			answer.Statuses = append(answer.Statuses, status{entry.EntryID, "SUCCESS"})
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
	return mux
}
