package bus

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/wealth-companion/companion/app/core/tracing"
)

// traced has what is done about an event continue its trace, with a span for the delivery.
// Where the sidecar's own span of it belongs to the same trace, that is its parent.
func traced(next step) step {
	return func(ctx context.Context, d delivery) (outcome string, err error) {
		sidecars := trace.SpanContextFromContext(ctx)
		ctx = d.event.Continue(ctx)
		its := trace.SpanContextFromContext(ctx)
		if its.IsValid() && its.TraceID() == sidecars.TraceID() {
			ctx = trace.ContextWithRemoteSpanContext(ctx, sidecars)
		}
		ctx, span := tracing.Start(ctx, "process "+d.topic, trace.WithSpanKind(trace.SpanKindConsumer),
			trace.WithAttributes(semconv.MessagingSystemKafka, semconv.MessagingDestinationName(d.topic), semconv.MessagingOperationTypeProcess))
		if its.IsValid() { // else it breaks its contract
			d.event.TraceParent = tracing.Parent(ctx)
		}
		defer func() {
			span.SetAttributes(attribute.String("companion.outcome", outcome), tracing.Conversation(ctx))
			if outcome != Refused && outcome != Drill { // an id, and not whatever is in its place
				span.SetAttributes(semconv.MessagingMessageID(d.event.ID))
			}
			tracing.End(span, err)
		}()
		return next(ctx, d)
	}
}

// fromSidecar takes up the trace context of a delivery's request.
func fromSidecar(request *http.Request) context.Context {
	return tracing.Remote(request.Context(), request.Header.Get("Traceparent"))
}
