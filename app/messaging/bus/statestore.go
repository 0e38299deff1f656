package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/wealth-companion/companion/app/core/apperror"
)

// Restorer gets the sidecar its state store back. A sidecar connects to it once, when it
// starts: one that started while the store was unavailable goes on without it (the component
// ignores errors, see package sidecar) until it starts again.
type Restorer struct {
	store string
	log   *slog.Logger
	http  *http.Client
	// first is how long after it was found missing the sidecar is started again; each time in
	// vain doubles it, up to most.
	first, most time.Duration
}

const (
	restoreFirst = time.Minute
	restoreMost  = 16 * time.Minute
	maxMetadata  = 1 << 20
)

// NewRestorer is of the state store of that name.
func NewRestorer(store string, log *slog.Logger) *Restorer {
	return &Restorer{store: store, log: log, http: httpClient(5 * time.Second), first: restoreFirst, most: restoreMost}
}

// Run looks at the sidecar until ctx ends.
func (r *Restorer) Run(ctx context.Context) {
	wait := r.first
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait/2 + rand.N(wait)): // replicas' sidecars do not start together
		}
		present, err := r.present(ctx)
		switch {
		case err != nil: // the sidecar is starting
		case present:
			wait = r.first
		default:
			wait = min(2*wait, r.most)
			r.log.WarnContext(ctx, "the sidecar started without its state store, which was unavailable; it is started again", "store", r.store, "next_attempt_within", (wait * 3 / 2).String())
			if err := r.restart(ctx); err != nil && ctx.Err() == nil {
				r.log.WarnContext(ctx, "the sidecar does not end", "error", err)
			}
		}
	}
}

// present tells whether the sidecar has the state store.
func (r *Restorer) present(ctx context.Context) (bool, error) {
	answer, err := r.ask(ctx, http.MethodGet, "/v1.0/metadata")
	if err != nil {
		return false, err
	}
	var has struct {
		Components []struct {
			Name string `json:"name"`
		} `json:"components"`
	}
	if err := json.Unmarshal(answer, &has); err != nil {
		return false, fmt.Errorf("the sidecar's metadata: %w", err)
	}
	for _, one := range has.Components {
		if one.Name == r.store {
			return true, nil
		}
	}
	return false, nil
}

// restart has the sidecar end as when its pod does, in order; the kubelet starts it again.
func (r *Restorer) restart(ctx context.Context) error {
	_, err := r.ask(ctx, http.MethodPost, "/v1.0/shutdown")
	return err
}

func (r *Restorer) ask(ctx context.Context, method, path string) ([]byte, error) {
	address := url.URL{Scheme: "http", Host: sidecarHTTP(), Path: path}
	request, err := http.NewRequestWithContext(ctx, method, address.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := r.http.Do(request)
	if err != nil {
		return nil, apperror.WithoutAddress(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("%s of the sidecar: %s", path, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, maxMetadata))
}
