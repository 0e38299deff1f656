//go:build integration

package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/api/rest"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// world is the server before the real API, and a person's assistant.
type world struct {
	t        *testing.T
	api, mcp string // addresses
	token    string
	session  *mcp.ClientSession
}

func observe(string, string, int, time.Duration) {}

func newWorld(t *testing.T) *world {
	quiet := slog.New(slog.DiscardHandler)
	api := httptest.NewServer(rest.New(pgtest.Pool(t, event.Backend), event.Backend, bytes.Repeat([]byte("k"), 32), quiet, observe).Handler())
	t.Cleanup(api.Close)
	address, err := url.Parse(api.URL)
	require.NoError(t, err)
	server := &Server{Backend: &Backend{URL: address, Client: api.Client()}, ConfirmationKey: bytes.Repeat([]byte("c"), 32), Log: quiet, Observe: observe}
	front := httptest.NewServer(server.Handler())
	t.Cleanup(front.Close)
	w := &world{t: t, api: api.URL + "/api/v1", mcp: front.URL + Path}
	w.join()
	return w
}

// join registers a person and connects their assistant.
func (w *world) join() {
	w.t.Helper()
	answer := w.post("/auth/register", map[string]any{"email": uuid.NewString() + "@example.org", "password": "correct horse", "name": "Ada"})
	w.token = answer["token"].(string)
	session, err := w.connect(w.token)
	require.NoError(w.t, err)
	w.session = session
}

// bearer adds the token to every request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func (w *world) connect(token string) (*mcp.ClientSession, error) {
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(w.t.Context(), &mcp.StreamableClientTransport{
		Endpoint: w.mcp, HTTPClient: &http.Client{Transport: bearer(token), Timeout: 10 * time.Second}, MaxRetries: -1,
	}, nil)
	if err == nil {
		w.t.Cleanup(func() { _ = session.Close() })
	}
	return session, err
}

func (w *world) post(path string, body any) map[string]any {
	w.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(w.t, err)
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.api+path, bytes.NewReader(raw))
	require.NoError(w.t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+w.token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(w.t, err)
	defer response.Body.Close()
	require.Less(w.t, response.StatusCode, 300)
	var answer map[string]any
	require.NoError(w.t, json.NewDecoder(response.Body).Decode(&answer))
	return answer
}

// use calls a tool that must succeed.
func (w *world) use(tool string, arguments map[string]any) map[string]any {
	w.t.Helper()
	result := w.try(tool, arguments)
	require.False(w.t, result.IsError, "%s: %s", tool, said(result))
	answer, is := result.StructuredContent.(map[string]any)
	require.True(w.t, is, tool)
	return answer
}

func (w *world) try(tool string, arguments map[string]any) *mcp.CallToolResult {
	w.t.Helper()
	result, err := w.session.CallTool(w.t.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
	require.NoError(w.t, err, tool)
	return result
}

func said(result *mcp.CallToolResult) string {
	var text strings.Builder
	for _, part := range result.Content {
		if t, is := part.(*mcp.TextContent); is {
			text.WriteString(t.Text)
		}
	}
	return text.String()
}

// agreed calls a tool that changes something, and again with its confirmation.
func (w *world) agreed(tool string, arguments map[string]any) map[string]any {
	w.t.Helper()
	first := w.use(tool, arguments)
	require.Equal(w.t, "confirmation_required", first["status"])
	require.NotEmpty(w.t, first["would"])
	arguments["confirmation"] = first["confirmation"]
	second := w.use(tool, arguments)
	require.Equal(w.t, "done", second["status"])
	return second["result"].(map[string]any)
}

func items(answer map[string]any) []any { return answer["items"].([]any) }

func TestEveryToolIsThereAndAnswers(t *testing.T) {
	w := newWorld(t)
	list, err := w.session.ListTools(t.Context(), nil)
	require.NoError(t, err)
	tools := map[string]*mcp.Tool{}
	for _, tool := range list.Tools {
		tools[tool.Name] = tool
		require.NotEmpty(t, tool.Description)
		require.NotNil(t, tool.InputSchema)
	}
	for name, arguments := range map[string]map[string]any{
		"get_financial_summary": {"from": "2026-11-01", "to": "2026-11-30"}, "analyze_spending": {"months": 3}, "get_health_score": {},
		"get_dashboard_metrics": {}, "simulate_investment": {"initial": "1000.00", "monthly": "100.00", "months": 120},
		"list_wallets": {}, "list_categories": {}, "list_budgets": {}, "list_goals": {}, "list_tasks": {"state": "open"},
	} {
		require.Contains(t, tools, name)
		require.True(t, tools[name].Annotations.ReadOnlyHint, name)
		require.NotEmpty(t, w.use(name, arguments), name)
		delete(tools, name)
	}
	for _, name := range []string{"create_budget", "add_transaction", "create_task", "update_task", "complete_task"} {
		require.Contains(t, tools, name)
		require.False(t, tools[name].Annotations.ReadOnlyHint, name)
		delete(tools, name)
	}
	require.Empty(t, tools, "tools that this test does not know of")
	require.Contains(t, w.use("simulate_investment", map[string]any{"monthly": "100.00", "months": 12})["disclaimer"], "advice")
}

func TestAChangeWaitsForThePerson(t *testing.T) {
	w := newWorld(t)
	wallet := w.post("/wallets", map[string]any{"name": "Main", "type": "checking", "currency": "EUR"})["id"].(string)
	spent := map[string]any{"walletId": wallet, "amount": "12.50", "type": "expense", "category": "groceries", "description": "bread"}
	count := func() float64 {
		return float64(len(items(w.list("/transactions"))))
	}
	first := w.use("add_transaction", spent)
	require.Contains(t, first["would"], "12.50")
	require.Zero(t, count(), "nothing has happened yet")

	changed := map[string]any{"walletId": wallet, "amount": "1250.00", "type": "expense", "category": "groceries", "description": "bread", "confirmation": first["confirmation"]}
	result := w.try("add_transaction", changed)
	require.True(t, result.IsError)
	require.Contains(t, said(result), "confirmation", "the person agreed to something else")
	require.Zero(t, count())

	spent["confirmation"] = first["confirmation"]
	made := w.use("add_transaction", spent)["result"].(map[string]any)
	require.Equal(t, "12.50", made["amount"])
	again := w.use("add_transaction", spent)["result"].(map[string]any)
	require.Equal(t, made["id"], again["id"], "confirmed twice, it is done once")
	require.EqualValues(t, 1, count())
}

func TestPlansAndTasks(t *testing.T) {
	w := newWorld(t)
	w.agreed("create_budget", map[string]any{"category": "groceries", "amount": "400.00", "currency": "EUR", "month": "2026-11"})
	require.Len(t, items(w.use("list_budgets", nil)), 1)
	task := w.agreed("create_task", map[string]any{"title": "compare insurers", "due": "2026-12-01"})
	w.agreed("update_task", map[string]any{"id": task["id"], "title": "compare three insurers"})
	require.Equal(t, "compare three insurers", items(w.use("list_tasks", map[string]any{"state": "open"}))[0].(map[string]any)["title"])
	w.agreed("complete_task", map[string]any{"id": task["id"]})
	require.Empty(t, items(w.use("list_tasks", map[string]any{"state": "open"})))
	require.Len(t, items(w.use("list_tasks", map[string]any{"state": "done"})), 1)
}

func TestWhatIsWrongIsTold(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		tool      string
		arguments map[string]any
		want      string
	}{
		"a missing argument":        {"add_transaction", map[string]any{"amount": "1"}, "required"},
		"an argument that is none":  {"get_health_score", map[string]any{"colour": "red"}, "colour"},
		"an amount below zero":      {"add_transaction", map[string]any{"walletId": uuid.NewString(), "amount": "-1", "type": "expense", "category": "other"}, "amount"},
		"a budget of nothing":       {"create_budget", map[string]any{"category": "groceries", "amount": "0", "currency": "EUR", "month": "2026-11"}, "not more than zero"},
		"a kind that is none":       {"add_transaction", map[string]any{"walletId": uuid.NewString(), "amount": "1", "type": "gift", "category": "other"}, "income or expense"},
		"nothing to change":         {"update_task", map[string]any{"id": uuid.NewString()}, "nothing to change"},
		"a month that is none":      {"get_financial_summary", map[string]any{"from": "yesterday"}, "from"},
		"a simulation without time": {"simulate_investment", map[string]any{"months": 0, "initial": "1"}, "months"},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := w.session.CallTool(t.Context(), &mcp.CallToolParams{Name: c.tool, Arguments: c.arguments})
			if err != nil {
				require.ErrorContains(t, err, c.want)
				return
			}
			require.True(t, result.IsError)
			require.Contains(t, said(result), c.want)
		})
	}
}

func TestOneSeesTheirOwnOnly(t *testing.T) {
	w := newWorld(t)
	task := w.agreed("create_task", map[string]any{"title": "mine"})
	w.join()
	require.Empty(t, items(w.use("list_tasks", nil)))
	first := w.use("complete_task", map[string]any{"id": task["id"]})
	result := w.try("complete_task", map[string]any{"id": task["id"], "confirmation": first["confirmation"]})
	require.True(t, result.IsError)

	_, err := w.connect("not a token")
	require.Error(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.mcp, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)
}

// list asks the API itself.
func (w *world) list(path string) map[string]any {
	w.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.api+path, nil)
	require.NoError(w.t, err)
	request.Header.Set("Authorization", "Bearer "+w.token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(w.t, err)
	defer response.Body.Close()
	var answer map[string]any
	require.NoError(w.t, json.NewDecoder(response.Body).Decode(&answer))
	return answer
}
