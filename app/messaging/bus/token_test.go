package bus

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/messaging/sidecar"
)

func TestOnlyTheSidecarCalls(t *testing.T) {
	for name, c := range map[string]struct {
		token string
		given []string
		want  int
	}{
		"the token":               {"right", []string{"right"}, http.StatusOK},
		"no token":                {"right", nil, http.StatusUnauthorized},
		"an empty token":          {"right", []string{""}, http.StatusUnauthorized},
		"another token":           {"right", []string{"wrong"}, http.StatusUnauthorized},
		"the token's beginning":   {"right", []string{"righ"}, http.StatusUnauthorized},
		"the token and more":      {"right", []string{"right "}, http.StatusUnauthorized},
		"the token after another": {"right", []string{"wrong", "right"}, http.StatusUnauthorized},
		"a service without one":   {"", nil, http.StatusUnauthorized},
		"neither has one":         {"", []string{""}, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			reached := false
			handler := FromSidecar(c.token, slog.New(slog.DiscardHandler), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				reached = true
				require.Empty(t, r.Header.Values(tokenHeader), "it is not handed on")
			}))
			request := httptest.NewRequest(http.MethodPost, "/events/x", nil)
			request.Header[http.CanonicalHeaderKey(tokenHeader)] = c.given
			answered := httptest.NewRecorder()
			handler.ServeHTTP(answered, request)
			require.Equal(t, c.want, answered.Code)
			require.Equal(t, c.want == http.StatusOK, reached)
		})
	}
}

func TestTheTokenGoesToTheSidecarOnly(t *testing.T) {
	got := map[string]string{}
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got["other"] = r.Header.Get(tokenHeader) }))
	defer other.Close()
	asked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got["sidecar"] = r.Header.Get(tokenHeader)
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer asked.Close()
	at, err := url.Parse(asked.URL)
	require.NoError(t, err)
	t.Setenv("DAPR_HTTP_PORT", at.Port())
	t.Setenv(sidecar.APIToken, "known")
	for name, client := range map[string]*http.Client{"any": httpClient(5 * time.Second), "an invoker": Invoker(), "people's": PeoplesInvoker()} {
		clear(got)
		response, err := client.Get(asked.URL)
		require.NoError(t, err, name)
		require.NoError(t, response.Body.Close())
		require.Equal(t, map[string]string{"sidecar": "known", "other": ""}, got, name)
	}
}
