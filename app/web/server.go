// Package web is the pages that people meet: it renders what the application's API answers, and
// sends the API what people enter. It has no data of its own; a person's log-in is in a cookie.
package web

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/a-h/templ"
	"github.com/klauspost/compress/gzhttp"
	"golang.org/x/sync/singleflight"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/oauth"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/service/requests"
	"github.com/wealth-companion/companion/app/web/asset"
	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/session"
	"github.com/wealth-companion/companion/app/web/view"
	"github.com/wealth-companion/companion/app/web/words"
)

// Server serves the pages.
type Server struct {
	API      *backend.ClientWithResponses
	Sessions *session.Keeper
	Log      *slog.Logger
	// Observe receives every request; route is its pattern.
	Observe func(ctx context.Context, method, route string, status int, took time.Duration)
	// Proxies are those whose X-Forwarded-For is believed.
	Proxies []string
	// Ending is closed when the process is asked to end; nil: never.
	Ending <-chan struct{}
	// Design adds the page of all components.
	Design bool

	refreshes singleflight.Group
	reported  atomic.Int64 // when a violation was logged last, Unix seconds
}

// patience bounds a request; longPatience one that has the API do a great deal.
const (
	patience     = 12 * time.Second
	longPatience = 55 * time.Second
)

// patienceFor is how long a request of a route may take; 0: as long as it goes on.
func patienceFor(pattern string) time.Duration {
	switch pattern {
	case "GET " + livePath:
		return 0
	case "POST /welcome/demo", "GET /settings/export":
		return longPatience
	default:
		return patience
	}
}

// maxForm bounds what a form may send, in bytes.
const maxForm = 64 << 10

// visit is a request as the pages see it.
type visit struct {
	locale  *words.Locale
	session *session.Session // nil: nobody is logged in
	caller  backend.Caller
	began   time.Time
}

type handler func(http.ResponseWriter, *http.Request, *visit) error

// Handler routes the requests.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]handler{
		"GET /{$}":                  s.landing,
		"GET /signup":               s.showSignUp,
		"POST /signup":              s.signUp,
		"GET /login":                s.showLogIn,
		"POST /login":               s.logIn,
		"GET /forgot":               s.showForgot,
		"POST /forgot":              s.forgot,
		"POST /logout":              s.logOut,
		"POST /language":            s.chooseLanguage,
		"GET /design":               s.design,
		"GET /manifest.webmanifest": s.manifest,
		"/":                         func(http.ResponseWriter, *http.Request, *visit) error { return errNotFound },
	} {
		s.handle(mux, pattern, h)
	}
	for pattern, h := range map[string]handler{
		"GET /welcome":       s.showWelcome,
		"POST /welcome":      s.welcome,
		"POST /welcome/demo": s.fillDemo,
		"GET /dashboard":     s.dashboard,
		"GET /bell":          s.bell,

		"GET /transactions":               s.transactions,
		"POST /transactions":              s.record,
		"GET /transactions/{id}":          s.showTransaction,
		"POST /transactions/{id}":         s.editTransaction,
		"POST /transactions/{id}/delete":  s.deleteTransaction,
		"POST /transactions/{id}/restore": s.restoreTransaction,

		"GET /budgets":              s.budgets,
		"POST /budgets":             s.createBudget,
		"POST /budgets/copy":        s.copyBudgets,
		"GET /budgets/{id}":         s.showBudget,
		"POST /budgets/{id}":        s.editBudget,
		"POST /budgets/{id}/delete": s.deleteBudget,

		"GET /wallets":               s.wallets,
		"POST /wallets":              s.createWallet,
		"GET /wallets/{id}":          s.showWallet,
		"POST /wallets/{id}":         s.editWallet,
		"POST /wallets/{id}/archive": s.moveWallet(true),
		"POST /wallets/{id}/restore": s.moveWallet(false),

		"GET /settings":                s.settings,
		"POST /settings/name":          s.editName,
		"POST /settings/notifications": s.editTold,
		"POST /settings/password":      s.editPassword,
		"POST /settings/confirm":       s.mailConfirmation,
		"GET /settings/export":         s.export,
		"POST /settings/demo":          s.removeDemo,
		"POST /settings/logout-all":    s.logOutAll,
		"POST /settings/delete":        s.deleteAccount,

		"GET " + oauth.AuthorizePath:            s.askAssistant,
		"POST " + oauth.AuthorizePath:           s.decideAssistant,
		"POST /settings/assistants/{id}/remove": s.removeAssistant,

		"GET /insights":               s.insights,
		"POST /insights/{id}/dismiss": s.dismissInsight,
		"GET /alerts":                 s.alerts,
		"POST /alerts/read":           s.readAlerts,
	} {
		s.handle(mux, pattern, s.person(h))
	}
	s.handle(mux, "GET "+livePath, s.person(s.live))
	mux.Handle("GET "+asset.Root, s.observed(asset.Root, asset.Handler()))
	mux.Handle("POST "+reportsPath, s.observed(reportsPath, http.HandlerFunc(s.report)))

	protection := http.NewCrossOriginProtection()
	protection.AddInsecureBypassPattern("POST " + reportsPath) // it changes nothing
	protection.SetDenyHandler(s.observed("refused", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.visitOf(r)
		s.fail(w, r, v, http.StatusForbidden, v.locale.Text.ForbiddenTitle, v.locale.Text.ForbiddenText)
	})))
	pack, err := gzhttp.NewWrapper(
		gzhttp.MinSize(1024),
		gzhttp.ContentTypes([]string{"text/html"}), // assets are packed already, live events are not to wait
		gzhttp.RandomJitter(32, 0, false),          // so that the size of a page tells nobody what is in it (BREACH)
	)
	if err != nil {
		panic(err) // of options that are written here
	}
	return secured(pack(requests.FromProxies(s.Proxies)(protection.Handler(mux))))
}

func (s *Server) handle(mux *http.ServeMux, pattern string, h handler) {
	mux.Handle(pattern, s.observed(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if most := patienceFor(pattern); most > 0 {
			ctx, cancel := context.WithTimeout(r.Context(), most)
			defer cancel()
			r = r.WithContext(ctx)
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		v := s.visitOf(r)
		r = r.WithContext(backend.As(r.Context(), v.caller))
		if err := h(w, r, v); err != nil {
			s.answer(w, r, v, err)
		}
	})))
}

// observed is around every request.
func (s *Server) observed(pattern string, next http.Handler) http.Handler {
	route := pattern[strings.Index(pattern, " ")+1:]
	recorder := requests.Recorder{Log: s.Log, Observe: s.Observe}
	return recorder.Around(func(*http.Request) string { return route }, func(w http.ResponseWriter, r *http.Request, err error) {
		s.answer(w, r, s.visitOf(r), err)
	}, next)
}

func (s *Server) visitOf(r *http.Request) *visit {
	v := &visit{locale: words.Of(r), session: s.Sessions.Read(r), began: time.Now()}
	v.caller = backend.Caller{Address: requests.Address(r), Agent: r.UserAgent()}
	if v.session != nil {
		v.caller.Token = v.session.Access
	}
	return v
}

// page is what a page of a visit has.
func (v *visit) page(r *http.Request, section, title string) view.Page {
	return view.Page{Locale: v.locale, Title: title, Section: section, Here: here(r), Zone: v.zone(), Person: v.session != nil, Since: v.began}
}

// zone is the person's time zone; a stranger's is not known.
func (v *visit) zone() *time.Location {
	if v.session == nil {
		return time.UTC
	}
	return calendar.ZoneOrUTC(v.session.Zone)
}

// here is the address to come back to: the page itself, or of a form the page that it is on.
func here(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return local(r.URL.RequestURI())
	}
	return local(r.URL.Path)
}

// local returns an address if it leads to this site, and else the start page. Browsers take
// backslashes for slashes and skip control characters, so that neither may be in it.
func local(address string) string {
	if !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") || strings.ContainsFunc(address, func(c rune) bool {
		return c == '\\' || c < ' ' || c == 0x7f
	}) {
		return "/"
	}
	return address
}

// show writes a page, whole or not at all.
func show(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	var whole bytes.Buffer
	if err := page.Render(r.Context(), &whole); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = whole.WriteTo(w) // fails only when the browser has gone
	return nil
}

// newKey is an Idempotency-Key for a form.
func newKey() string { return tracing.NewID().String() }
