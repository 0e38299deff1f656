package bus

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
)

// Handler acts on an event that is within its contract. It must be idempotent: the
// same event may come again. first is false when it was a duplicate. After an error
// the event is delivered again, and after maxAttempts dead-lettered.
//
// Package conformance tests what is required of handlers.
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
// /events/<topic>, or to /events/together/<topic> several at a time. Which topics those are is declared by Subscriptions in the
// cluster, so the sidecar's question for more is answered with none.
//
// The sidecar delivers an event until it is accepted, and what is behind it in the
// partition waits. So an event that will never be handled is dead-lettered here:
// one that breaks its contract at once, one that its handler failed at after
// maxAttempts. Failures of what a handler needs use up no attempt, however long
// they last.
type Receiver struct {
	Service  string
	Handlers map[string]Handler // by topic
	// Batches are the topics whose events are handled together, by topic. They need no
	// Handler.
	Batches map[string]BatchHandler
	// Outage reports whether a handler's error is due to an unavailable dependency or
	// to a conflict that may not occur again.
	Outage func(context.Context, error) bool
	// DeadLetter publishes on a topic of dead letters.
	DeadLetter func(ctx context.Context, topic, key string, payload []byte) error
	// Journal is for events that end the process; nil: they are delivered for ever.
	Journal *Journal
	Log     *slog.Logger
	// Outcome is called once for each delivery.
	Outcome func(topic, outcome string)
	// First, if set, receives each event that was handled for the first time.
	First func(topic string, e event.CloudEvent)

	failures failures
}

// Handler is the receiver as the app channel's HTTP handler.
func (r *Receiver) Handler() http.Handler {
	r.recall()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dapr/subscribe", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, []any{}) })
	for topic, handle := range r.Handlers {
		if r.Batches[topic] == nil {
			mux.HandleFunc("POST "+sidecar.Events+topic, r.receive(topic, r.deliver(act(handle), r.journaled, recovered)))
		}
	}
	for topic, handle := range r.Batches {
		batches := &batcher{receiver: r, handle: handle, limit: batchTime}
		deliver := r.deliver(batches.act)
		mux.HandleFunc("POST "+sidecar.Events+topic, r.receive(topic, deliver))
		mux.HandleFunc("POST "+sidecar.EventsTogether+topic, r.receiveTogether(topic, deliver))
	}
	// The sidecar takes 404 for "drop it". A subscription that is newer than this
	// program must wait for the program instead.
	mux.HandleFunc(sidecar.Events, func(w http.ResponseWriter, request *http.Request) {
		r.Log.WarnContext(request.Context(), "nothing is handled here", "path", request.URL.Path)
		answer(w, http.StatusServiceUnavailable, map[string]string{"error": "nothing is handled at " + request.URL.Path})
	})
	return mux
}

// deliver is the way of every delivery to the last step.
func (r *Receiver) deliver(last step, around ...middleware) step {
	every := []middleware{traced, counted(r.Outcome, r.First), logged(r.Log), r.deadLettered, postponed(r.Outage), checked}
	return chain(last, append(every, around...)...)
}

// receive answers the deliveries of a topic: 200 has the sidecar go on, 503 deliver again.
func (r *Receiver) receive(topic string, deliver step) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		d, err := read(request, topic)
		if err != nil {
			r.Outcome(topic, Postponed)
		} else {
			_, err = deliver(fromSidecar(request), d)
		}
		if err != nil {
			answer(w, http.StatusServiceUnavailable, map[string]string{"error": err.Error()})
			return
		}
		answer(w, http.StatusOK, map[string]string{"status": "SUCCESS"})
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// read reads a delivery. An error means that it did not arrive.
func read(request *http.Request, topic string) (delivery, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(nil, request.Body, maxEvent))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return delivery{}, err
	}
	if err != nil {
		return delivery{topic: topic, raw: raw, unread: err}, nil
	}
	return decode(topic, raw), nil
}

func decode(topic string, raw []byte) delivery {
	var its struct {
		event.CloudEvent
		DataSchema string `json:"dataschema"`
	}
	err := json.Unmarshal(raw, &its)
	return delivery{topic: topic, raw: raw, unread: err, event: its.CloudEvent, schema: its.DataSchema}
}
