//go:build integration

package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/api/rest"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/session"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// world is the web on a real backend with a database of its own, over TLS as browsers want it.
type world struct {
	t       *testing.T
	pool    *pgxpool.Pool
	api     *rest.API
	web     *Server
	site    *httptest.Server
	reports atomic.Int64 // of violations of the content security policy
	// before, if set, may answer a request to the backend in its place, or change its answer.
	before atomic.Pointer[func(w http.ResponseWriter, r *http.Request) (done bool)]
}

var testKey = strings.Repeat("s", 32)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, pool: pgtest.Pool(t, event.Backend)}
	log := slog.New(slog.DiscardHandler)
	w.api = rest.New(w.pool, event.Backend, []byte(strings.Repeat("k", 32)), log, func(context.Context, string, string, int, time.Duration) {})
	ending, end := context.WithCancel(context.Background())
	w.api.Ending = ending.Done()
	hub, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { w.api.Live.Run(hub); close(stopped) }()
	real := w.api.Handler()
	api := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if before := w.before.Load(); before != nil && (*before)(rw, r) {
			return
		}
		real.ServeHTTP(rw, r)
	}))
	address, err := url.Parse(api.URL)
	require.NoError(t, err)
	client, err := backend.New(address, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}})
	require.NoError(t, err)
	sessions, err := session.New(testKey)
	require.NoError(t, err)
	w.web = &Server{
		API: client, Sessions: sessions, Log: log, Observe: func(context.Context, string, string, int, time.Duration) {}, Ending: ending.Done(), Design: true,
	}
	handler := w.web.Handler()
	w.site = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == reportsPath {
			w.reports.Add(1)
		}
		handler.ServeHTTP(rw, r)
	}))
	w.site.EnableHTTP2 = true
	w.site.Config.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelError) // browsers end connections as they like
	w.site.StartTLS()
	t.Cleanup(func() { end(); w.site.Close(); api.Close(); stop(); <-stopped })
	return w
}

// answerInstead has f answer the backend's requests for which it returns true.
func (w *world) answerInstead(f func(http.ResponseWriter, *http.Request) bool) { w.before.Store(&f) }

// browser is a person's, as far as HTTP goes.
type browser struct {
	w        *world
	http     *http.Client
	email    string
	password string
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	client := *w.site.Client()
	client.Jar, client.Timeout = jar, 30*time.Second
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{w: w, http: &client, email: uuid.NewString() + "@example.org", password: "correct horse battery"}
}

// reply is an answer that was read.
type reply struct {
	status int
	header http.Header
	body   string
	to     string // where it leads
}

func (b *browser) do(r *http.Request, headers ...string) reply {
	b.w.t.Helper()
	r.Header.Set("User-Agent", "test")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := b.http.Do(r)
	require.NoError(b.w.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(b.w.t, err)
	return reply{answer.StatusCode, answer.Header, string(body), answer.Header.Get("Location")}
}

func (b *browser) get(path string, headers ...string) reply {
	b.w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.w.site.URL+path, nil)
	require.NoError(b.w.t, err)
	return b.do(r, headers...)
}

type form map[string]string

func (b *browser) post(path string, fields form, headers ...string) reply {
	b.w.t.Helper()
	values := url.Values{}
	for name, value := range fields {
		values.Set(name, value)
	}
	r, err := http.NewRequest(http.MethodPost, b.w.site.URL+path, strings.NewReader(values.Encode()))
	require.NoError(b.w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.w.site.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r, headers...)
}

// must has a page the status, and shows the page that has not.
func (p reply) must(t *testing.T, status int) reply {
	t.Helper()
	require.Equal(t, status, p.status, "%s", p.body)
	return p
}

// leads has a page lead elsewhere.
func (p reply) leads(t *testing.T, to string) {
	t.Helper()
	require.Equal(t, to, p.must(t, http.StatusSeeOther).to)
}

// cookie is the value of a cookie that the browser keeps; "": it has none.
func (b *browser) cookie(name string) string {
	at, err := url.Parse(b.w.site.URL)
	require.NoError(b.w.t, err)
	for _, c := range b.http.Jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// joins signs a person up, in a time zone, with a wallet.
func (b *browser) joins(name, wallet string) {
	b.w.t.Helper()
	b.post("/signup", form{"name": name, "email": b.email, "password": b.password, "zone": "Europe/Berlin"}).leads(b.w.t, "/welcome")
	b.post("/welcome", form{"name": wallet, "type": "checking", "currency": "EUR", "opening": "1,234.50", "zone": "Europe/Berlin", "key": uuid.NewString()}).leads(b.w.t, "/dashboard")
}

// call asks the API past the web, as the person of an access token.
func (w *world) call(token, method, path string, body, out any) {
	w.t.Helper()
	var sent io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		require.NoError(w.t, err)
		sent = bytes.NewReader(raw)
	}
	r := httptest.NewRequest(method, "/api/v1"+path, sent)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	w.api.Handler().ServeHTTP(answer, r)
	require.Less(w.t, answer.Code, 300, "%s %s: %s", method, path, answer.Body)
	if out != nil {
		require.NoError(w.t, json.Unmarshal(answer.Body.Bytes(), out))
	}
}

// seed gives a person something of each kind, with a text wherever people or agents write one.
func (w *world) seed(token, text string) {
	w.t.Helper()
	var me struct{ ID uuid.UUID }
	w.call(token, http.MethodGet, "/auth/me", nil, &me)
	var wallets struct{ Items []struct{ ID string } }
	w.call(token, http.MethodGet, "/wallets", nil, &wallets)
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(w.t, err)
	today := time.Now().In(zone)
	type object = map[string]any
	w.call(token, http.MethodPost, "/categories", object{"name": text, "kind": "expense"}, nil)
	var categories struct {
		Items []struct{ Slug, Name string }
	}
	w.call(token, http.MethodGet, "/categories", nil, &categories)
	slug := ""
	for _, c := range categories.Items {
		if c.Name == text {
			slug = c.Slug
		}
	}
	require.NotEmpty(w.t, slug)
	w.call(token, http.MethodPost, "/transactions", object{"walletId": wallets.Items[0].ID, "type": "expense", "amount": "12.50", "category": slug, "description": text, "tags": []string{text[:min(30, len(text))]}}, nil)
	w.call(token, http.MethodPost, "/budgets", object{"category": slug, "amount": "10", "currency": "EUR", "month": today.Format("2006-01")}, nil)
	w.call(token, http.MethodPost, "/goals", object{"name": text, "target": "1000", "currency": "EUR"}, nil)
	w.call(token, http.MethodPost, "/tasks", object{"title": text, "due": today.Format(time.DateOnly)}, nil)
	insight := event.InsightGenerated{
		InsightID: tracing.NewID(), UserID: me.ID, InsightType: event.SavingsTip, Title: text, Message: text, Confidence: 0.8, Dismiss: text,
		Facts: map[string]string{text: text}, RelatedEntities: map[string]string{"detector": text},
	}
	w.told(event.TypeInsightGenerated, insight)
	w.alert(me.ID, text)
}

// alert tells a person something.
func (w *world) alert(user uuid.UUID, text string) {
	w.t.Helper()
	w.told(event.TypeAlertSent, event.AlertSent{
		AlertID: tracing.NewID(), UserID: user, Channel: "in_app", SourceEvent: event.TypeReminderDue, SourceEventID: tracing.NewID(),
		DeliveredAt: time.Now().UTC(), Status: "delivered", Title: text, Message: text,
	})
}

// told has the backend take in an event.
func (w *world) told(kind string, data any) {
	w.t.Helper()
	ctx := tracing.Correlated(context.Background(), "")
	e, err := event.New(ctx, event.Notification, kind, "subject", data)
	require.NoError(w.t, err)
	take := map[string]func(context.Context, event.CloudEvent) (bool, error){
		event.TypeInsightGenerated: w.api.Insights.Take, event.TypeAlertSent: w.api.Alerts.Take,
	}[kind]
	first, err := take(ctx, e)
	require.NoError(w.t, err)
	require.True(w.t, first)
}

// userOf is whose an access token is.
func (w *world) userOf(token string) uuid.UUID {
	w.t.Helper()
	var me struct{ ID uuid.UUID }
	w.call(token, http.MethodGet, "/auth/me", nil, &me)
	return me.ID
}

// seedInsights gives a person insights like those that the agents find.
func (w *world) seedInsights(token string) {
	w.t.Helper()
	for _, one := range []event.InsightGenerated{
		{InsightType: event.SavingsTip, Title: "Your streaming subscription went up", Message: "StreamFlix charged €15.99 instead of €12.99. That is €36.00 more a year.", Confidence: 0.92,
			Facts: map[string]string{"before": "12.99 EUR", "now": "15.99 EUR", "charges": "7"}, Dismiss: "A charge at the old price."},
		{InsightType: event.SpendingPattern, Title: "More for leisure than usual", Message: "€182.40 so far this month; by this day it is usually about €96.00.", Confidence: 0.71,
			Facts: map[string]string{"this month": "182.40 EUR", "usual": "96.00 EUR"}},
	} {
		one.InsightID, one.UserID = tracing.NewID(), w.userOf(token)
		w.told(event.TypeInsightGenerated, one)
	}
}
