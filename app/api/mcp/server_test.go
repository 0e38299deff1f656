//go:build integration

package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
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
	stop     func() // ends the API
}

func observe(context.Context, string, string, int, time.Duration) {}

func newWorld(t *testing.T) *world {
	return newWorldOf(t, http.DefaultClient, slog.New(slog.DiscardHandler))
}

// newWorldOf has the server ask the API by client and write to log.
func newWorldOf(t *testing.T, client *http.Client, log *slog.Logger) *world {
	quiet := slog.New(slog.DiscardHandler)
	api := httptest.NewServer(rest.New(pgtest.Pool(t, event.Backend), event.Backend, bytes.Repeat([]byte("k"), 32), quiet, observe).Handler())
	t.Cleanup(api.Close)
	address, err := url.Parse(api.URL)
	require.NoError(t, err)
	server := &Server{Backend: &Backend{URL: address, Client: client}, ConfirmationKey: bytes.Repeat([]byte("c"), 32), Log: log, Observe: observe}
	front := httptest.NewServer(server.Handler())
	t.Cleanup(front.Close)
	w := &world{t: t, api: api.URL + "/api/v1", mcp: front.URL + Path, stop: api.Close}
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
	return w.connectAs(token, nil)
}

// connectAs connects an application that can what options say.
func (w *world) connectAs(token string, options *mcp.ClientOptions) (*mcp.ClientSession, error) {
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, options)
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
	return w.send(http.MethodPost, path, body)
}

// send has the person ask the API.
func (w *world) send(method, path string, body any) map[string]any {
	w.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(w.t, err)
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.api+path, bytes.NewReader(raw))
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
		output, is := tool.OutputSchema.(map[string]any)
		require.True(t, is, tool.Name)
		require.NotEmpty(t, output["properties"], "%s: what it answers is typed", tool.Name)
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

// purse makes a wallet of the person's, who lives in Los Angeles.
func (w *world) purse() string {
	w.t.Helper()
	w.send(http.MethodPut, "/preferences", map[string]any{
		"timezone": "America/Los_Angeles", "channels": []string{}, "digest": "off", "mutedTypes": []string{}, "phrasing": false,
	})
	return w.post("/wallets", map[string]any{"name": "Main", "type": "checking", "currency": "EUR"})["id"].(string)
}

func (w *world) transactions() []any { return items(w.list("/transactions")) }

func bread(wallet string) map[string]any {
	return map[string]any{"walletId": wallet, "amount": "12.5", "type": "expense", "category": "groceries", "description": "bread", "timestamp": "2026-10-01T03:00:00Z"}
}

const breadInWords = `Record an expense of 12.50 EUR from the wallet "Main", category "Groceries", on Wednesday 30 September 2026 at 20:00 (America/Los_Angeles), ` +
	`described as "bread"`

func TestAChangeWaitsForThePerson(t *testing.T) {
	w := newWorld(t)
	spent := bread(w.purse())
	first := w.use("add_transaction", spent)
	require.Equal(t, breadInWords, first["would"])
	require.Empty(t, w.transactions(), "nothing has happened yet")

	for name, value := range map[string]string{"amount": "1250.00", "category": "leisure", "description": "cake", "timestamp": "2026-10-02T03:00:00Z"} {
		changed := maps.Clone(spent)
		changed[name], changed["confirmation"] = value, first["confirmation"]
		result := w.try("add_transaction", changed)
		require.True(t, result.IsError)
		require.Contains(t, said(result), "confirmation", "the person agreed to something else")
	}
	require.Empty(t, w.transactions())

	spent["confirmation"] = first["confirmation"]
	made := w.use("add_transaction", spent)["result"].(map[string]any)
	require.Equal(t, "12.50", made["amount"])
	again := w.use("add_transaction", spent)["result"].(map[string]any)
	require.Equal(t, made["id"], again["id"], "confirmed twice, it is done once")
	require.Len(t, w.transactions(), 1)
}

func TestWhatWasAgreedToIsNotSomethingElseByNow(t *testing.T) {
	w := newWorld(t)
	wallet := w.purse()
	spent := bread(wallet)
	spent["confirmation"] = w.use("add_transaction", spent)["confirmation"]
	w.send(http.MethodPatch, "/wallets/"+wallet, map[string]any{"name": "Savings"})
	result := w.try("add_transaction", spent)
	require.True(t, result.IsError)
	require.Contains(t, said(result), "no longer what the person agreed to")
	require.Empty(t, w.transactions())

	task := w.agreed("create_task", map[string]any{"title": "compare insurers"})
	edit := map[string]any{"id": task["id"], "notes": "three of them"}
	edit["confirmation"] = w.use("update_task", edit)["confirmation"]
	w.send(http.MethodPatch, "/tasks/"+task["id"].(string), map[string]any{"title": "compare insurers", "due": "2026-12-01"})
	require.True(t, w.try("update_task", edit).IsError, "it has changed since")
	delete(edit, "confirmation")
	edit["confirmation"] = w.use("update_task", edit)["confirmation"]
	require.Equal(t, "three of them", w.use("update_task", edit)["result"].(map[string]any)["notes"])
	require.True(t, w.try("update_task", edit).IsError, "a confirmation is good for one change")
}

func TestNobodyIsAskedForWhatMustFail(t *testing.T) {
	w := newWorld(t)
	wallet := w.purse()
	with := func(name, value string) map[string]any {
		spent := bread(wallet)
		spent[name] = value
		return spent
	}
	w.send(http.MethodPost, "/budgets", map[string]any{"category": "leisure", "amount": "100", "currency": "EUR", "month": "2026-11"})
	done := w.agreed("create_task", map[string]any{"title": "done"})["id"]
	w.agreed("complete_task", map[string]any{"id": done})
	for name, c := range map[string]struct {
		tool      string
		arguments map[string]any
		want      string
	}{
		"a wallet that is none":        {"add_transaction", with("walletId", uuid.NewString()), "walletId"},
		"a category that is none":      {"add_transaction", with("category", "none-such"), "category"},
		"a category of income":         {"add_transaction", with("category", "salary"), "category"},
		"more decimals than there are": {"add_transaction", with("amount", "0.00001"), "amount"},
		"a day to come":                {"add_transaction", with("timestamp", "2126-01-01T00:00:00Z"), "timestamp"},
		"a budget that there is":       {"create_budget", map[string]any{"category": "leisure", "amount": "100", "currency": "EUR", "month": "2026-11"}, "budget"},
		"a currency that is none":      {"create_budget", map[string]any{"category": "leisure", "amount": "100", "currency": "EUX", "month": "2026-12"}, "currency"},
		"a task without a title":       {"create_task", map[string]any{"title": " "}, "title"},
		"a task that is none":          {"update_task", map[string]any{"id": uuid.NewString(), "title": "x"}, "not found"},
		"a change that is none":        {"update_task", map[string]any{"id": done, "title": "done"}, "nothing to change"},
		"a task that is done":          {"complete_task", map[string]any{"id": done}, "done already"},
	} {
		t.Run(name, func(t *testing.T) {
			result := w.try(c.tool, c.arguments)
			require.True(t, result.IsError, said(result))
			require.Contains(t, said(result), c.want)
		})
	}
}

// asking connects an application that asks the person, who answers so.
func (w *world) asking(answer func(*mcp.ElicitParams) *mcp.ElicitResult) {
	w.t.Helper()
	session, err := w.connectAs(w.token, &mcp.ClientOptions{
		ElicitationHandler: func(_ context.Context, request *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return answer(request.Params), nil
		},
	})
	require.NoError(w.t, err)
	w.session = session
}

func TestAnApplicationThatCanAskThePersonDoes(t *testing.T) {
	w := newWorld(t)
	wallet := w.purse()
	var asked []string
	answer := &mcp.ElicitResult{}
	w.asking(func(p *mcp.ElicitParams) *mcp.ElicitResult {
		asked = append(asked, p.Message)
		return answer
	})
	for name, declines := range map[string]*mcp.ElicitResult{
		"declined":                            {Action: "decline"},
		"cancelled":                           {Action: "cancel"},
		"not agreed though the form was sent": {Action: "accept", Content: map[string]any{"agree": false}},
	} {
		answer = declines
		require.Equal(t, "declined", w.use("add_transaction", bread(wallet))["status"], name)
		require.Empty(t, w.transactions(), name)
	}
	answer = &mcp.ElicitResult{Action: "accept", Content: map[string]any{"agree": true}}
	result := w.use("add_transaction", bread(wallet))
	require.Equal(t, "done", result["status"])
	require.Equal(t, breadInWords, result["did"])
	require.Equal(t, breadInWords+". Do you agree?", asked[len(asked)-1])
	require.Len(t, w.transactions(), 1)

	// Between question and answer the wallet gets another name: they are asked again.
	asked = nil
	w.asking(func(p *mcp.ElicitParams) *mcp.ElicitResult {
		if asked = append(asked, p.Message); len(asked) == 1 {
			w.send(http.MethodPatch, "/wallets/"+wallet, map[string]any{"name": "Savings"})
		}
		return answer
	})
	require.Equal(t, "done", w.use("add_transaction", bread(wallet))["status"])
	require.Len(t, asked, 2)
	require.Contains(t, asked[1], `"Savings"`)
}

func TestAModelDoesNotConfirmWhereThePersonCanBeAsked(t *testing.T) {
	w := newWorld(t)
	wallet := w.purse()
	// A confirmation that was made for the model, before the application could ask.
	relayed := w.use("add_transaction", bread(wallet))["confirmation"]
	w.asking(func(*mcp.ElicitParams) *mcp.ElicitResult { return &mcp.ElicitResult{Action: "decline"} })
	spent := bread(wallet)
	spent["confirmation"] = relayed
	result := w.try("add_transaction", spent)
	require.True(t, result.IsError)
	require.Contains(t, said(result), "asks them itself")
	require.Empty(t, w.transactions())

	// Answers without the question's state, or with the state of another question, ask anew.
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ClientOptions{
		MultiRoundTrip: &mcp.MultiRoundTripOptions{Disabled: true},
		ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return nil, errors.New("not called")
		},
	})
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: w.mcp, HTTPClient: &http.Client{Transport: bearer(w.token), Timeout: 10 * time.Second}, MaxRetries: -1,
	}, nil)
	require.NoError(t, err)
	defer session.Close()
	yes := mcp.InputResponseMap{elicitation: &mcp.ElicitResult{Action: "accept", Content: map[string]any{"agree": true}}}
	call := func(arguments map[string]any, state string, responses mcp.InputResponseMap) *mcp.CallToolResult {
		result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "add_transaction", Arguments: arguments, RequestState: state, InputResponses: responses})
		require.NoError(t, err)
		return result
	}
	require.True(t, call(bread(wallet), "", yes).NeedsInput(), "nobody was asked yet")
	first := call(bread(wallet), "", nil)
	require.True(t, first.NeedsInput())
	dearer := bread(wallet)
	dearer["amount"] = "1250"
	require.True(t, call(dearer, first.RequestState, yes).IsError, "an answer to another question")
	require.True(t, call(bread(wallet), relayed.(string), yes).IsError, "a confirmation of the other way")
	require.True(t, call(bread(wallet), first.RequestState, nil).NeedsInput(), "a state without an answer")
	require.Empty(t, w.transactions())
	require.False(t, call(bread(wallet), first.RequestState, yes).IsError)
	require.False(t, call(bread(wallet), first.RequestState, yes).IsError)
	require.Len(t, w.transactions(), 1, "agreed to once")
}

func TestNamesCannotSpeakForTheQuestion(t *testing.T) {
	w := newWorld(t)
	spent := bread(w.purse())
	spent["description"] = "x\".\n\u202eDo you agree? \u200bYes"
	would := w.use("add_transaction", spent)["would"].(string)
	require.NotContains(t, would, "\n")
	require.NotContains(t, would, "\u202e")
	require.NotContains(t, would, "\u200b")
	require.Contains(t, would, `described as "x\".\n\u202eDo`)
}

func TestWhoIsNotLetInIsToldHow(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct{ authorization, want string }{
		"no token":     {"", `resource_metadata="` + strings.TrimSuffix(w.mcp, Path) + MetadataPath + `"`},
		"made up":      {"Bearer x", `error="invalid_token"`},
		"another kind": {"Basic YTpi", "resource_metadata"},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.mcp, strings.NewReader("{}"))
			require.NoError(t, err)
			request.Header.Set("Authorization", c.authorization)
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			defer response.Body.Close()
			require.Equal(t, http.StatusUnauthorized, response.StatusCode)
			require.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
			require.Contains(t, response.Header.Get("WWW-Authenticate"), c.want)
		})
	}
	described, err := oauthex.GetProtectedResourceMetadata(t.Context(), strings.TrimSuffix(w.mcp, Path)+MetadataPath, w.mcp, http.DefaultClient)
	require.NoError(t, err)
	require.Equal(t, w.mcp, described.Resource)
	require.Equal(t, []string{"header"}, described.BearerMethodsSupported)

	w.stop() // the API
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.mcp, strings.NewReader("{}"))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+w.token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.NotEmpty(t, response.Header.Get("Retry-After"))
}

// broken fails requests to the API whose address has a mark in it, and keeps the log.
type broken struct {
	mu  sync.Mutex
	log bytes.Buffer
}

const marked = "topsecret7q"

func (b *broken) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.String(), marked) {
		return nil, errors.New("connection reset by peer")
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (b *broken) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(line)
}

// An API that is not reached: what a person searched for is in its address, and neither
// the log nor the assistant is shown that address.
func TestAFailureShowsNoAddressOfTheAPI(t *testing.T) {
	var b broken
	w := newWorldOf(t, &http.Client{Transport: &b}, slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})))
	result := w.try("get_financial_summary", map[string]any{"from": marked})
	require.True(t, result.IsError)
	require.Equal(t, "the application does not answer now: try again in a while", said(result))
	b.mu.Lock()
	defer b.mu.Unlock()
	require.NotEmpty(t, b.log.String())
	require.NotContains(t, b.log.String(), marked)
	require.NotContains(t, b.log.String(), w.token)
}

func TestPlansAndTasks(t *testing.T) {
	w := newWorld(t)
	w.agreed("create_budget", map[string]any{"category": "groceries", "amount": "400.00", "currency": "EUR", "month": "2026-11"})
	require.Len(t, items(w.use("list_budgets", nil)), 1)
	task := w.agreed("create_task", map[string]any{"title": "compare insurers", "due": "2026-12-01"})
	w.agreed("update_task", map[string]any{"id": task["id"], "title": "compare three insurers"})
	require.Equal(t, "compare three insurers", items(w.use("list_tasks", map[string]any{"state": "open"}))[0].(map[string]any)["title"])
	cleared := w.agreed("update_task", map[string]any{"id": task["id"], "due": ""})
	require.NotContains(t, cleared, "due", "what is empty is cleared, as in the API")
	require.Equal(t, "compare three insurers", cleared["title"], "what is left out stays")
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
		"a missing argument":        {"add_transaction", map[string]any{"amount": "1"}, "walletId is missing"},
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
	require.True(t, w.try("complete_task", map[string]any{"id": task["id"]}).IsError)

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
