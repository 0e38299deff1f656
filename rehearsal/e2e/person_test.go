//go:build rehearsal

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// session is what a log-in is answered with.
type session struct{ Token, RefreshToken string }

// person is somebody who uses the application without a pause.
type person struct {
	client  *http.Client
	session session
	wallet  string
	written int64 // transactions that were accepted, of 1.00 each
}

func (m *machine) register(t *testing.T) *person {
	t.Helper()
	return m.registerFrom(t, m.browser(t))
}

// registerFrom registers a person who is where that client is.
func (m *machine) registerFrom(t *testing.T, client *http.Client) *person {
	t.Helper()
	p := &person{client: client}
	var began session
	require.NoError(t, p.do(t.Context(), http.MethodPost, "/auth/register", map[string]string{
		"email": "rotation+" + uuid.NewString() + "@companion.invalid", "password": uuid.NewString(), "name": "Rotation",
	}, &began))
	p.session = began
	var wallet struct{ ID string }
	require.NoError(t, p.do(t.Context(), http.MethodPost, "/wallets", map[string]string{"name": "Rotation", "type": "checking", "currency": "EUR"}, &wallet))
	p.wallet = wallet.ID
	return p
}

// do is one request; an answer of 300 or more is an error.
func (p *person) do(ctx context.Context, method, path string, body, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, "https://"+application+"/api/v1"+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+p.session.Token)
	if method == http.MethodPost {
		request.Header.Set("Idempotency-Key", uuid.NewString())
	}
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}
