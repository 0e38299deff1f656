package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Binding sends what leaves the system through the sidecar: which server takes
// it, and with what password, is the component's affair.
type Binding struct {
	Name   string // the component
	Client *http.Client
}

// Create sends data with what the component wants to know of it, such as the
// subject of an e-mail. nil means that the other side took it.
func (b Binding) Create(ctx context.Context, data string, metadata map[string]string) error {
	body, err := json.Marshal(map[string]any{"operation": "create", "data": data, "metadata": metadata})
	if err != nil {
		return err
	}
	address := url.URL{Scheme: "http", Host: sidecarHTTP(), Path: "/v1.0/bindings/" + b.Name}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := b.Client.Do(request)
	if err != nil {
		return fmt.Errorf("binding %s: %w", b.Name, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		why, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return fmt.Errorf("binding %s: %s: %s", b.Name, response.Status, strings.TrimSpace(string(why)))
	}
	return nil
}
