package bus

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// startedSidecar answers as one does that started with such components, until it is shut down:
// then it starts with those of after.
type startedSidecar struct {
	has   atomic.Value
	after string
	ended []time.Duration // since the beginning
	began time.Time
}

func (s *startedSidecar) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	switch r.Method + " " + r.URL.Path {
	case "GET /v1.0/metadata":
		if s.has.Load() == "" {
			answer.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = answer.WriteString(s.has.Load().(string))
	case "POST /v1.0/shutdown":
		s.ended = append(s.ended, time.Since(s.began))
		s.has.Store(s.after)
		answer.WriteHeader(http.StatusNoContent)
	default:
		answer.WriteHeader(http.StatusNotFound)
	}
	return answer.Result(), nil
}

const (
	withStore    = `{"id": "backend", "components": [{"name": "events-backend", "type": "pubsub.kafka"}, {"name": "state", "type": "state.redis"}]}`
	withoutStore = `{"id": "backend", "components": [{"name": "events-backend", "type": "pubsub.kafka"}]}`
)

func TestASidecarThatStartedWithoutItsStateStoreIsStartedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		has, after string
		ends       int // within an hour
	}{
		"it has it":                                 {withStore, withoutStore, 0},
		"it does not answer":                        {"", "", 0},
		"its answer is not understood":              {"<html>", withStore, 0},
		"the store is back":                         {withoutStore, withStore, 1},
		"the store stays away: less and less often": {withoutStore, withoutStore, 6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sidecar := &startedSidecar{after: c.after, began: time.Now()}
				sidecar.has.Store(c.has)
				r := NewRestorer("state", slog.New(slog.DiscardHandler))
				r.http = &http.Client{Transport: sidecar}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				r.Run(ctx)
				require.InDelta(t, c.ends, len(sidecar.ended), float64(c.ends)/3, "%v", sidecar.ended)
				if c.ends > 0 {
					require.LessOrEqual(t, sidecar.ended[0], 90*time.Second)
				}
			})
		})
	}
}

func TestTheSidecarIsAskedAtItsPort(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/v1.0/metadata", r.URL.Path)
		_, _ = w.Write([]byte(withStore))
	}))
	defer server.Close()
	at, err := url.Parse(server.URL)
	require.NoError(t, err)
	t.Setenv("DAPR_HTTP_PORT", at.Port())
	present, err := NewRestorer("state", slog.New(slog.DiscardHandler)).present(t.Context())
	require.NoError(t, err)
	require.True(t, present)
	present, err = NewRestorer("another", slog.New(slog.DiscardHandler)).present(t.Context())
	require.NoError(t, err)
	require.False(t, present)
}
