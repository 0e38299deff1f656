// Package spans has what a process does for a request be exported by OTLP, as OpenTelemetry's
// environment variables say: to OTEL_EXPORTER_OTLP_ENDPOINT, of so many traces as
// OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG name.
package spans

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

const (
	// usualShare is the share of traces that are recorded unless the environment names another.
	usualShare = 0.05
	// exportTime bounds the export of a batch with all attempts. Spans wait meanwhile, as many
	// as the queue takes (OTEL_BSP_MAX_QUEUE_SIZE, 2048); others are dropped.
	exportTime = 10 * time.Second
	// farewell bounds the export of what is left when the process ends.
	farewell = 3 * time.Second
	// seldom is how often at most failures are logged.
	seldom = time.Minute
)

// Outcomes of spans.
const (
	Ended    = "ended"    // of a trace that is recorded
	Exported = "exported" // the collector took it
	Failed   = "failed"   // the collector did not; what is neither was dropped, or waits
)

// Outcomes lists what becomes of spans.
func Outcomes() []string { return []string{Ended, Exported, Failed} }

// Start sets OpenTelemetry's providers of this process, which is a service of that name, and
// returns what exports the rest of its spans when it ends. Without an endpoint, and with one
// that makes no sense, nothing is recorded or exported; ids are made and handed on all the same.
// Nothing ever waits for an export. count receives how many spans had an outcome.
func Start(ctx context.Context, service string, log *slog.Logger, count func(outcome string, spans int)) (stop func()) {
	rarely := &reporter{log: log}
	otel.SetLogger(logr.Discard()) // what goes wrong comes to the handler of errors
	otel.SetErrorHandler(rarely)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	options := []sdk.TracerProviderOption{sdk.WithIDGenerator(ids{}), sdk.WithSampler(sdk.NeverSample())}
	if cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")) != "" {
		// The collector may come long after the service: gRPC's usual pause is up to two minutes.
		again := grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: time.Second, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 10 * time.Second}, MinConnectTimeout: 5 * time.Second}
		exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithDialOption(grpc.WithConnectParams(again)), otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{
			Enabled: true, InitialInterval: time.Second, MaxInterval: 5 * time.Second, MaxElapsedTime: exportTime,
		}))
		if err != nil {
			log.ErrorContext(ctx, "traces are not exported", "error", err)
		} else {
			options = append(exporting(ctx, service, exporter, count), sdk.WithIDGenerator(ids{}))
		}
	}
	provider := sdk.NewTracerProvider(options...)
	otel.SetTracerProvider(provider)
	return func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		if err := provider.Shutdown(limited); err != nil {
			rarely.Handle(err)
		}
	}
}

// exporting are the options of a provider that exports.
func exporting(ctx context.Context, service string, to sdk.SpanExporter, count func(string, int)) []sdk.TracerProviderOption {
	its, err := resource.New(ctx, resource.WithAttributes(semconv.ServiceName(service)), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		otel.Handle(err) // what could be read is in it
	}
	options := []sdk.TracerProviderOption{
		sdk.WithResource(its),
		sdk.WithRawSpanLimits(limits()),
		sdk.WithSpanProcessor(counter{count}),
		sdk.WithBatcher(known{to, count}, sdk.WithExportTimeout(exportTime)),
	}
	if os.Getenv("OTEL_TRACES_SAMPLER") == "" {
		options = append(options, sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(usualShare))))
	}
	return options
}

// limits bound what a span holds, however much is done within it.
func limits() sdk.SpanLimits {
	its := sdk.NewSpanLimits()
	its.AttributeValueLengthLimit, its.EventCountLimit = 256, 16
	return its
}

// counter counts spans as they end.
type counter struct{ count func(string, int) }

func (counter) OnStart(context.Context, sdk.ReadWriteSpan) {}

func (c counter) OnEnd(its sdk.ReadOnlySpan) {
	if its.SpanContext().IsSampled() {
		c.count(Ended, 1)
	}
}

func (counter) Shutdown(context.Context) error   { return nil }
func (counter) ForceFlush(context.Context) error { return nil }

// reporter logs the SDK's errors, of which there is one for each batch while the collector is
// away, now and then.
type reporter struct {
	log  *slog.Logger
	last atomic.Int64 // Unix nanoseconds
}

func (r *reporter) Handle(err error) {
	now, last := time.Now().UnixNano(), r.last.Load()
	if now-last < int64(seldom) || !r.last.CompareAndSwap(last, now) {
		return
	}
	r.log.Warn("spans are lost", "error", err)
}
