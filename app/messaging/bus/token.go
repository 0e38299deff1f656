package bus

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/wealth-companion/companion/app/messaging/sidecar"
)

// tokenHeader carries the token, in either direction.
const tokenHeader = "dapr-api-token"

// FromSidecar lets those calls through that have the token, and answers all others with 401:
// an event is accepted from the sidecar only. Without a token nothing comes through. The token
// is not handed on.
func FromSidecar(token string, log *slog.Logger, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		// Of equal length, so that the time to compare them tells nothing of the token.
		given := sha256.Sum256([]byte(request.Header.Get(tokenHeader)))
		if subtle.ConstantTimeCompare(given[:], want[:]) != 1 || token == "" {
			log.WarnContext(request.Context(), "a call without the sidecar's token is refused", "from", request.RemoteAddr)
			answer(w, http.StatusUnauthorized, map[string]string{"error": "only the sidecar may call this"})
			return
		}
		request.Header.Del(tokenHeader)
		next.ServeHTTP(w, request.WithContext(context.WithValue(request.Context(), invokedKey{}, true)))
	})
}

type invokedKey struct{}

// Invoked tells whether a request came by the pod's own sidecar: from one of our services,
// which Dapr's access control lets invoke this one, and not from outside.
func Invoked(ctx context.Context) bool {
	is, _ := ctx.Value(invokedKey{}).(bool)
	return is
}

// httpClient calls the sidecar's HTTP API.
func httpClient(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: traces(withToken(http.DefaultTransport))}
}

// traces has every request to the sidecar be a span of its context's trace, which goes along.
// What is asked for nobody's sake is none.
func traces(next http.RoundTripper) http.RoundTripper {
	return otelhttp.NewTransport(next,
		otelhttp.WithTracerProvider(otel.GetTracerProvider()),
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithFilter(func(r *http.Request) bool { return trace.SpanContextFromContext(r.Context()).IsValid() }),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method + " by the sidecar" }))
}

func withToken(next http.RoundTripper) http.RoundTripper {
	return authenticated{os.Getenv(sidecar.APIToken), next}
}

// authenticated adds the token to what goes to the sidecar, and to nothing else: an answer may
// lead elsewhere.
type authenticated struct {
	token string
	next  http.RoundTripper
}

func (a authenticated) RoundTrip(request *http.Request) (*http.Response, error) {
	if a.token != "" && request.URL.Host == sidecarHTTP() {
		request = request.Clone(request.Context())
		request.Header.Set(tokenHeader, a.token)
	}
	return a.next.RoundTrip(request)
}

// rpcToken adds the token to calls of the sidecar's gRPC API: Dapr's SDK adds it to the
// connections that it makes itself only.
type rpcToken string

func (t rpcToken) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if t == "" {
		return nil, nil
	}
	return map[string]string{tokenHeader: string(t)}, nil
}

// RequireTransportSecurity is false: the sidecar is in the same pod.
func (rpcToken) RequireTransportSecurity() bool { return false }
