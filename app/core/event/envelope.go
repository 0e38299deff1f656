package event

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/wealth-companion/companion/app/core/tracing"
)

// ContentType is that of an event in the structured mode of CloudEvents.
const ContentType = "application/cloudevents+json"

// CloudEvent is an event in its envelope, CloudEvents 1.0 in JSON.
type CloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Data            json.RawMessage `json:"data"`
	CorrelationID   string          `json:"correlationid"`
	TraceParent     string          `json:"traceparent"`
	// AcceptedAt is the time of the event that this one follows from, through however many
	// others; nil: it follows from none.
	AcceptedAt *time.Time `json:"acceptedat,omitempty"`
	// Drill tells of an event that breaks its contract that somebody sent it to see what becomes of
	// it. It means nothing in one that is within its contract.
	Drill bool `json:"drill,omitempty"`
}

// Continue gives ctx the trace context of what is done about the event.
func (e CloudEvent) Continue(ctx context.Context) context.Context {
	ctx = tracing.Continue(ctx, e.CorrelationID, e.TraceParent)
	its := tracing.From(ctx)
	its.Accepted = e.Time
	if e.AcceptedAt != nil {
		its.Accepted = *e.AcceptedAt
	}
	return tracing.With(ctx, its)
}

// New puts data into an envelope of its own id that continues ctx's trace, or begins one.
// service is who publishes it; subject is what it is about. The event of a thing that
// is deleted holds none of its texts and amounts: compacted topics keep it for good.
func New(ctx context.Context, service, kind, subject string, data any) (CloudEvent, error) {
	if last, is := data.(interface{ redacted() any }); is {
		data = last.redacted()
	}
	body, err := json.Marshal(data)
	if err != nil {
		return CloudEvent{}, fmt.Errorf("encoding the data of %s: %w", kind, err)
	}
	from := tracing.From(ctx)
	if from.CorrelationID == "" {
		from.CorrelationID = tracing.NewID().String()
	}
	parent := tracing.Parent(ctx)
	if parent == "" {
		begun, span := tracing.Start(ctx, "create "+kind)
		span.End()
		parent = cmp.Or(tracing.Parent(begun), tracing.NewParent())
	}
	e := CloudEvent{
		SpecVersion: "1.0", ID: tracing.NewID().String(), Source: "/services/" + service,
		Type: kind, Subject: subject, Time: time.Now().UTC(), DataContentType: "application/json",
		Data: body, CorrelationID: from.CorrelationID, TraceParent: parent,
	}
	if !from.Accepted.IsZero() {
		e.AcceptedAt = &from.Accepted
	}
	return e, nil
}

// Decode reads the event's data into a struct of this package.
func Decode[T any](e CloudEvent) (T, error) {
	var data T
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return data, fmt.Errorf("decoding the data of %s %s: %w", e.Type, e.ID, err)
	}
	return data, nil
}

// Key is what a topic is partitioned by: the user, so that a user's events stay in
// order; on a compacted topic the thing that the event is the last word on. An
// event that breaks its contract may have no such key, and goes by its id.
func Key(e CloudEvent) string {
	key := e.Subject
	if topic, _ := OfType(e.Type); !topic.Compacted {
		its, err := Decode[struct {
			UserID string `json:"userId"`
		}](e)
		if key = its.UserID; err != nil {
			key = ""
		}
	}
	return cmp.Or(key, e.ID)
}

// A dead letter of what is no JSON object, or is larger than MaxUnreadable, is an event of the
// type TypeUnreadable, whose data is a text: what came, up to MaxUnreadable bytes of it.
const (
	TypeUnreadable = "unreadable"
	MaxUnreadable  = 128 << 10
)

// Death is how an event came to be a dead letter: extensions of the event, which
// is otherwise as it came.
type Death struct {
	Reason  string    `json:"dlqreason"`
	Topic   string    `json:"dlqtopic"`
	Handler string    `json:"dlqhandler"` // the service
	Tries   int       `json:"dlqtries"`
	First   time.Time `json:"dlqfirst"` // when it was tried, UTC
	Last    time.Time `json:"dlqlast"`
}
