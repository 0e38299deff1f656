package requests

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
	recorder := Recorder{Log: slog.New(slog.DiscardHandler), Observe: func(_, route string, status int, _ time.Duration) {
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
