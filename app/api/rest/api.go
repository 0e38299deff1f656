// Package rest is the backend's REST API under /api/v1: who is asking, what
// they ask for, and what they are told when it cannot be had. Operations are
// declared with huma, which checks requests against the types of their inputs
// and writes the OpenAPI document from the same; one file a resource.
package rest

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/finance/budget"
	"github.com/wealth-companion/companion/app/finance/currency"
	"github.com/wealth-companion/companion/app/finance/goal"
	"github.com/wealth-companion/companion/app/finance/imports"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/finance/task"
	"github.com/wealth-companion/companion/app/overview/demo"
	"github.com/wealth-companion/companion/app/overview/export"
	"github.com/wealth-companion/companion/app/overview/summary"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/people/alert"
	"github.com/wealth-companion/companion/app/people/assistant"
	"github.com/wealth-companion/companion/app/people/insight"
	"github.com/wealth-companion/companion/app/people/openid"
	"github.com/wealth-companion/companion/app/people/preference"
	"github.com/wealth-companion/companion/app/service/requests"
	"github.com/wealth-companion/companion/app/store/live"
)

// API answers requests out of the domain.
type API struct {
	Accounts *account.Accounts
	Tokens   account.Tokens
	// Requests counts those of users; Handler makes it, of Limits.
	Requests *account.Requests
	// OpenID is who else people may log in with; nil: nobody.
	OpenID *openid.Provider
	// Assistants are the programs that people let in.
	Assistants  *assistant.Assistants
	Preferences *preference.Store
	Exports     *export.Exporter
	// Limits are how often one may ask; the zero value is without any.
	Limits   Limits
	Ledger   *ledger.Ledger
	Rates    *currency.Rates
	Imports  *imports.Imports
	Budgets  *budget.Budgets
	Insights *insight.Insights
	Goals    *goal.Goals
	Tasks    *task.Tasks
	Alerts   *alert.Alerts
	Live     *live.Hub
	Demos    *demo.Demos
	// Dashboards are the summaries, the start page and the health score.
	Dashboards *summary.Dashboards
	// PushKey is the public key of push messages; empty: there are none.
	PushKey string
	// Ending is closed when the process is told to end; nil: never.
	Ending <-chan struct{}
	// Cache keeps what was read, for while the database is away; nil: nothing is kept.
	Cache Cache
	Log   *slog.Logger
	// Observe is told of every request; route is its pattern.
	Observe func(ctx context.Context, method, route string, status int, took time.Duration)
}

// base is where the API begins.
const base = "/api/v1"

// patience is how long a request may take: a caller waits no longer.
const patience = 10 * time.Second

// longPatience is that of the few requests that do a great deal at once; the
// load balancer and NGINX wait 60 seconds.
const longPatience = 50 * time.Second

func patienceFor(path string) time.Duration {
	for _, long := range []string{"/imports", "/rates/import", "/demo", "/alerts/wait"} {
		if strings.HasPrefix(path, base+long) {
			return longPatience
		}
	}
	return patience
}

// Handler routes the API's requests.
func (a *API) Handler() http.Handler {
	root := chi.NewRouter()
	root.Use(a.observed, requests.FromProxies(a.Limits.Proxies))
	root.NotFound(func(w http.ResponseWriter, r *http.Request) {
		a.refuse(w, r, apperror.Say(apperror.ErrNotFound, "there is nothing at this address: /api/v1/openapi.json lists what there is"))
	})
	root.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		allowed := allowedAt(root, r.URL.Path)
		w.Header().Set("Allow", allowed)
		a.refuse(w, r, status{http.StatusMethodNotAllowed, "this method is not possible here: there is " + allowed})
	})
	if guard := a.guard(); a.Accounts.Guard != guard {
		a.Accounts.Guard = guard
	}
	a.Requests = &account.Requests{Guard: a.Accounts.Guard, Most: a.Limits.User, Log: a.Log}
	a.letIn(root, a.declare(root))
	return root
}

// allowedAt lists the methods that a path has.
func allowedAt(root chi.Routes, path string) string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if root.Match(chi.NewRouteContext(), method, path) {
			methods = append(methods, method)
		}
	}
	return strings.Join(methods, ", ")
}

// Document is the API's OpenAPI document, in JSON.
func (a *API) Document() ([]byte, error) { return a.declare(chi.NewRouter()).OpenAPI().MarshalJSON() }

// declare lays out every operation.
func (a *API) declare(router chi.Router) routes {
	config := huma.DefaultConfig("Wealth Companion", "1")
	config.Info.Description = "What people earn, spend and plan, and what the agents found in it. " +
		"Amounts are decimal strings, times are UTC (RFC 3339), errors are problem+json (RFC 9457)."
	config.OpenAPIPath = base + "/openapi"
	config.DocsPath, config.SchemasPath = "", ""
	config.CreateHooks = nil // no $schema in answers
	config.Formats = map[string]huma.Format{"application/json": strictJSON, "json": strictJSON}
	config.OnAddOperation = append(config.OnAddOperation, func(_ *huma.OpenAPI, o *huma.Operation) {
		if o.RequestBody != nil { // of inputs that keep their body's bytes too, which huma takes for a second type
			delete(o.RequestBody.Content, "application/octet-stream")
			form(o)
		}
	})
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		bearer: {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "An access token, from /auth/login."},
	}
	r := routes{API: humachi.New(router, config), api: a, uploads: newUploads()}
	if a.Limits.Address > 0 {
		r.addresses = httprate.NewRateLimiter(a.Limits.Address, window)
	}
	r.auth()
	r.account()
	r.mail()
	r.preferences()
	r.wallets()
	r.categories()
	r.transactions()
	r.transfers()
	r.currencies()
	r.imports()
	r.budgets()
	r.goals()
	r.tasks()
	r.insights()
	r.alerts()
	r.live()
	r.summaries()
	r.simulations()
	r.demo()
	r.assistants()
	return r
}

// observed is around every request: what all servers do, how long it may take, and the
// headers that every answer has.
func (a *API) observed(next http.Handler) http.Handler {
	recorder := requests.Recorder{Log: a.Log, Observe: a.Observe}
	return recorder.Around(routeOf, a.refuse, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != livePath && r.URL.Path != exportPath {
			limited, cancel := context.WithTimeout(r.Context(), patienceFor(r.URL.Path))
			defer cancel()
			r = r.WithContext(limited)
		}
		w.Header().Set("Cache-Control", "no-store") // all of it is somebody's own
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	}))
}

// routeOf is the pattern of a request's path; "unknown": it has none.
func routeOf(r *http.Request) string {
	route := chi.RouteContext(r.Context()).RoutePattern()
	if route == "" || strings.HasSuffix(route, "/*") {
		return "unknown"
	}
	return route
}
