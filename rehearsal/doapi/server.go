package doapi

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// bodyLimit keeps a request's body from filling the memory.
const bodyLimit = 1 << 20

// Server is DigitalOcean's API as an http.Handler. Every change is on disk
// before it is answered.
type Server struct {
	token     string
	backend   Backend
	log       *slog.Logger
	mux       *http.ServeMux
	limit     *limiter
	store     store
	keepers   *keepers
	databases *databaseKeeper
	pause     func(failures int) time.Duration
	clock     func() time.Time // by which credentials expire
	interval  time.Duration    // between two looks of the autoscaler

	mu    sync.Mutex
	state *state // replaced as a whole by each change, never edited
}

// Option changes how a server works.
type Option func(*Server)

// WithLog has the server write to a log of its own instead of the default one.
func WithLog(log *slog.Logger) Option {
	return func(s *Server) { s.log = log }
}

// WithPause sets how long the server waits before it asks the backend again,
// after the nth failure in a row.
func WithPause(pause func(failures int) time.Duration) Option {
	return func(s *Server) { s.pause = pause }
}

// WithAutoscalerInterval has the autoscaler look so often instead of every ten seconds.
func WithAutoscalerInterval(interval time.Duration) Option {
	return func(s *Server) { s.interval = interval }
}

// WithClock sets the clock by which credentials expire.
func WithClock(clock func() time.Time) Option {
	return func(s *Server) { s.clock = clock }
}

// New returns a server that keeps its state below stateDir, takes only token,
// and boots clusters with the backend (nil: PreviewOnly). Clusters that an
// earlier server left are taken up again at once: until the backend has them,
// they are shown to be provisioning.
func New(stateDir, token string, backend Backend, options ...Option) (*Server, error) {
	if token == "" {
		return nil, errors.New("the DigitalOcean API needs the token that it is to accept")
	}
	if backend == nil {
		backend = PreviewOnly
	}
	dir := filepath.Join(stateDir, "doapi")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the DigitalOcean API's state: %w", err)
	}
	s := &Server{
		token: token, backend: backend, log: slog.Default().With("component", "doapi"),
		mux: http.NewServeMux(), limit: newLimiter(hourlyLimit),
		store: store{path: filepath.Join(dir, "state.json")},
		clock: time.Now, interval: 10 * time.Second,
		pause: func(failures int) time.Duration { return min(time.Duration(failures)*5*time.Second, time.Minute) },
	}
	for _, option := range options {
		option(s)
	}
	loaded, err := s.store.load()
	if err != nil {
		return nil, fmt.Errorf("the DigitalOcean API's state: %w", err)
	}
	for _, record := range loaded.Clusters {
		record.Cluster.Status = clusterStatus{State: clusterProvisioning, Message: "taken up again"}
	}
	s.state = loaded
	s.keepers = newKeepers(s)
	s.databases = newDatabaseKeeper(s)
	s.routeAccount()
	s.routeVPCs()
	s.routeOptions()
	s.routeClusters()
	s.routePools()
	s.routeDomains()
	s.routeRecords()
	s.routeRegistries()
	s.routeProjects()
	s.routeLoadBalancers()
	s.routeTags()
	s.routeDatabases()
	s.keepers.wake()
	return s, nil
}

// Close lets go of the clusters, which keep running, and waits until nothing
// of the server works any more.
func (s *Server) Close() error {
	s.keepers.close()
	s.databases.close()
	return nil
}

// ServeHTTP checks the token and the rate, and hands the request on.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uuid.NewString()
	w.Header().Set("x-request-id", id)
	allowed := s.limit.take(w.Header())
	switch {
	case !s.authorized(r):
		writeError(w, id, failf(http.StatusUnauthorized, "Unable to authenticate you"))
	case !allowed:
		writeError(w, id, failf(http.StatusTooManyRequests, "API rate limit exceeded."))
	default:
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
		if _, pattern := s.mux.Handler(r); pattern == "" {
			// Not a 404: a client would take its object for gone.
			writeError(w, id, failf(http.StatusNotImplemented,
				"%s %s is not part of the rehearsal's DigitalOcean API", r.Method, r.URL.Path))
			return
		}
		s.mux.ServeHTTP(w, r)
	}
}

func (s *Server) authorized(r *http.Request) bool {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "bearer") && subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) == 1
}

// read routes requests that only look at the state.
func (s *Server) read(pattern string, answer func(*state, *http.Request) (any, error)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		body, err := answer(s.current(), r)
		s.respond(w, http.StatusOK, body, err)
	})
}

// write routes requests that change the state: all of the change or nothing.
func (s *Server) write(pattern string, status int, change func(*state, *http.Request) (any, error)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var body any
		err := s.change(func(next *state) error {
			var err error
			body, err = change(next, r)
			return err
		})
		s.respond(w, status, body, err)
	})
}

// current is the state of this moment; nobody may edit it.
func (s *Server) current() *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// change edits a copy of the state and, when it is on disk, makes it current.
func (s *Server) change(edit func(*state) error) error {
	if err := s.edit(edit); err != nil {
		return err
	}
	s.keepers.wake()
	s.databases.wake()
	return nil
}

func (s *Server) edit(edit func(*state) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := s.state.clone()
	if err != nil {
		return err
	}
	if err := edit(next); err != nil {
		return err
	}
	if err := s.store.save(next); err != nil {
		return fmt.Errorf("keep the state: %w", err)
	}
	s.state = next
	return nil
}

func (s *Server) respond(w http.ResponseWriter, status int, body any, err error) {
	if err != nil {
		var failed *failure
		if !errors.As(err, &failed) {
			s.log.Error("request failed", "error", err)
		}
		writeError(w, w.Header().Get("x-request-id"), err)
		return
	}
	switch content := body.(type) {
	case nil:
		w.WriteHeader(http.StatusNoContent)
	case yamlDocument:
		w.Header().Set("Content-Type", "application/yaml")
		w.WriteHeader(status)
		_, _ = w.Write(content)
	default:
		writeJSON(w, status, body)
	}
}

// yamlDocument is an answer that is not JSON: a kubeconfig.
type yamlDocument []byte

// object is a JSON object under construction.
type object map[string]any

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone; nothing is left to tell it
}

// decode reads a request's JSON body.
func decode[T any](r *http.Request) (T, error) {
	var into T
	err := json.NewDecoder(r.Body).Decode(&into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return into, nil
	case errors.Is(err, io.EOF):
		return into, failf(http.StatusBadRequest, "error parsing request body: it is empty")
	case errors.As(err, &wrong):
		return into, failf(http.StatusBadRequest, "error parsing request body: %s must be a %s, not a %s", wrong.Field, wrong.Type, wrong.Value)
	default:
		return into, failf(http.StatusBadRequest, "error parsing request body: %v", err)
	}
}
