//go:build integration

package service

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/api/mcp"
	"github.com/wealth-companion/companion/app/api/rest"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/web"
	backendclient "github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/session"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// created is a topic that agents handle.
const created = "finance.transaction.created"

// mark is in everything that the tests below make up.
const mark = "madeup"

// series names every time series of a process, of whichever metric.
func series(t *testing.T, m *Metrics) []string {
	t.Helper()
	families, err := m.registry.Gather()
	require.NoError(t, err)
	var found []string
	for _, family := range families {
		for _, one := range family.GetMetric() {
			name := family.GetName()
			for _, label := range one.GetLabel() {
				require.NotContains(t, strings.ToLower(label.GetValue()), mark, "%s: a label of %s holds what a caller made up", label.GetName(), name)
				name += fmt.Sprintf(" %s=%q", label.GetName(), label.GetValue())
			}
			found = append(found, name)
		}
	}
	return found
}

// hammer sends requests to a handler whose every part is made up, methods, paths,
// queries, headers and bodies, some with a token; round tells one time from the next.
func hammer(handler http.Handler, round int, paths, tokens []string) {
	for i := range 50 {
		word := fmt.Sprintf("%s%d%d", mark, round, i)
		for _, path := range paths {
			for _, method := range []string{strings.ToUpper(word), word, "GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"} {
				for _, body := range []string{
					"", fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":{%q:%q}}}`, word, word, word),
					fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q}`, word),
				} {
					request := httptest.NewRequest(method, strings.ReplaceAll(path, "*", word), strings.NewReader(body))
					request.Host = word + ".example"
					for _, header := range []string{"X-Correlation-Id", "Traceparent", "Idempotency-Key", "User-Agent", "Mcp-Session-Id", "Mcp-Protocol-Version", "X-" + word} {
						request.Header.Set(header, word)
					}
					request.Header.Set("Content-Type", "application/json")
					request.Header.Set("Accept", "application/json, text/event-stream")
					if token := tokens[i%len(tokens)]; token != "" {
						request.Header.Set("Authorization", "Bearer "+token)
					}
					handler.ServeHTTP(httptest.NewRecorder(), request)
				}
			}
		}
	}
}

// What a process counts must not grow with what callers think up: a series is kept
// for as long as the process lives.
func TestNoMetricGrowsWithWhatCallersMakeUp(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	backend := newMetrics(event.Backend)
	rests := rest.New(pgtest.Pool(t, event.Backend), event.Backend, bytes.Repeat([]byte("k"), 32), quiet, backend.Request).Handler()
	api := httptest.NewServer(rests)
	defer api.Close()
	token := register(t, api)
	address, err := url.Parse(api.URL)
	require.NoError(t, err)

	assistant := newMetrics(event.MCP)
	server := &mcp.Server{Backend: &mcp.Backend{URL: address, Client: api.Client()}, ConfirmationKey: bytes.Repeat([]byte("c"), 32), Log: quiet, Observe: assistant.Request}

	agent := newMetrics(event.Analytics)
	receiver := &bus.Receiver{
		Service: event.Analytics, Log: quiet, Outcome: agent.delivered,
		Handlers: map[string]bus.Handler{
			created: func(context.Context, event.CloudEvent) (bool, error) { return true, nil },
		},
		Outage:     func(context.Context, error) bool { return false },
		DeadLetter: func(context.Context, string, string, []byte) error { return nil },
	}
	pages := newMetrics(event.Web)
	client, err := backendclient.New(address, api.Client())
	require.NoError(t, err)
	sessions, err := session.New(strings.Repeat("s", 32))
	require.NoError(t, err)
	site := &web.Server{API: client, Sessions: sessions, Log: quiet, Observe: pages.Request}
	for name, c := range map[string]struct {
		metrics *Metrics
		handler http.Handler
		paths   []string
		tokens  []string
	}{
		"the API":  {backend, rests, []string{"/*", "/api/v1/*", "/api/v1/wallets?*=*", "/api/v1/transactions/*", "/api/v1/rates/*/*/*", "/api/v1/openapi*"}, []string{"", token, mark}},
		"the MCP":  {assistant, server.Handler(), []string{"/*", "/mcp", "/mcp?*=*", "/mcp/*", "/.well-known/*"}, []string{"", token, mark}},
		"the web":  {pages, site.Handler(), []string{"/*", "/login?next=*", "/transactions/*", "/assets/*", "/reports", "/live"}, []string{""}},
		"an agent": {agent, receiver.Handler(), []string{"/*", "/events/*", "/events/" + created, "/dapr/*"}, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			hammer(c.handler, 1, c.paths, c.tokens)
			before := series(t, c.metrics)
			hammer(c.handler, 2, c.paths, c.tokens)
			require.ElementsMatch(t, before, series(t, c.metrics), "other words, and there are more series")
			require.Less(t, len(before), 500)
		})
	}
}

// 100,000 made-up methods once held 133 MiB for as long as the process lived.
func TestMadeUpMethodsHoldNoMemory(t *testing.T) {
	metrics := newMetrics(event.Backend)
	handler := rest.New(pgtest.Pool(t, event.Backend), event.Backend, bytes.Repeat([]byte("k"), 32), slog.New(slog.DiscardHandler), metrics.Request).Handler()
	// heap returns the MiB that are in use after a collection.
	heap := func() float64 {
		runtime.GC()
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		return float64(memory.HeapAlloc) / (1 << 20)
	}
	send := func(method string) {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/api/v1/wallets", nil))
	}
	send(strings.ToUpper(mark))
	before := heap()
	for i := range 100_000 {
		send(fmt.Sprintf("%s%d", strings.ToUpper(mark), i))
	}
	after := heap()
	t.Logf("%.1f MiB before, %.1f after", before, after)
	require.Less(t, after-before, 5.0, "MiB")
	require.NotEmpty(t, series(t, metrics)) // keeps what was counted in memory until here
}

// register makes an account and returns its access token.
func register(t *testing.T, api *httptest.Server) string {
	t.Helper()
	body := fmt.Sprintf(`{"email":"%s@example.org","password":"correct horse"}`, uuid.New())
	answer, err := api.Client().Post(api.URL+"/api/v1/auth/register", "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusCreated, answer.StatusCode)
	var session struct{ Token string }
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&session))
	return session.Token
}
