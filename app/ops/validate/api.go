package validate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// api is a user of the application.
type api struct {
	url    string // of /api/v1
	client *http.Client
	token  string
}

// newAPI trusts the authority too, where there is one, and connects to where
// resolve ("host:port" to "host:port") says, where it does.
func newAPI(url string, authority []byte, resolve map[string]string) (*api, error) {
	trusted, err := x509.SystemCertPool()
	if err != nil {
		trusted = x509.NewCertPool()
	}
	if len(authority) > 0 && !trusted.AppendCertsFromPEM(authority) {
		return nil, errors.New("the file of --ca-file holds no certificate in PEM")
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return &api{
		url: strings.TrimSuffix(url, "/") + "/api/v1",
		client: &http.Client{
			Timeout: 20 * time.Second,
			Transport: &http.Transport{
				TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted},
				ForceAttemptHTTP2: true,
				DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
					if to, ok := resolve[address]; ok {
						address = to
					}
					return dialer.DialContext(ctx, network, address)
				},
			},
		},
	}, nil
}

// call sends body and reads the answer into out; both may be nil. It returns
// the status, and an error that tells the problem when it is not a good one.
func (a *api) call(ctx context.Context, method, path string, headers map[string]string, body, out any) (int, error) {
	var payload io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		payload = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, payload)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	for key, value := range headers {
		request.Header.Set(key, value)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil {
		return response.StatusCode, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if response.StatusCode >= 300 {
		return response.StatusCode, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, strings.TrimSpace(string(raw[:min(len(raw), 400)])))
	}
	if out == nil {
		return response.StatusCode, nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return response.StatusCode, fmt.Errorf("%s %s: the answer is not as expected: %w", method, path, err)
	}
	return response.StatusCode, nil
}

// reachable waits until the application answers: right after an update, NGINX
// may not yet know the new pods.
func (a *api) reachable(ctx context.Context) error {
	for {
		status, err := a.call(ctx, http.MethodGet, "/auth/me", nil, nil, nil)
		if status == http.StatusUnauthorized {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the application does not answer: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// identified is any object of the API's.
type identified struct {
	ID string `json:"id"`
}

// list returns the objects at path; a validation's user has less than a page of any.
func (a *api) list(ctx context.Context, path string) ([]identified, error) {
	var page struct {
		Items []identified `json:"items"`
	}
	_, err := a.call(ctx, http.MethodGet, path+"?limit=200", nil, nil, &page)
	return page.Items, err
}
