// Package tracing carries through a context what ties a user's request to every event that
// follows from it: its trace, which is OpenTelemetry's, and beside it the correlation id and
// when what the work follows from was accepted.
package tracing

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
)

// Trace is what a context carries beside the span.
type Trace struct {
	CorrelationID string
	// Accepted is when what the work follows from was accepted: for what is done about an
	// event. It is zero for a request, which is not accepted yet.
	Accepted time.Time
}

type key struct{}

// With returns a context that carries t.
func With(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, key{}, t)
}

// From returns what ctx carries, or the zero one.
func From(ctx context.Context) Trace {
	t, _ := ctx.Value(key{}).(Trace)
	return t
}

// Correlated takes up a caller's correlation id. One that is missing or malformed is made anew.
func Correlated(ctx context.Context, correlationID string) context.Context {
	if id, err := uuid.Parse(correlationID); err == nil {
		correlationID = id.String()
	} else {
		correlationID = NewID().String()
	}
	return With(ctx, Trace{CorrelationID: correlationID})
}

// Continue takes up what somebody else wrote down: a correlation id as Correlated does, and
// a W3C trace parent, whose trace the next span belongs to. Without a valid one that span
// begins a trace.
func Continue(ctx context.Context, correlationID, parent string) context.Context {
	return Correlated(Remote(ctx, parent), correlationID)
}

// Remote has the next span belong to the trace of a W3C trace parent, or begin one if that is
// not valid.
func Remote(ctx context.Context, parent string) context.Context {
	if parent != "" && parent == Parent(ctx) {
		return ctx // it is no other's
	}
	ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
}

// Parent returns the W3C trace parent of what follows from ctx's span; "" without one.
func Parent(ctx context.Context) string {
	its := trace.SpanContextFromContext(ctx)
	if !its.IsValid() {
		return ""
	}
	return "00-" + its.TraceID().String() + "-" + its.SpanID().String() + "-" + (its.TraceFlags() & trace.FlagsSampled).String()
}

// NewParent makes a trace parent of a trace that nobody records.
func NewParent() string {
	var made struct {
		trace trace.TraceID
		span  trace.SpanID
	}
	_, _ = rand.Read(made.trace[:]) // never fails: crypto/rand ends the process instead
	_, _ = rand.Read(made.span[:])
	return "00-" + made.trace.String() + "-" + made.span.String() + "-00"
}

// TraceID returns the id of ctx's trace, or "" without one.
func TraceID(ctx context.Context) string {
	its := trace.SpanContextFromContext(ctx)
	if !its.HasTraceID() {
		return ""
	}
	return its.TraceID().String()
}

// Recorded tells whether ctx's trace is one of those that are recorded.
func Recorded(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsSampled() }

// scope names what the spans of this package are of.
const scope = "github.com/wealth-companion/companion/app"

var tracer = otel.Tracer(scope) // of the provider that the process sets, now or later

// Start starts a span in ctx's trace. Its name and attributes are of a known set, or ids: no
// texts, amounts, addresses. The caller ends it by End.
func Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	return tracer.Start(ctx, name, options...)
}

// Conversation is the correlation id of what ctx's span is about.
func Conversation(ctx context.Context) attribute.KeyValue {
	return semconv.MessagingMessageConversationID(From(ctx).CorrelationID)
}

// End ends a span, which failed if err is not nil. The text of an error is for the log, which
// knows the trace: it may repeat what somebody wrote.
func End(span trace.Span, err error) {
	if err != nil && span.IsRecording() {
		span.SetStatus(codes.Error, "")
		span.SetAttributes(attribute.String("error.type", errorType(err)))
	}
	span.End()
}

// errorType is the type of the innermost error, which is of the program's making.
func errorType(err error) string {
	for next := err; next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return fmt.Sprintf("%T", err)
}

// Each starts a span of that name in the trace of each context that is recorded, for work that
// is done for all of them at once. The work is done in the context that it returns: that of
// the first, to which the others are linked. The caller ends them by end.
func Each(of []context.Context, name string, options ...trace.SpanStartOption) (ctx context.Context, end func(error)) {
	var spans []trace.Span
	ctx = of[0] // of a trace that nobody records, if none is
	for _, one := range of {
		if !Recorded(one) {
			continue
		}
		all := options
		if len(spans) > 0 {
			all = append(all[:len(all):len(all)], trace.WithLinks(trace.Link{SpanContext: spans[0].SpanContext()}))
		}
		started, span := Start(one, name, all...)
		if len(spans) == 0 {
			ctx = started
		}
		spans = append(spans, span)
	}
	return ctx, func(err error) {
		for _, span := range spans {
			End(span, err)
		}
	}
}

type givenKey struct{}

// WithTraceID has a trace that begins with the next span have that id, which a caller gave it.
func WithTraceID(ctx context.Context, id trace.TraceID) context.Context {
	return context.WithValue(ctx, givenKey{}, id)
}

// GivenTraceID returns the id of WithTraceID.
func GivenTraceID(ctx context.Context) (trace.TraceID, bool) {
	id, is := ctx.Value(givenKey{}).(trace.TraceID)
	return id, is
}

// NewID returns a UUIDv7: unique, and in the order of its making.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
