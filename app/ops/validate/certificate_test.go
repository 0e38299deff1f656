package validate

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCertificate(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	trusted := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	expires := server.Certificate().NotAfter
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		authority []byte
		now       time.Time
		wants     string
	}{
		"there is time":            {trusted, expires.Add(-22 * day), ""},
		"it was not renewed":       {trusted, expires.Add(-20*day - time.Hour), "in 20 days, and should have been renewed 21 days before"},
		"nobody trusts who signed": {nil, expires.Add(-22 * day), "certificate signed by unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			until, err := Certificate(t.Context(), CertificateOptions{URL: server.URL, Authority: c.authority, Left: 21 * day}, c.now)
			if c.wants != "" {
				require.ErrorContains(t, err, c.wants)
				return
			}
			require.NoError(t, err)
			require.Equal(t, expires, until)
		})
	}
}
