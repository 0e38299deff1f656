package asset

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryAssetIsServedUnderItsContent(t *testing.T) {
	served, addresses := files()
	require.NotEmpty(t, addresses)
	for name, address := range addresses {
		for _, encoding := range []string{"", "gzip"} {
			r := httptest.NewRequest(http.MethodGet, address, nil)
			r.Header.Set("Accept-Encoding", encoding)
			answer := httptest.NewRecorder()
			Handler().ServeHTTP(answer, r)
			require.Equal(t, 200, answer.Code, name)
			require.NotEmpty(t, answer.Header().Get("Content-Type"), name)
			require.Contains(t, answer.Header().Get("Cache-Control"), "immutable")
			body := io.Reader(answer.Body)
			if answer.Header().Get("Content-Encoding") == "gzip" {
				var err error
				body, err = gzip.NewReader(answer.Body)
				require.NoError(t, err)
			}
			raw, err := io.ReadAll(body)
			require.NoError(t, err)
			require.True(t, bytes.Equal(served[path.Base(address)].content, raw), name)
		}
	}
	for _, address := range []string{Root, Root + "app.css", Root + "licences.txt", Root + "../asset.go"} {
		answer := httptest.NewRecorder()
		Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, address, nil))
		require.Equal(t, 404, answer.Code, address)
	}
	require.Panics(t, func() { URL("nothing") })
	sheet := string(served[path.Base(URL("app.css"))].content)
	require.Contains(t, sheet, URL("inter-latin.woff2"))
	require.False(t, strings.Contains(sheet, "http:") || strings.Contains(sheet, "https:"), "everything is the site's own")
}
