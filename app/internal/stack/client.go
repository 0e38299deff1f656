package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Client is a person who uses the API.
type Client struct {
	User uuid.UUID

	Email, Password string

	url  string
	http *http.Client

	mu    sync.Mutex // one logs in at a time
	token string
}

// clientTimeout is more than a request may take.
const clientTimeout = 12 * time.Second

// Client makes one that has no account yet.
func (s *Stack) Client() *Client {
	return &Client{
		url: s.URL, Email: "user-" + uuid.NewString() + "@companion.example", Password: uuid.NewString(),
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
	Token string     `json:"token"`
	User  Identified `json:"user"`
}

// Register makes the account and logs in.
func (c *Client) Register(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.enter(ctx, "/auth/register", map[string]string{"email": c.Email, "password": c.Password, "name": "A person"})
}

func (c *Client) enter(ctx context.Context, path string, body any) error {
	var its session
	if err := c.send(ctx, "", http.MethodPost, path, nil, body, &its); err != nil {
		return err
	}
	c.token, c.User = its.Token, its.User.ID
	return nil
}

// Token is the access token that the client has now.
func (c *Client) Token() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// login logs in again, unless another did since that token was used.
func (c *Client) login(ctx context.Context, token string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != token {
		return nil
	}
	return c.enter(ctx, "/auth/login", map[string]string{"email": c.Email, "password": c.Password})
}

// Call sends body and reads the answer into out; both may be nil. What is no
// success is a StatusError. An access token that is over is replaced first.
func (c *Client) Call(ctx context.Context, method, path string, headers map[string]string, body, out any) error {
	token := c.Token()
	err := c.send(ctx, token, method, path, headers, body, out)
	var refused StatusError
	if token == "" || !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
		return err
	}
	if err := c.login(ctx, token); err != nil {
		return err
	}
	return c.send(ctx, c.Token(), method, path, headers, body, out)
}

// Leave deletes the account, and closes the client's connections.
func (c *Client) Leave(ctx context.Context) error {
	defer c.http.CloseIdleConnections()
	return c.Call(ctx, http.MethodDelete, "/account", nil, map[string]string{"password": c.Password}, nil)
}

func (c *Client) send(ctx context.Context, token, method, path string, headers map[string]string, body, out any) error {
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
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
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
