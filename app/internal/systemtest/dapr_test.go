//go:build bench

package systemtest

import (
	"encoding/json"
	"fmt"
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
	{"8 published together, delivered together within 50 ms", "bench-together", callers,
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
	port := 0
	for i := range counts {
		port = s.Bare(fmt.Sprintf("%s-%d", how.topic, i), how.topic, how.bulk, nothing(&counts[i]))
	}
	t.Setenv("DAPR_GRPC_PORT", fmt.Sprint(port))
	publisher, err := bus.NewPublisher(sidecar.PubSub(fmt.Sprintf("%s-%d", how.topic, daprConsumers-1)))
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

// nothing is an application that takes every event, alone or in bulk, and counts it
// once.
func nothing(count *atomic.Int64) http.Handler {
	var seen sync.Map
	one := func(id string) {
		if _, again := seen.LoadOrStore(id, true); !again {
			count.Add(1)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dapr/subscribe", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("[]")) })
	mux.HandleFunc("POST /events/", func(w http.ResponseWriter, r *http.Request) {
		var its struct {
			ID      string `json:"id"`
			Entries []struct {
				EntryID string `json:"entryId"`
				Event   struct {
					ID string `json:"id"`
				} `json:"event"`
			} `json:"entries"`
		}
		if err := json.NewDecoder(r.Body).Decode(&its); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if its.Entries == nil {
			one(its.ID)
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
			one(entry.Event.ID)
			answer.Statuses = append(answer.Statuses, status{entry.EntryID, "SUCCESS"})
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
	return mux
}
