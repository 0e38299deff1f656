package spans_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/service/requests"
)

// discard is a collector that takes everything at once.
type discard struct{}

func (discard) ExportSpans(context.Context, []sdk.ReadOnlySpan) error { return nil }
func (discard) Shutdown(context.Context) error                        { return nil }

// processor is the time that the processor has worked for this process.
func processor(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkRequest is what tracing adds to a request: the server's span, and three more as the
// recording of a transaction has for its round trips to the database and its event.
func BenchmarkRequest(b *testing.B) {
	for _, c := range []struct {
		name    string
		sampler sdk.Sampler // nil: without OpenTelemetry's SDK
	}{{"off", nil}, {"not recorded", sdk.NeverSample()}, {"5 in 100 recorded", sdk.TraceIDRatioBased(.05)}, {"recorded", sdk.AlwaysSample()}} {
		b.Run(c.name, func(b *testing.B) {
			otel.SetTracerProvider(noop.NewTracerProvider())
			if c.sampler != nil {
				provider := sdk.NewTracerProvider(sdk.WithSampler(c.sampler), sdk.WithBatcher(discard{}))
				defer func() { _ = provider.Shutdown(context.Background()) }()
				otel.SetTracerProvider(provider)
			}
			recorder := requests.Recorder{Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Observe: func(context.Context, string, string, int, time.Duration) {}}
			handler := recorder.Around(func(*http.Request) string { return "/a" }, func(http.ResponseWriter, *http.Request, error) {}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				for range 3 {
					_, span := otel.Tracer("x").Start(r.Context(), "step")
					tracing.End(span, nil)
				}
			}))
			r := httptest.NewRequest(http.MethodPost, "/a", nil)
			b.ReportAllocs()
			before := processor(b)
			for b.Loop() {
				handler.ServeHTTP(httptest.NewRecorder(), r)
			}
			b.ReportMetric(float64(processor(b)-before)/float64(b.N), "cpu-ns/op") // whatever else the machine does
		})
	}
}
