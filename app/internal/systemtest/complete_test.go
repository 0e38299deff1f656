//go:build integration

package systemtest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/stack"
	"github.com/wealth-companion/companion/app/messaging/bus"
)

// TestComplete tries what an installation may have besides: the MCP server, the web,
// e-mails and a language model, each through real sidecars.
func TestComplete(t *testing.T) {
	s := stack.Start(t, stack.Options{Complete: true})
	b := openBooks(t, s)
	t.Run("an assistant records a transaction by MCP", func(t *testing.T) {
		assistant(t, s, s.Public(event.MCP)+"/mcp")
	})
	t.Run("an assistant records a transaction by MCP through another sidecar", func(t *testing.T) {
		s.As(t, event.Backend)
		assistant(t, s, "http://127.0.0.1:"+s.SidecarPort(event.Backend)+"/v1.0/invoke/"+event.MCP+"/method/mcp")
	})
	t.Run("without a person's token nobody comes in, by whichever way", func(t *testing.T) {
		s.As(t, event.Backend)
		for _, endpoint := range []string{s.Public(event.MCP) + "/mcp", "http://127.0.0.1:" + s.SidecarPort(event.Backend) + "/v1.0/invoke/" + event.MCP + "/method/mcp"} {
			_, err := connect(t, endpoint, "not a token")
			require.ErrorContains(t, err, "Unauthorized")
		}
	})
	t.Run("a person finds their money in the web, and is told live", func(t *testing.T) { visited(t, s) })
	t.Run("no sidecar counts by what a caller made up", func(t *testing.T) { counted(t, s) })
	t.Run("services and sidecars know one another by their tokens", func(t *testing.T) { strangers(t, s, b) })
	t.Run("a service publishes and consumes what is its own only", func(t *testing.T) { foreignTopics(t, s) })
	t.Run("a sidecar leads to the model and back", func(t *testing.T) { converse(t, s) })
	t.Run("an insight keeps its words when the model's are refused", func(t *testing.T) { phrased(t, s, b) })
	t.Run("alerts arrive by e-mail, each at its own address", func(t *testing.T) { mailed(t, s, b) })
	t.Run("a transaction is one trace from the browser to the e-mail", func(t *testing.T) { traced(t, s, b) })
	t.Run("no span tells of a person", func(t *testing.T) { unconfided(t, s) })
}

// bearer adds a person's token to every request, which may go to a sidecar.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return bus.Invoker().Transport.RoundTrip(r)
}

func connect(t *testing.T, endpoint, token string) (*mcp.ClientSession, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: endpoint, HTTPClient: &http.Client{Transport: bearer(token), Timeout: 15 * time.Second}, MaxRetries: -1,
	}, nil)
	if err == nil {
		t.Cleanup(func() { _ = session.Close() })
	}
	return session, err
}

// use calls a tool that must succeed, and returns its answer.
func use[T any](t *testing.T, session *mcp.ClientSession, tool string, arguments map[string]any) (answer T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: arguments})
	require.NoError(t, err)
	raw, err := json.Marshal(result)
	require.NoError(t, err)
	require.False(t, result.IsError, "%s: %s", tool, raw)
	raw, err = json.Marshal(result.StructuredContent)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &answer))
	return answer
}

// counted has a person ask for things whose ids they made up, and reads what the sidecars
// on the way count: a label with an id in it is a time series for each, for as long as the
// sidecar lives.
func counted(t *testing.T, s *stack.Stack) {
	c := newPerson(t, s)
	session, err := connect(t, s.Public(event.MCP)+"/mcp", c.Token())
	require.NoError(t, err)
	var ids []string
	for range 3 {
		ids = append(ids, uuid.NewString())
		result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "complete_task", Arguments: map[string]any{"id": ids[len(ids)-1]}})
		require.NoError(t, err)
		require.True(t, result.IsError, "there is no such task")
	}
	for _, service := range []string{event.MCP, event.Backend} {
		response, err := http.Get(s.SidecarMetrics(service))
		require.NoError(t, err)
		raw, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		counts := string(raw)
		require.Contains(t, counts, "dapr_http_", "%s: its sidecar counts requests", service)
		for _, id := range ids {
			require.NotContains(t, counts, id, service)
		}
	}
}

// assistant has a person's assistant record a transaction, which the person
// agrees to, and finds it in the API.
func assistant(t *testing.T, s *stack.Stack, endpoint string) {
	c := newPerson(t, s)
	session, err := connect(t, endpoint, c.Token())
	require.NoError(t, err)
	list, err := session.ListTools(t.Context(), nil)
	require.NoError(t, err)
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	require.Subset(t, names, []string{"get_financial_summary", "list_wallets", "add_transaction", "create_budget"})
	wallets := use[struct{ Items []stack.Identified }](t, session, "list_wallets", nil)
	require.Equal(t, []stack.Identified{c.wallet}, wallets.Items)

	type answer struct {
		Status, Would, Confirmation string
		Result                      stack.Identified
	}
	spent := map[string]any{"walletId": c.wallet.ID.String(), "amount": "12.50", "type": "expense", "category": "groceries"}
	first := use[answer](t, session, "add_transaction", spent)
	require.Equal(t, "confirmation_required", first.Status)
	require.Contains(t, first.Would, "12.50")
	var found struct{ Items []stack.Identified }
	require.NoError(t, c.Call(t.Context(), http.MethodGet, "/transactions", nil, nil, &found))
	require.Empty(t, found.Items, "nothing happened yet")
	spent["confirmation"] = first.Confirmation
	done := use[answer](t, session, "add_transaction", spent)
	require.Equal(t, "done", done.Status)
	require.NoError(t, c.Call(t.Context(), http.MethodGet, "/transactions", nil, nil, &found))
	require.Equal(t, []stack.Identified{done.Result}, found.Items)
}

// user is somebody with a wallet.
type user struct {
	*stack.Client
	wallet stack.Identified
}

func newPerson(t *testing.T, s *stack.Stack) user {
	t.Helper()
	c := user{Client: s.Client()}
	require.NoError(t, c.Register(t.Context()))
	require.NoError(t, c.Call(t.Context(), http.MethodPost, "/wallets", nil, map[string]string{"name": "Purse", "type": "cash", "currency": "EUR"}, &c.wallet))
	return c
}

// wants sets how somebody wants to be told.
func (c user) wants(t *testing.T, channels []string, phrasing bool) {
	t.Helper()
	require.NoError(t, c.Call(t.Context(), http.MethodPut, "/preferences", nil, map[string]any{
		"timezone": "UTC", "channels": channels, "digest": "off", "mutedTypes": []string{}, "phrasing": phrasing,
	}, nil))
}

// secretLink is the secret of a mailed link.
var secretLink = regexp.MustCompile(`/api/v1/auth/email/confirm#([0-9a-f]{32}\.[A-Z2-7]+)`)

// confirms follows the link that the person was mailed when they registered.
func (c user) confirms(t *testing.T, s *stack.Stack) {
	t.Helper()
	require.Eventually(t, func() bool { return len(s.Mailbox.To(c.Email)) > 0 }, 30*time.Second, 50*time.Millisecond, "no e-mail to confirm the address")
	found := secretLink.FindStringSubmatch(s.Mailbox.To(c.Email)[0].Body)
	require.NotNil(t, found, s.Mailbox.To(c.Email)[0].Body)
	require.NoError(t, c.Call(t.Context(), http.MethodPost, "/auth/email/confirm", nil, map[string]string{"token": found[1]}, nil))
}

// budget sets one of 10 EUR for groceries in this month.
func (c user) budget(t *testing.T) {
	t.Helper()
	require.NoError(t, c.Call(t.Context(), http.MethodPost, "/budgets", nil, map[string]string{
		"category": "groceries", "amount": "10.00", "currency": "EUR", "month": time.Now().UTC().Format("2006-01"),
	}, nil))
}

// spend spends most of it.
func (c user) spend(ctx context.Context) error {
	return c.Call(ctx, http.MethodPost, "/transactions", map[string]string{"Idempotency-Key": uuid.NewString()}, map[string]string{
		"walletId": c.wallet.ID.String(), "amount": "8.50", "type": "expense", "category": "groceries",
	}, nil)
}

// converse speaks with the model, which answers with what it is given, as an
// agent does.
func converse(t *testing.T, s *stack.Stack) {
	s.As(t, event.Analytics)
	model := bus.Conversation{Name: stack.Conversation, Client: bus.Invoker()}
	said, err := model.Converse(t.Context(), "Be brief.", "You spent 12.50 EUR.")
	require.NoError(t, err)
	require.Equal(t, "Be brief.\nYou spent 12.50 EUR.", said)
	model.Name = "nobody"
	_, err = model.Converse(t.Context(), "Be brief.", "You spent 12.50 EUR.")
	require.ErrorContains(t, err, "nobody")
}

// phrased has an insight go by the model, whose answer, being its orders, is
// none to show.
func phrased(t *testing.T, s *stack.Stack, b books) {
	const keeps = "an insight keeps its template's words"
	said := func(c user) []string {
		texts, err := column[string](t.Context(), b, "SELECT message FROM backend.insights WHERE user_id = $1", c.User)
		require.NoError(t, err)
		return texts
	}
	agrees, doesNot := newPerson(t, s), newPerson(t, s)
	agrees.wants(t, []string{"in_app"}, true)
	for _, c := range []user{doesNot, agrees} {
		c.budget(t)
	}
	b.settle(t, 30*time.Second)
	require.NoError(t, doesNot.spend(t.Context()))
	require.Eventually(t, func() bool { return len(said(doesNot)) == 1 }, 30*time.Second, 50*time.Millisecond)
	require.Zero(t, inLog(t, s, event.Analytics, keeps), "who did not agree is not spoken of with a model")
	require.NoError(t, agrees.spend(t.Context()))
	require.Eventually(t, func() bool { return len(said(agrees)) == 1 }, 30*time.Second, 50*time.Millisecond)
	require.Equal(t, said(doesNot), said(agrees))
	require.Equal(t, 1, inLog(t, s, event.Analytics, keeps, "the model's answer is refused"), "the model was asked, and refused")
}

// mailed has people be warned by e-mail, all at the same moment.
func mailed(t *testing.T, s *stack.Stack, b books) {
	var people []user
	for range 6 {
		c := newPerson(t, s)
		c.confirms(t, s)
		c.wants(t, []string{"email"}, false)
		c.budget(t)
		people = append(people, c)
	}
	b.settle(t, 30*time.Second)
	var all sync.WaitGroup
	failed := make([]error, len(people))
	for i, c := range people {
		all.Go(func() { failed[i] = c.spend(t.Context()) })
	}
	all.Wait()
	for i, c := range people {
		require.NoError(t, failed[i])
		require.Eventually(t, func() bool { return len(s.Mailbox.To(c.Email)) > 1 }, 30*time.Second, 50*time.Millisecond, "no e-mail for person %d", i)
		mails := s.Mailbox.To(c.Email)[1:]
		require.Equal(t, "companion@companion.invalid", mails[0].From)
		require.Contains(t, strings.ToLower(mails[0].Subject), "budget")
		require.Contains(t, mails[0].Body, "Hello A person,")
		require.Contains(t, mails[0].Body, "8.50")
		require.Contains(t, mails[0].Text, "8.50")
		require.Regexp(t, `^<[0-9a-f-]{36}@companion\.invalid>$`, mails[0].MessageID)
		require.Regexp(t, `^<https://companion\.invalid/api/v1/unsubscribe\?token=.+>$`, mails[0].Unsubscribe)
		require.Contains(t, mails[0].Body, `<a href="https://companion.invalid/api/v1/unsubscribe?token=`)
		audit := func() []string {
			rows, err := column[string](t.Context(), b, "SELECT channel || ' ' || status FROM backend.alerts WHERE user_id = $1 ORDER BY channel", c.User)
			require.NoError(t, err)
			return rows
		}
		want := []string{"email delivered", "in_app delivered"}
		require.Eventually(t, func() bool { return slices.Equal(want, audit()) }, 30*time.Second, 50*time.Millisecond, "person %d's audit", i)
	}
	b.settle(t, 30*time.Second)
	for _, c := range people {
		require.Len(t, s.Mailbox.To(c.Email), 2, "one alert is one e-mail, after the one that asked for the address")
	}
}
