// Package requests is what every HTTP server of the application does around a request: its
// trace context, its log line, its metric, and an answer even when the program has a defect.
package requests

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/messaging/bus"
)

// CorrelationHeader ties a caller's requests to what follows from them.
const CorrelationHeader = "X-Correlation-Id"

// Recorder is told of every request.
type Recorder struct {
	Log *slog.Logger
	// Observe counts a request. route is its pattern, never its path, which a caller makes up.
	Observe func(ctx context.Context, method, route string, status int, took time.Duration)
}

// Around has next answer within the request's trace. route is asked when the request has been
// answered, and refuse answers what ended in a panic.
func (o Recorder) Around(route func(*http.Request) string, refuse func(http.ResponseWriter, *http.Request, error), next http.Handler) http.Handler {
	observed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		r = r.WithContext(tracing.Correlated(r.Context(), r.Header.Get(CorrelationHeader)))
		w.Header().Set(CorrelationHeader, tracing.From(r.Context()).CorrelationID)
		recorded := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() {
			if defect := recover(); defect != nil {
				if defect == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
					panic(defect)
				}
				refuse(recorded, r, apperror.Defect(defect))
			}
			took, pattern := time.Since(began), route(r)
			if span := trace.SpanFromContext(r.Context()); span.IsRecording() {
				span.SetName(Method(r.Method) + " " + pattern)
				span.SetAttributes(semconv.HTTPRoute(pattern), tracing.Conversation(r.Context()))
			}
			o.Observe(r.Context(), r.Method, pattern, recorded.Status(), took)
			o.Log.InfoContext(r.Context(), "request", "method", Method(r.Method), "route", pattern, "status", recorded.Status(), "took_ms", took.Milliseconds())
		}()
		next.ServeHTTP(recorded, r)
	})
	return otelhttp.NewHandler(observed, "", otelhttp.WithTracerProvider(otel.GetTracerProvider()), otelhttp.WithPropagators(incoming{}),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return Method(r.Method) + " " + route(r) }))
}

// incoming takes up a caller's trace. From the pod's sidecar come our own services, whose word
// it is whether the trace is recorded; others give it its id only, for what is recorded costs us.
type incoming struct{ propagation.TraceContext }

func (i incoming) Extract(ctx context.Context, headers propagation.TextMapCarrier) context.Context {
	continued := i.TraceContext.Extract(ctx, headers)
	if bus.Invoked(ctx) {
		return continued
	}
	if its := trace.SpanContextFromContext(continued); its.IsValid() {
		return tracing.WithTraceID(ctx, its.TraceID())
	}
	return ctx
}

// Method is a request's method, or "other" when the caller made it up.
func Method(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

// FromProxies notes who asks, for Address: whoever connects or, where that is one of the
// proxies' networks (CIDR), the last address in X-Forwarded-For that is none of theirs.
func FromProxies(proxies []string) func(http.Handler) http.Handler {
	if len(proxies) == 0 {
		return middleware.ClientIPFromRemoteAddr
	}
	return middleware.ClientIPFromXFF(proxies...)
}

// Address is the address of who asks; that of the proxy, where it does not say.
func Address(r *http.Request) string {
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		peer = r.RemoteAddr
	}
	return cmp.Or(middleware.GetClientIP(r.Context()), peer)
}
