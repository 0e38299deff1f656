package validate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/wealth-companion/companion/app/ops/client"
)

// CertificateOptions say whose certificate is checked, and how it is reached.
type CertificateOptions struct {
	URL       string            // of the application, https://
	Authority []byte            // PEM; empty: the system's authorities only
	Resolve   map[string]string // host:port to host:port
	Left      time.Duration     // how long the certificate must be valid yet
}

// Certificate connects to the edge and returns when its certificate expires. It is an error
// when the certificate is not valid for the name, or not for as long as it must be: its
// renewal then has failed, and nobody has noticed yet.
func Certificate(ctx context.Context, options CertificateOptions, now time.Time) (time.Time, error) {
	edge, err := client.New(options.URL, options.Authority, options.Resolve)
	if err != nil {
		return time.Time{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, strings.TrimSuffix(options.URL, "/")+"/", nil)
	if err != nil {
		return time.Time{}, err
	}
	response, err := edge.HTTP.Do(request)
	if err != nil {
		return time.Time{}, fmt.Errorf("the edge's certificate: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.TLS == nil {
		return time.Time{}, errors.New("the edge answers without TLS")
	}
	until := response.TLS.PeerCertificates[0].NotAfter
	for _, chain := range response.TLS.VerifiedChains {
		for _, certificate := range chain {
			if certificate.NotAfter.Before(until) {
				until = certificate.NotAfter
			}
		}
	}
	if left := until.Sub(now); left < options.Left {
		return until, fmt.Errorf("the edge's certificate expires on %s, in %s, and should have been renewed %s before: see `kubectl describe certificate --namespace nginx-gateway companion-tls`",
			until.Format(time.DateOnly), days(left), days(options.Left))
	}
	return until, nil
}

func days(d time.Duration) string { return fmt.Sprintf("%d days", int(d.Hours()/24)) }
