package spans

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/wealth-companion/companion/app/core/tracing"
)

// counts counts spans by their outcomes.
type counts struct {
	mu sync.Mutex
	by map[string]int
}

func (c *counts) add(outcome string, spans int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]int{}
	}
	c.by[outcome] += spans
}

// What libraries note of requests, statements and errors stays here.
func TestOnlyWhatIsKnownLeaves(t *testing.T) {
	const secret = "ada@example.org 12.50"
	exporter := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(known{exporter, (&counts{}).add}))
	_, span := provider.Tracer("x").Start(t.Context(), "GET /a", trace.WithAttributes(
		semconv.URLFull(secret), semconv.URLPath(secret), semconv.ClientAddress(secret), semconv.UserAgentOriginal(secret),
		semconv.ServerAddress(secret), semconv.DBQueryText(secret), attribute.String("http.request.method_original", secret), attribute.String("made.up", secret),
		semconv.HTTPRoute("/a")),
		trace.WithLinks(trace.Link{Attributes: []attribute.KeyValue{attribute.String("made.up", secret)}}))
	span.RecordError(fmt.Errorf("of %s: %w", secret, errors.ErrUnsupported))
	span.SetStatus(codes.Error, secret)
	span.End()
	spans := exporter.GetSpans()
	require.Len(t, spans, 1)
	require.NotContains(t, fmt.Sprint(spans), secret)
	require.Equal(t, []attribute.KeyValue{semconv.HTTPRoute("/a")}, spans[0].Attributes)
	require.Equal(t, sdk.Status{Code: codes.Error}, spans[0].Status)
	require.Len(t, spans[0].Events, 1)
	require.Equal(t, "exception", spans[0].Events[0].Name)
	require.Len(t, spans[0].Events[0].Attributes, 1, "the error's type")
}

func TestWhichTracesAreRecorded(t *testing.T) {
	ours := tracing.Remote(t.Context(), "00-ffffffffffffffffffffffffffffffff-00f067aa0ba902b7-01")
	theirs := tracing.WithTraceID(t.Context(), trace.TraceID{0: 1, 15: 1})
	for name, c := range map[string]struct {
		sampler, arg       string
		inside, outside    bool
		withoutAnyEndpoint bool
	}{
		"by default":              {inside: true, outside: true}, // of the lowest ids, as theirs is
		"none":                    {sampler: "parentbased_traceidratio", arg: "0", inside: true},
		"all":                     {sampler: "always_on", inside: true, outside: true},
		"never":                   {sampler: "always_off"},
		"nobody is told of them:": {withoutAnyEndpoint: true, sampler: "always_on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_TRACES_SAMPLER", c.sampler)
			t.Setenv("OTEL_TRACES_SAMPLER_ARG", c.arg)
			var n counts
			exporter := tracetest.NewInMemoryExporter()
			options := []sdk.TracerProviderOption{sdk.WithSampler(sdk.NeverSample())}
			if !c.withoutAnyEndpoint {
				options = exporting(t.Context(), "analytics", exporter, n.add)
			}
			provider := sdk.NewTracerProvider(append(options, sdk.WithIDGenerator(ids{}))...)
			want := 0
			for _, one := range []struct {
				ctx      context.Context
				recorded bool
			}{{ours, c.inside}, {theirs, c.outside}} {
				started, span := provider.Tracer("x").Start(one.ctx, "a")
				require.NotEmpty(t, tracing.Parent(started), "ids are there and handed on all the same")
				require.Equal(t, one.recorded, tracing.Recorded(started))
				span.End()
				if one.recorded {
					want++
				}
			}
			require.NoError(t, provider.ForceFlush(t.Context()))
			require.Len(t, exporter.GetSpans(), want)
			require.Equal(t, want, n.by[Ended])
			require.Equal(t, want, n.by[Exported])
			for _, span := range exporter.GetSpans() {
				require.Contains(t, span.Resource.Attributes(), semconv.ServiceName("analytics"))
			}
			require.NoError(t, provider.Shutdown(t.Context()))
		})
	}
}

func TestATraceHasTheIDThatACallerGaveIt(t *testing.T) {
	given := trace.TraceID{1, 2, 3}
	id, step := ids{}.NewIDs(tracing.WithTraceID(t.Context(), given))
	require.Equal(t, given, id)
	require.True(t, step.IsValid())
	id, _ = ids{}.NewIDs(t.Context())
	require.True(t, id.IsValid())
	id, _ = ids{}.NewIDs(tracing.WithTraceID(t.Context(), trace.TraceID{}))
	require.True(t, id.IsValid(), "zeros are no id")
}

// failing takes nothing.
type failing struct{ sdk.SpanExporter }

func (failing) ExportSpans(context.Context, []sdk.ReadOnlySpan) error {
	return errors.New("the collector is away")
}
func (failing) Shutdown(context.Context) error { return nil }

// stuck takes what it is given, and never answers.
type stuck struct{ failing }

func (stuck) ExportSpans(ctx context.Context, _ []sdk.ReadOnlySpan) error {
	<-ctx.Done()
	return ctx.Err()
}

// However many spans there are, and whatever the collector does, a request does not wait.
func TestNothingWaitsForTheCollector(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	for name, exporter := range map[string]sdk.SpanExporter{"that fails": failing{}, "that does not answer": stuck{}} {
		t.Run(name, func(t *testing.T) {
			var n counts
			ctx, cancel := context.WithCancel(t.Context())
			provider := sdk.NewTracerProvider(exporting(ctx, "analytics", exporter, n.add)...)
			const many = 20_000 // ten times the queue
			for range many {
				_, span := provider.Tracer("x").Start(ctx, "a")
				span.End()
			}
			cancel()
			_ = provider.Shutdown(ctx) // its time is over: it returns at once
			n.mu.Lock()
			defer n.mu.Unlock()
			require.Equal(t, many, n.by[Ended])
			require.Zero(t, n.by[Exported])
		})
	}
}

func TestLostSpansAreLoggedSeldom(t *testing.T) {
	var out bytes.Buffer
	r := &reporter{log: slog.New(slog.NewJSONHandler(&out, nil))}
	for range 100 {
		r.Handle(errors.New("the collector is away"))
	}
	require.Equal(t, 1, strings.Count(out.String(), "spans are lost"))
}
