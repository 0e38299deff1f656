package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/service/spans"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/retention"
)

// drainTime is how long requests and deliveries in flight have when the
// process is asked to end.
const drainTime = 20 * time.Second

// Service is a process, as its parts see it.
type Service struct {
	Config  Config
	Log     *slog.Logger
	Pool    *pgxpool.Pool
	Metrics *Metrics
	// Ending is closed when the process is asked to end: what would go on for long
	// ends then.
	Ending <-chan struct{}
}

// Parts are what makes a service differ from the others.
type Parts struct {
	Public   http.Handler           // its API; nil: none
	Handlers map[string]bus.Handler // by topic
	// Batches are the topics whose events are handled together.
	Batches map[string]bus.BatchHandler
	// AnswersAlone keeps the service among the ready while its database is unavailable:
	// it has something to say to people then, if only what is wrong.
	AnswersAlone bool
	// Work is what goes on behind the requests, once the database is up to date.
	// Each runs until ctx ends, after the last request.
	Work []func(ctx context.Context)
}

// Main runs a service until SIGTERM. It ends the process with 2 when the
// settings are wrong and with 1 when it cannot go on.
func Main(name string, signs bool, parts func(*Service) (Parts, error)) {
	config, err := Load(name, os.Getenv, signs)
	main(config, err, func(ctx context.Context, log *slog.Logger, m *Metrics) error { return run(ctx, config, log, m, parts) })
}

// MainStateless is Main for a service that keeps nothing: it has an API, and
// neither a database nor events.
func MainStateless(name string, api func(*Service) (http.Handler, error)) {
	config, err := LoadStateless(name, os.Getenv)
	main(config, err, func(ctx context.Context, log *slog.Logger, m *Metrics) error {
		s := &Service{Config: config, Log: log, Metrics: m, Ending: ctx.Done()}
		handler, err := api(s)
		if err != nil {
			return err
		}
		return serve(ctx, []listener{
			{address: config.OperationsAddress, handler: s.alwaysReady()},
			{address: config.PublicAddress, handler: handler},
			{address: config.EventsAddress, handler: bus.FromSidecar(config.AppToken, log, handler)}, // where its sidecar leads invocations
		}, log)
	})
}

func main(config Config, wrong error, run func(context.Context, *slog.Logger, *Metrics) error) {
	if wrong != nil {
		fmt.Fprintln(os.Stderr, "error:", wrong)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	log := NewLog(os.Stdout, config.Name, config.LogLevel)
	metrics := newMetrics(config.Name)
	traced := spans.Start(ctx, config.Name, log, metrics.exported)
	err := run(ctx, log, metrics)
	traced()
	if err != nil {
		log.Error("the service ends", "error", err)
		stop()
		os.Exit(1)
	}
	log.Info("the service ended as told")
}

func run(ctx context.Context, config Config, log *slog.Logger, metrics *Metrics, parts func(*Service) (Parts, error)) error {
	pool, err := db.Open(ctx, config.DatabaseURL, config.Connections)
	if err != nil {
		return err
	}
	defer pool.Close()
	s := &Service{Config: config, Log: log, Pool: pool, Metrics: metrics, Ending: ctx.Done()}
	s.Metrics.connections(pool)
	its, err := parts(s)
	if err != nil {
		return err
	}
	publisher, err := bus.NewPublisher(config.PubSub)
	if err != nil {
		return err
	}
	defer publisher.Close()
	// The relay ends after the last request: what that wrote is still published.
	working, rest := context.WithCancel(context.WithoutCancel(ctx))
	migrated := make(chan struct{})
	var background sync.WaitGroup
	defer background.Wait()
	defer rest()
	background.Go(func() { s.work(working, publisher, migrated, its.Work) })

	listeners := []listener{{address: config.OperationsAddress, handler: s.operations(migrated, its.AnswersAlone)}}
	if its.Public != nil {
		listeners = append(listeners, listener{address: config.PublicAddress, handler: its.Public})
	}
	receiver := &bus.Receiver{
		Service: config.Name, Handlers: its.Handlers, Batches: its.Batches, Outage: s.outage, DeadLetter: publisher.Publish, Log: log,
		Outcome: s.Metrics.delivered, First: s.Metrics.handledFirst,
	}
	if config.Journal != "" {
		if receiver.Journal, err = bus.OpenJournal(config.Journal, log); err != nil {
			return err
		}
	}
	// The sidecar delivers as soon as this port answers, so not before there are tables.
	listeners = append(listeners, listener{address: config.EventsAddress, after: migrated, handler: bus.FromSidecar(config.AppToken, log, appChannel(receiver.Handler(), its.Public))})
	return serve(ctx, listeners, log)
}

// appChannel is what the pod's own sidecar calls: it delivers events, and leads
// other services' invocations to the API, where there is one.
func appChannel(events, api http.Handler) http.Handler {
	if api == nil {
		return events
	}
	mux := http.NewServeMux()
	mux.Handle("/", events)
	mux.Handle("/api/", api)
	return mux
}

// outage tells whether a handler failed because the database is unavailable. A timeout
// alone does not say so: what a handler asks of the database may take too long.
func (s *Service) outage(ctx context.Context, err error) bool {
	if !db.Transient(err) {
		return false
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return s.Pool.Ping(limited) != nil
}

// work is what goes on behind the requests.
func (s *Service) work(ctx context.Context, publisher *bus.Publisher, migrated chan<- struct{}, more []func(context.Context)) {
	if err := db.AwaitSchema(ctx, s.Pool, s.Config.Name, s.Log); err != nil {
		return // told to end
	}
	if err := db.AwaitSettings(ctx, s.Pool, s.Log); err != nil {
		return // told to end
	}
	close(migrated)
	s.Log.InfoContext(ctx, "the database is up to date")
	relay := &outbox.Relay{
		Pool: s.Pool, Service: s.Config.Name, Broker: publisher, Observer: s.Metrics.outbox, Log: s.Log,
	}
	var all sync.WaitGroup
	all.Go(func() { relay.Run(ctx) })
	pruner := &retention.Pruner{Pool: s.Pool, Service: s.Config.Name, Observer: s.Metrics.retention, Log: s.Log}
	all.Go(func() { pruner.Run(ctx) })
	for _, work := range more {
		all.Go(func() { work(ctx) })
	}
	all.Wait()
}

// operations answers probes and Prometheus.
func (s *Service) operations(migrated <-chan struct{}, answersAlone bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.Metrics.handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { state(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-migrated:
		default:
			state(w, http.StatusServiceUnavailable, "the database is not up to date yet")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if err := s.Pool.Ping(ctx); err != nil && !answersAlone {
			state(w, http.StatusServiceUnavailable, "the database does not answer")
			return
		}
		state(w, http.StatusOK, "ready")
	})
	return mux
}

// alwaysReady answers the probes of a service that waits for nothing.
func (s *Service) alwaysReady() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.Metrics.handler())
	for path, text := range map[string]string{"/healthz": "alive", "/readyz": "ready"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { state(w, http.StatusOK, text) })
	}
	return mux
}

func state(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": text})
}

// listener is an address that is listened on, once after is closed.
type listener struct {
	address string
	handler http.Handler
	after   <-chan struct{} // nil: at once
}

// serve listens until ctx ends, then lets what is in flight end.
func serve(ctx context.Context, listeners []listener, log *slog.Logger) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	for _, one := range listeners {
		running.Go(func() {
			if one.after != nil {
				select {
				case <-ctx.Done():
					return
				case <-one.after:
				}
			}
			if err := one.serve(ctx, log); err != nil {
				cancel(fmt.Errorf("%s: %w", one.address, err))
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (l listener) serve(ctx context.Context, log *slog.Logger) error {
	socket, err := net.Listen("tcp", l.address)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: l.handler, ReadHeaderTimeout: limits.ReadHeaders, ReadTimeout: limits.ReadRequest, WriteTimeout: limits.WriteAnswer, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: limits.MaxHeaders,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	log.Info("listening", "address", l.address)
	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(drained)
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		_ = server.Shutdown(limited)
	})
	err = server.Serve(socket)
	if !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	<-drained
	return nil
}
