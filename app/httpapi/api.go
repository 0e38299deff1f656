// Package httpapi is the backend's REST API under /api/v1: who is asking, what
// they ask for, and what they are told when it cannot be had.
package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/account"
	"github.com/wealth-companion/companion/app/alert"
	"github.com/wealth-companion/companion/app/budget"
	"github.com/wealth-companion/companion/app/fault"
	"github.com/wealth-companion/companion/app/insight"
	"github.com/wealth-companion/companion/app/ledger"
	"github.com/wealth-companion/companion/app/trail"
)

// API answers requests out of the domain.
type API struct {
	Accounts *account.Accounts
	Tokens   account.Tokens
	Ledger   *ledger.Ledger
	Budgets  *budget.Budgets
	Insights *insight.Insights
	Alerts   *alert.Alerts
	Log      *slog.Logger
	// Observe is told of every request; route is its pattern.
	Observe func(method, route string, status int, took time.Duration)
}

// correlationHeader ties a caller's requests to what follows from them.
const correlationHeader = "X-Correlation-Id"

// patience is how long a request may take: a caller waits no longer.
const patience = 10 * time.Second

// Handler routes the API's requests.
func (a *API) Handler() http.Handler {
	root := chi.NewRouter()
	root.Use(a.observed)
	root.NotFound(func(w http.ResponseWriter, r *http.Request) {
		a.refuse(w, r, fmt.Errorf("%s: %w", r.URL.Path, fault.ErrNotFound))
	})
	root.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		a.refuse(w, r, status{http.StatusMethodNotAllowed, r.Method + " is not possible here"})
	})
	root.Route("/api/v1", func(r chi.Router) {
		r.Post("/auth/register", a.open(a.register))
		r.Post("/auth/login", a.open(a.login))
		r.Get("/auth/me", a.own(a.me))

		r.Get("/wallets", a.own(a.wallets))
		r.Post("/wallets", a.own(a.createWallet))
		r.Get("/categories", a.own(a.categories))
		r.Post("/categories", a.own(a.createCategory))

		r.Get("/budgets", a.own(a.budgets))
		r.Post("/budgets", a.own(a.createBudget))
		r.Put("/budgets/{id}", a.own(a.updateBudget))
		r.Delete("/budgets/{id}", a.own(a.deleteBudget))

		r.Get("/transactions", a.own(a.transactions))
		r.Post("/transactions", a.own(a.postTransaction))
		r.Get("/transactions/{id}", a.own(a.transaction))
		r.Patch("/transactions/{id}", a.own(a.updateTransaction))

		r.Get("/insights", a.own(a.insights))
		r.Get("/alerts", a.own(a.alerts))
	})
	return root
}

// answer is what an endpoint has to say.
type answer struct {
	status int
	body   any // nil: none
}

func found(body any) answer { return answer{http.StatusOK, body} }
func made(body any) answer  { return answer{http.StatusCreated, body} }

// open serves an endpoint that anybody may call.
func (a *API) open(endpoint func(*http.Request) (answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		its, err := endpoint(r)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		if its.body == nil {
			w.WriteHeader(its.status)
			return
		}
		write(w, its.status, "application/json", its.body)
	}
}

// own serves an endpoint that is about the caller.
func (a *API) own(endpoint func(*http.Request, uuid.UUID) (answer, error)) http.HandlerFunc {
	return a.open(func(r *http.Request) (answer, error) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			return answer{}, fmt.Errorf("an access token in the header Authorization (Bearer) is needed: %w", fault.ErrUnauthorized)
		}
		user, err := a.Tokens.User(token)
		if err != nil {
			return answer{}, err
		}
		return endpoint(r, user)
	})
}

func write(w http.ResponseWriter, status int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only when the caller has gone
}

// observed is around every request: its trail, its log line, its metric, and
// an answer even when the program has a defect.
func (a *API) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		its := trail.Continue(r.Header.Get(correlationHeader), r.Header.Get("Traceparent"))
		ctx, cancel := context.WithTimeout(trail.With(r.Context(), its), patience)
		defer cancel()
		r = r.WithContext(ctx)
		w.Header().Set(correlationHeader, its.CorrelationID)
		w.Header().Set("Cache-Control", "no-store") // all of it is somebody's own
		w.Header().Set("X-Content-Type-Options", "nosniff")
		recorded := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() {
			if defect := recover(); defect != nil {
				if defect == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
					panic(defect)
				}
				a.refuse(recorded, r, fmt.Errorf("panic: %v", defect))
			}
			a.tell(ctx, r, recorded.Status(), time.Since(began))
		}()
		next.ServeHTTP(recorded, r)
	})
}

func (a *API) tell(ctx context.Context, r *http.Request, status int, took time.Duration) {
	route := chi.RouteContext(ctx).RoutePattern()
	if route == "" || strings.HasSuffix(route, "/*") {
		route = "unknown"
	}
	a.Observe(r.Method, route, status, took)
	a.Log.InfoContext(ctx, "request", "method", r.Method, "route", route, "status", status, "took_ms", took.Milliseconds())
}
