// Package client is a person who uses the application from outside, by its public API.
package client

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

// Client is a person of the application. Its methods may be called at the same time, once the
// token is set.
type Client struct {
	// Token is that of who is logged in; empty: nobody is.
	Token string
	// HTTP is how the application is reached.
	HTTP *http.Client

	url string // of /api/v1
}

// Timeout is how long a request may take, unless HTTP is given another.
const Timeout = 20 * time.Second

// New is nobody yet. It trusts the authority (PEM) too, where there is one, and connects to where
// resolve ("host:port" to "host:port") says, where it does. url is the application's, without
// /api/v1.
func New(url string, authority []byte, resolve map[string]string) (*Client, error) {
	trusted, err := x509.SystemCertPool()
	if err != nil {
		trusted = x509.NewCertPool()
	}
	if len(authority) > 0 && !trusted.AppendCertsFromPEM(authority) {
		return nil, errors.New("the file of --ca-file holds no certificate in PEM")
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return &Client{
		url: strings.TrimSuffix(url, "/") + "/api/v1",
		HTTP: &http.Client{
			Timeout: Timeout,
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

// Call sends body and reads the answer into out; both may be nil. It returns
// the status, and an error that tells the problem when it is not a good one.
func (a *Client) Call(ctx context.Context, method, path string, headers map[string]string, body, out any) (int, error) {
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
	if a.Token != "" {
		request.Header.Set("Authorization", "Bearer "+a.Token)
	}
	for key, value := range headers {
		request.Header.Set(key, value)
	}
	response, err := a.HTTP.Do(request)
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

// Reachable waits until the application answers: right after an update, NGINX
// may not yet know the new pods.
func (a *Client) Reachable(ctx context.Context) error {
	for {
		status, err := a.Call(ctx, http.MethodGet, "/auth/me", nil, nil, nil)
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

// Identified is any object of the API's.
type Identified struct {
	ID string `json:"id"`
}

// List returns the objects of the first page at path, of up to 200.
func (a *Client) List(ctx context.Context, path string) ([]Identified, error) {
	var page struct {
		Items []Identified `json:"items"`
	}
	_, err := a.Call(ctx, http.MethodGet, path+"?limit=200", nil, nil, &page)
	return page.Items, err
}
