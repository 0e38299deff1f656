// Package spantest has tests see the spans of their process.
package spantest

import (
	"context"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// OpenTelemetry's tracers stay with the first provider that a process sets.
var recorder = sync.OnceValue(func() *tracetest.InMemoryExporter {
	exporter := tracetest.NewInMemoryExporter()
	otel.SetTracerProvider(sdk.NewTracerProvider(sdk.WithSyncer(exporter)))
	return exporter
})

// Record has spans be recorded from now on. The function returns those that have ended since.
func Record(testing.TB) func() tracetest.SpanStubs {
	exporter := recorder()
	exporter.Reset()
	return exporter.GetSpans
}

// Root returns a context of a trace that begins, and the id of that.
func Root(ctx context.Context) (context.Context, string) {
	ctx, span := otel.Tracer("test").Start(ctx, "root", trace.WithNewRoot())
	return ctx, span.SpanContext().TraceID().String()
}

// Named returns the spans of a name.
func Named(all tracetest.SpanStubs, name string) (found tracetest.SpanStubs) {
	for _, one := range all {
		if one.Name == name {
			found = append(found, one)
		}
	}
	return found
}
