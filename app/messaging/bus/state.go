package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/wealth-companion/companion/app/core/apperror"
)

// Cache keeps answers in Dapr's state store for a while. It is never waited for:
// what cannot be kept at once is not kept, and what is not found at once is not there.
type Cache struct {
	store string
	life  time.Duration
	log   *slog.Logger
	http  *http.Client
	queue chan entry
}

type entry struct {
	key   string
	value []byte
}

const (
	cachePatience = 500 * time.Millisecond
	// cacheQueue bounds what waits to be kept.
	cacheQueue    = 64
	maxCacheEntry = 256 << 10
	cacheWriters  = 2
)

// NewCache is of the state store of that name. Run keeps what Keep is given.
func NewCache(store string, life time.Duration, log *slog.Logger) *Cache {
	return &Cache{store: store, life: life, log: log, http: httpClient(cachePatience), queue: make(chan entry, cacheQueue)}
}

// Keep has an answer kept, soon and if that is possible.
func (c *Cache) Keep(_ context.Context, key string, answer []byte) {
	if len(answer) > maxCacheEntry {
		return
	}
	select {
	case c.queue <- entry{key, answer}:
	default: // the store is slower than the readers; the next answer will do
	}
}

// Run writes to the store until ctx ends.
func (c *Cache) Run(ctx context.Context) {
	done := make(chan struct{})
	for range cacheWriters {
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				select {
				case <-ctx.Done():
					return
				case e := <-c.queue:
					if err := c.write(ctx, e); err != nil && ctx.Err() == nil {
						c.log.DebugContext(ctx, "an answer is not kept", "error", err)
					}
				}
			}
		}()
	}
	for range cacheWriters {
		<-done
	}
}

func (c *Cache) address(key string) string {
	// A key may hold slashes and question marks, being an address itself.
	return (&url.URL{Scheme: "http", Host: sidecarHTTP(), Path: "/v1.0/state/" + c.store}).String() + "/" + url.PathEscape(key)
}

func (c *Cache) write(ctx context.Context, e entry) error {
	body, err := json.Marshal([]map[string]any{{
		"key": e.key, "value": json.RawMessage(e.value),
		"metadata": map[string]string{"ttlInSeconds": strconv.Itoa(int(c.life.Seconds()))},
	}})
	if err != nil {
		return err
	}
	address := url.URL{Scheme: "http", Host: sidecarHTTP(), Path: "/v1.0/state/" + c.store}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return apperror.WithoutAddress(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		return fmt.Errorf("state store %s: %s", c.store, response.Status)
	}
	return nil
}

// Find returns what is kept under a key.
func (c *Cache) Find(ctx context.Context, key string) ([]byte, bool) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address(key), nil)
	if err != nil {
		return nil, false
	}
	response, err := c.http.Do(request)
	if err != nil {
		c.log.WarnContext(ctx, "the state store does not answer", "error", apperror.WithoutAddress(err))
		return nil, false
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK { // 204: not there
		return nil, false
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxCacheEntry+1))
	return answer, err == nil && len(answer) <= maxCacheEntry
}
