package stack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Client is a person who uses the API.
type Client struct {
	User uuid.UUID

	url, email, password, token string
	http                        *http.Client
}

// clientTimeout is more than a request may take.
const clientTimeout = 12 * time.Second

// Client makes one that has no account yet.
func (s *Stack) Client() *Client {
	return &Client{
		url: s.URL, email: "user-" + uuid.NewString() + "@companion.invalid", password: uuid.NewString(),
		http: &http.Client{Timeout: clientTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 4}},
	}
}

// StatusError is an answer that is none of success.
type StatusError struct {
	Status int
	Body   string
}

func (e StatusError) Error() string {
	return fmt.Sprintf("%d %s: %s", e.Status, http.StatusText(e.Status), e.Body)
}

// Identified is of what there is much, and its id enough.
type Identified struct {
	ID uuid.UUID `json:"id"`
}

type session struct {
	Token       string     `json:"token"`
	AccessToken string     `json:"accessToken"`
	User        Identified `json:"user"`
}

// Register makes the account and logs in.
func (c *Client) Register(ctx context.Context) error {
	return c.enter(ctx, "/auth/register", map[string]string{"email": c.email, "password": c.password, "name": "A person"})
}

// Login logs in again.
func (c *Client) Login(ctx context.Context) error {
	return c.enter(ctx, "/auth/login", map[string]string{"email": c.email, "password": c.password})
}

func (c *Client) enter(ctx context.Context, path string, body any) error {
	var its session
	if err := c.Call(ctx, http.MethodPost, path, nil, body, &its); err != nil {
		return err
	}
	c.token, c.User = cmp.Or(its.Token, its.AccessToken), its.User.ID
	return nil
}

// Call sends body and reads the answer into out; both may be nil. What is no
// success is a StatusError.
func (c *Client) Call(ctx context.Context, method, path string, headers map[string]string, body, out any) error {
	var payload io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url+"/api/v1"+path, payload)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	for key, value := range headers {
		request.Header.Set(key, value)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return StatusError{response.StatusCode, string(raw)}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}
