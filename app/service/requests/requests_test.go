package requests

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"

	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/spantest"
	"github.com/wealth-companion/companion/app/messaging/bus"
)

func TestWhoAsks(t *testing.T) {
	proxies, err := Proxies("10.0.0.0/8, 192.0.2.1/32")
	require.NoError(t, err)
	for name, c := range map[string]struct{ peer, forwarded, want string }{
		"the peer":                          {"203.0.113.7:1", "", "203.0.113.7"},
		"a peer that is no proxy forwards":  {"203.0.113.7:1", "198.51.100.1", "203.0.113.7"},
		"one proxy":                         {"10.1.2.3:1", "198.51.100.1", "198.51.100.1"},
		"what a browser made up before it":  {"10.1.2.3:1", "1.2.3.4, 198.51.100.1", "198.51.100.1"},
		"two proxies":                       {"10.1.2.3:1", "198.51.100.1, 192.0.2.1", "198.51.100.1"},
		"what is no address":                {"10.1.2.3:1", "unknown", "10.1.2.3"},
		"an address of the newer kind":      {"10.1.2.3:1", "2001:db8::1", "2001:db8::1"},
		"a proxy that nobody spoke through": {"10.1.2.3:1", "", "10.1.2.3"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = c.peer
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-For", c.forwarded)
			}
			FromProxies(proxies)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				require.Equal(t, c.want, Address(r))
			})).ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	_, err = Proxies("10.0.0.0, 10.0.0.0/8, x")
	require.ErrorContains(t, err, `"10.0.0.0" is no network`)
	require.ErrorContains(t, err, `"x" is no network`)
}

func TestADefectIsAnsweredAndCounted(t *testing.T) {
	var routes []string
	recorder := Recorder{Log: slog.New(slog.DiscardHandler), Observe: func(_ context.Context, _, route string, status int, _ time.Duration) {
		require.Equal(t, http.StatusInternalServerError, status)
		routes = append(routes, route)
	}}
	refuse := func(w http.ResponseWriter, _ *http.Request, err error) {
		require.NotContains(t, err.Error(), "a person's secret")
		w.WriteHeader(http.StatusInternalServerError)
	}
	handler := recorder.Around(func(*http.Request) string { return "/a" }, refuse, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a person's secret") }))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("MADE-UP", "/a", nil))
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.NotEmpty(t, w.Header().Get(CorrelationHeader))
	require.Equal(t, []string{"/a"}, routes)
}

func TestMethodsAreOfAKnownSet(t *testing.T) {
	for given, want := range map[string]string{"GET": "GET", "PATCH": "PATCH", "get": "other", "BREW": "other", "": "other"} {
		require.Equal(t, want, Method(given), given)
	}
}

// A span has a route's pattern for its name. Whether it is recorded is for the sidecar to say,
// through which our own services come, and for nobody else.
func TestTheSpanOfARequest(t *testing.T) {
	const caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
	recorder := Recorder{Log: slog.New(slog.DiscardHandler), Observe: func(context.Context, string, string, int, time.Duration) {}}
	refuse := func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusInternalServerError) }
	for name, c := range map[string]struct {
		invoked  bool
		parent   string
		fails    bool
		recorded bool
	}{
		"of our own":                       {true, caller[:53] + "01", false, true},
		"of our own that is not recorded":  {true, caller, false, false},
		"of a stranger":                    {false, caller, false, true},
		"of one who says nothing of it":    {false, "", false, true},
		"of one who says what is no trace": {false, "a secret", false, true},
		"that fails":                       {false, caller, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			ended := spantest.Record(t)
			handler := recorder.Around(func(*http.Request) string { return "/people/{id}" }, refuse, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				require.NotEmpty(t, tracing.Parent(r.Context()))
				if c.invoked {
					require.Equal(t, c.parent[3:35], tracing.TraceID(r.Context()))
				}
				if c.fails {
					panic("a secret")
				}
			}))
			r := httptest.NewRequest(http.MethodGet, "/people/7?q=secret", nil)
			if c.invoked {
				handler = bus.FromSidecar("token", recorder.Log, handler)
				r.Header.Set("Dapr-Api-Token", "token")
			}
			r.Header.Set("Traceparent", c.parent)
			handler.ServeHTTP(httptest.NewRecorder(), r)
			spans := ended()
			if !c.recorded {
				require.Empty(t, spans)
				return
			}
			require.Len(t, spans, 1)
			require.Equal(t, "GET /people/{id}", spans[0].Name)
			require.Contains(t, spans[0].Attributes, semconv.HTTPRoute("/people/{id}"))
			require.Equal(t, c.invoked, spans[0].Parent.IsValid(), "a stranger's step is none of ours")
			require.Equal(t, c.fails, spans[0].Status.Code == codes.Error)
		})
	}
}
