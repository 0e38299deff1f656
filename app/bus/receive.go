package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

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
	Refused   = "refused"   // breaks its contract
	Failed    = "failed"    // the handler could not, and is tried again
	Postponed = "postponed" // what the handler needs is away
	Dead      = "dead"      // the handler could not as often as it is tried
)

// maxEvent is as much as the broker takes.
const maxEvent = 1 << 20

// maxTries is how often a handler may fail at an event.
const maxTries = 3

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
	Log        *slog.Logger
	// Outcome is told of every delivery.
	Outcome func(topic, outcome string)

	failures failures
}

// Handler is the receiver as the app channel's HTTP handler.
func (r *Receiver) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dapr/subscribe", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, []any{}) })
	for topic, handle := range r.Handlers {
		mux.HandleFunc("POST /events/"+topic, func(w http.ResponseWriter, request *http.Request) {
			outcome, err := r.deliver(request, topic, handle)
			r.Outcome(topic, outcome)
			if err != nil {
				r.Log.ErrorContext(request.Context(), "event not handled", "topic", topic, "outcome", outcome, "error", err)
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

// deliver has an event handled. An error has it delivered again.
func (r *Receiver) deliver(request *http.Request, topic string, handle Handler) (outcome string, err error) {
	raw, err := io.ReadAll(http.MaxBytesReader(nil, request.Body, maxEvent))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return Postponed, err
	}
	e, refusal := read(raw, err)
	ctx := trail.With(request.Context(), trail.Continue(e.CorrelationID, e.TraceParent))
	if refusal != nil {
		return Refused, r.bury(ctx, topic, raw, e.ID, refusal)
	}
	first, err := safely(ctx, handle, e)
	switch {
	case err == nil && first:
		r.failures.forget(topic, e.ID)
		r.Log.InfoContext(ctx, "event handled", "type", e.Type, "event_id", e.ID)
		return Handled, nil
	case err == nil:
		r.failures.forget(topic, e.ID)
		r.Log.InfoContext(ctx, "duplicate event", "type", e.Type, "event_id", e.ID)
		return Duplicate, nil
	case request.Context().Err() != nil, r.Outage(ctx, err):
		return Postponed, fmt.Errorf("event %s: %w", e.ID, err)
	}
	if tries := r.failures.note(topic, e.ID); tries < maxTries {
		return Failed, fmt.Errorf("event %s, try %d of %d: %w", e.ID, tries, maxTries, err)
	}
	return Dead, r.bury(ctx, topic, raw, e.ID, err)
}

// read returns the event, or why it is none to be handled.
func read(raw []byte, err error) (event.CloudEvent, error) {
	var e event.CloudEvent
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf("not a CloudEvent: %w", err)
	}
	return e, event.Check(e)
}

// safely makes an error of a handler's panic: a defect is that event's, not the
// service's.
func safely(ctx context.Context, handle Handler, e event.CloudEvent) (first bool, err error) {
	defer func() {
		if defect := recover(); defect != nil {
			first, err = false, fmt.Errorf("the handler panicked: %v\n%s", defect, debug.Stack())
		}
	}()
	return handle(ctx, e)
}

// bury dead-letters an event.
func (r *Receiver) bury(ctx context.Context, topic string, raw []byte, id string, reason error) error {
	now := time.Now().UTC()
	died := event.Death{Topic: topic, Handler: r.Service, Reason: reason.Error(), Tries: 1, First: now, Last: now}
	if f, ok := r.failures.of(topic, id); ok {
		died.Tries, died.First = f.tries, f.first
	}
	if err := r.DeadLetter(ctx, event.DeadLetter(topic), id, letter(raw, died)); err != nil {
		return fmt.Errorf("event %s is not dead-lettered yet: %w", id, err)
	}
	r.failures.forget(topic, id)
	r.Log.ErrorContext(ctx, "event dead-lettered", "topic", topic, "event_id", id, "tries", died.Tries, "error", reason)
	return nil
}
