package bus

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/wealth-companion/companion/app/core/event"
)

// Handler acts on an event that is within its contract. It must be idempotent:
// the same event may come again. first is false when it was a duplicate. An
// error has the event delivered again, and after some tries dead-lettered.
//
// What a handler must hold to is tested by package conformance.
type Handler func(ctx context.Context, e event.CloudEvent) (first bool, err error)

// ByTopic lays a service's handlers, keyed by the types of events, out by the
// topics that it consumes. A topic without a handler is a defect of the program.
func ByTopic(service string, byType map[string]Handler) map[string]Handler {
	byTopic := map[string]Handler{}
	for _, topic := range event.ConsumedBy(service) {
		handle, ok := byType[topic.Type]
		if !ok {
			panic("no handler in " + service + " for " + topic.Type)
		}
		byTopic[topic.Name] = handle
	}
	return byTopic
}

// Receiver is the app channel: the sidecar posts the events of a topic to
// /events/<topic>. Which topics those are is declared by Subscriptions in the
// cluster, so the sidecar's question for more is answered with none.
//
// The sidecar delivers an event until it is taken, and what is behind it in the
// partition waits. So an event that will never be handled is dead-lettered here:
// one that breaks its contract at once, one that its handler failed at after
// three tries. An event that could not be handled because something is away is
// none of those, however long that lasts.
type Receiver struct {
	Service  string
	Handlers map[string]Handler // by topic
	// Outage tells whether a handler's error is the fault of what it needs.
	Outage func(context.Context, error) bool
	// DeadLetter publishes on a topic of dead letters.
	DeadLetter func(ctx context.Context, topic, key string, payload []byte) error
	// Journal is for events that end the process; nil: they are delivered for ever.
	Journal *Journal
	Log     *slog.Logger
	// Outcome is told of every delivery.
	Outcome func(topic, outcome string)

	failures failures
}

// Handler is the receiver as the app channel's HTTP handler.
func (r *Receiver) Handler() http.Handler {
	r.recall()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dapr/subscribe", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, []any{}) })
	for topic, handle := range r.Handlers {
		deliver := chain(act(handle), traced, counted(r.Outcome), logged(r.Log), r.buried, postponed(r.Outage), checked, r.journaled, recovered)
		mux.HandleFunc("POST /events/"+topic, func(w http.ResponseWriter, request *http.Request) {
			d, err := read(request, topic)
			if err != nil {
				r.Outcome(topic, Postponed)
			} else {
				_, err = deliver(request.Context(), d)
			}
			if err != nil {
				answer(w, http.StatusServiceUnavailable, map[string]string{"error": err.Error()})
				return
			}
			answer(w, http.StatusOK, map[string]string{"status": "SUCCESS"})
		})
	}
	// The sidecar takes 404 for "drop it". A subscription that is newer than this
	// program must wait for the program instead.
	mux.HandleFunc("/events/", func(w http.ResponseWriter, request *http.Request) {
		r.Log.WarnContext(request.Context(), "nothing is handled here", "path", request.URL.Path)
		answer(w, http.StatusServiceUnavailable, map[string]string{"error": "nothing is handled at " + request.URL.Path})
	})
	return mux
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// read takes a delivery in. An error means that it did not arrive.
func read(request *http.Request, topic string) (delivery, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(nil, request.Body, maxEvent))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return delivery{}, err
	}
	d := delivery{topic: topic, raw: raw, unread: err}
	if err == nil {
		d.unread = json.Unmarshal(raw, &d.event)
	}
	return d, nil
}
