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
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/stack"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
)

// delivery is a way of a sidecar's to deliver events.
type delivery struct {
	name, topic string
	bulk        stack.Bulk
}

var deliveries = []delivery{
	{"each event alone", "bench-alone", stack.Bulk{}},
	{"up to 100 together, within 20 ms", "bench-together", stack.Bulk{Most: 100, Wait: 20}},
}

const (
	// daprEvents are published by callers at a time, each with a key of its own.
	daprEvents    = 6000
	daprConsumers = 3
)

// daprAlone publishes events as the relay does and has them delivered to applications
// that do nothing: what remains is what sidecars and Kafka take. It returns how many
// were published in a second, and how many had reached every consumer in a second.
func daprAlone(t *testing.T, s *stack.Stack, how delivery) (published, delivered float64) {
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
	publish := func(key string) error {
		raw, err := json.Marshal(sample(t, key))
		if err != nil {
			return err
		}
		return publisher.Publish(t.Context(), how.topic, key, raw)
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
	require.NoError(t, publish(uuid.NewString()))
	require.Eventually(t, arrived(1), time.Minute, 5*time.Millisecond)
	began := time.Now()
	var group errgroup.Group
	for range callers {
		group.Go(func() error {
			key := uuid.NewString()
			for range daprEvents / callers {
				if err := publish(key); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	took := time.Since(began)
	require.Eventually(t, arrived(1+daprEvents), 2*time.Minute, 5*time.Millisecond)
	return daprEvents / took.Seconds(), daprEvents / time.Since(began).Seconds()
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
