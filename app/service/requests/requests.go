// Package requests is what every HTTP server of the application does around a request: its
// trace context, its log line, its metric, and an answer even when the program has a defect.
package requests

import (
	"cmp"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/tracing"
)

// CorrelationHeader ties a caller's requests to what follows from them.
const CorrelationHeader = "X-Correlation-Id"

// Recorder is told of every request.
type Recorder struct {
	Log *slog.Logger
	// Observe counts a request. route is its pattern, never its path, which a caller makes up.
	Observe func(method, route string, status int, took time.Duration)
}

// Around has next answer within the request's trace. route is asked when the request has been
// answered, and refuse answers what ended in a panic.
func (o Recorder) Around(route func(*http.Request) string, refuse func(http.ResponseWriter, *http.Request, error), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		its := tracing.Continue(r.Header.Get(CorrelationHeader), r.Header.Get("Traceparent"))
		r = r.WithContext(tracing.With(r.Context(), its))
		w.Header().Set(CorrelationHeader, its.CorrelationID)
		recorded := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() {
			if defect := recover(); defect != nil {
				if defect == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
					panic(defect)
				}
				refuse(recorded, r, apperror.Defect(defect))
			}
			took, pattern := time.Since(began), route(r)
			o.Observe(r.Method, pattern, recorded.Status(), took)
			o.Log.InfoContext(r.Context(), "request", "method", Method(r.Method), "route", pattern, "status", recorded.Status(), "took_ms", took.Milliseconds())
		}()
		next.ServeHTTP(recorded, r)
	})
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
