package prices

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCurrentPricesAreTheAPIs(t *testing.T) {
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "Bearer token", r.Header.Get("Authorization"))
		if r.URL.Query().Get("page") == "2" {
			_, _ = w.Write([]byte(`{"sizes": [{"slug": "new", "price_monthly": 12.34}], "links": {}}`))
			return
		}
		_, _ = w.Write([]byte(`{"sizes": [{"slug": "s-4vcpu-8gb", "price_monthly": 56}], "links": {"pages": {"next": "` + server.URL + `/v2/sizes?page=2"}}}`))
	}))
	defer server.Close()
	current, err := Current(t.Context(), server.Client(), server.URL+"/", "token")
	require.NoError(t, err)
	require.Equal(t, 5600, current.Sizes["s-4vcpu-8gb"])
	require.Equal(t, 1234, current.Sizes["new"])
	require.Equal(t, Listed.Sizes["s-1vcpu-2gb"], current.Sizes["s-1vcpu-2gb"])
	require.Equal(t, 4800, Listed.Sizes["s-4vcpu-8gb"], "the list stays as it is")
}

func TestListedPricesWhereTheAPIDoesNotTell(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"it refuses the token":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"it answers something else": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"its next page is elsewhere": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"links": {"pages": {"next": "http://evil.example.com/"}}}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			current, err := Current(t.Context(), server.Client(), server.URL, "token")
			require.Error(t, err)
			require.Equal(t, Listed, current)
		})
	}
}
