package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/trail"
)

// Handler acts on an event that is within its contract. It must be idempotent:
// the same event may come again. first is false when it was a duplicate. An
// error has the event delivered again, and after some tries dead-lettered.
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

// Outcomes of a delivery.
const (
	Handled   = "handled"
	Duplicate = "duplicate"
	Refused   = "refused" // breaks its contract
	Failed    = "failed"
)

// maxEvent is as much as the broker takes.
const maxEvent = 1 << 20

// Receiver is the app channel: the sidecar posts the events of a topic to
// /events/<topic>. Which topics those are is declared by Subscriptions in the
// cluster, so the sidecar's question for more is answered with none.
func Receiver(handlers map[string]Handler, log *slog.Logger, outcome func(topic, outcome string)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dapr/subscribe", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, []any{}) })
	for topic, handle := range handlers {
		mux.HandleFunc("POST /events/"+topic, func(w http.ResponseWriter, r *http.Request) {
			result, err := deliver(r, handle, log)
			outcome(topic, result)
			if err == nil {
				answer(w, http.StatusOK, map[string]string{"status": "SUCCESS"})
				return
			}
			// Not DROP: that would lose the event without a trace. An error has
			// Dapr's resiliency decide when it is a dead letter.
			log.ErrorContext(r.Context(), "event not handled", "topic", topic, "outcome", result, "error", err)
			answer(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		})
	}
	return mux
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func deliver(r *http.Request, handle Handler, log *slog.Logger) (outcome string, err error) {
	raw, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxEvent))
	if err != nil {
		return Refused, err
	}
	var e event.CloudEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		return Refused, fmt.Errorf("not a CloudEvent: %w", err)
	}
	if err := event.Check(e); err != nil {
		return Refused, fmt.Errorf("event %s: %w", e.ID, err)
	}
	ctx := trail.With(r.Context(), trail.Continue(e.CorrelationID, e.TraceParent))
	defer func() {
		// A defect in a handler is that event's, not the service's.
		if defect := recover(); defect != nil {
			outcome, err = Failed, fmt.Errorf("event %s: the handler panicked: %v\n%s", e.ID, defect, debug.Stack())
		}
	}()
	first, err := handle(ctx, e)
	if err != nil {
		return Failed, fmt.Errorf("event %s: %w", e.ID, err)
	}
	if !first {
		log.InfoContext(ctx, "duplicate event", "type", e.Type, "event_id", e.ID)
		return Duplicate, nil
	}
	log.InfoContext(ctx, "event handled", "type", e.Type, "event_id", e.ID)
	return Handled, nil
}
