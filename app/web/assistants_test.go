//go:build integration

package web

import (
	"context"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	protocol "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/api/mcp"
	"github.com/wealth-companion/companion/app/core/oauth"
	"github.com/wealth-companion/companion/app/messaging/bus"
)

// behindTheEdge puts the web, the API and the MCP server behind one address, as the edge leads
// to them; the MCP server asks the API as the sidecar does.
func (w *world) behindTheEdge() {
	w.t.Helper()
	log := slog.New(slog.DiscardHandler)
	api := w.api.Handler()
	internal := httptest.NewServer(bus.FromSidecar("the sidecar's", log, api))
	address, err := url.Parse(internal.URL)
	require.NoError(w.t, err)
	server := &mcp.Server{
		Backend: &mcp.Backend{URL: address, Client: &http.Client{Transport: sidecar{}}}, ConfirmationKey: []byte(strings.Repeat("c", 32)),
		Log: log, Observe: func(context.Context, string, string, int, time.Duration) {},
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", api)
	mux.Handle(oauth.ServerMetadataPath, api)
	edge := httptest.NewUnstartedServer(mux)
	edge.Config.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelError)
	edge.StartTLS()
	server.URL, w.api.Assistants.Issuer = edge.URL, edge.URL
	assistants := server.Handler()
	mux.Handle(oauth.ResourcePath, assistants)
	mux.Handle(oauth.ResourceMetadataPath+"/", assistants)
	mux.Handle(oauth.ResourceMetadataPath, assistants)
	mux.Handle("/", w.web.Handler())
	before := w.site
	w.site = edge
	w.t.Cleanup(func() { before.Close(); internal.Close() })
}

// sidecar adds what a pod's own sidecar knows.
type sidecar struct{}

func (sidecar) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("dapr-api-token", "the sidecar's")
	return http.DefaultTransport.RoundTrip(r)
}

const loopback = "http://127.0.0.1:53682/callback"

// decides has the person of a browser decide on the page that an assistant sends them to.
func (b *browser) decides(t *testing.T, address string, fields form) url.Values {
	t.Helper()
	path := strings.TrimPrefix(address, b.w.site.URL)
	page := b.get(path)
	if page.status == http.StatusSeeOther { // to log in, and back
		require.True(t, strings.HasPrefix(page.to, "/login?next="))
		next := html.UnescapeString(between(t, b.get(page.to).must(t, 200).body, `name="next" value="`, `"`))
		b.post("/login", form{"email": b.email, "password": b.password, "next": next}).leads(t, next)
		page = b.get(next)
	}
	body := page.must(t, 200).body
	require.NotContains(t, page.header.Get("Content-Security-Policy"), "127.0.0.1:53682", "nothing is allowed for it")
	action := html.UnescapeString(between(t, body, `method="post" action="`+oauth.AuthorizePath, `"`))
	answer := b.post(oauth.AuthorizePath+action, fields).must(t, 200)
	to, is := strings.CutPrefix(answer.header.Get("Refresh"), "0; url=")
	require.True(t, is)
	require.True(t, strings.HasPrefix(to, loopback+"?"), to)
	require.Contains(t, answer.body, html.EscapeString(to), "a link, for browsers that do not go on by themselves")
	parsed, err := url.Parse(to)
	require.NoError(t, err)
	return parsed.Query()
}

// assistant is the SDK's own client, which finds its way by the address of the MCP server alone.
func (b *browser) assistant(t *testing.T, fields form) (*protocol.ClientSession, error) {
	t.Helper()
	handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
			ClientName: "A stock <assistant>", RedirectURIs: []string{loopback}, TokenEndpointAuthMethod: "none", GrantTypes: []string{"authorization_code", "refresh_token"},
		}},
		AuthorizationCodeFetcher: func(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			answer := b.decides(t, args.URL, fields)
			if answer.Get("error") != "" {
				return nil, fmt.Errorf("the person says: %s", answer.Get("error"))
			}
			return &auth.AuthorizationResult{Code: answer.Get("code"), State: answer.Get("state"), Iss: answer.Get("iss")}, nil
		},
		Client: b.w.site.Client(),
	})
	require.NoError(t, err)
	client := protocol.NewClient(&protocol.Implementation{Name: "stock", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &protocol.StreamableClientTransport{
		Endpoint: b.w.site.URL + oauth.ResourcePath, HTTPClient: b.w.site.Client(), OAuthHandler: handler, MaxRetries: -1, DisableStandaloneSSE: true,
	}, nil)
	if err == nil {
		t.Cleanup(func() { _ = session.Close() })
	}
	return session, err
}

func TestAStockAssistantIsLetInAndRemoved(t *testing.T) {
	w := newWorld(t)
	w.behindTheEdge()
	b := w.browser()
	b.joins("Ada", "Ada's own")
	b.post("/logout", nil).must(t, 303) // so that the assistant's request has her log in first
	decision := form{"decision": "allow", "write": "yes"}
	session, err := b.assistant(t, decision)
	require.NoError(t, err)
	wallets, err := session.CallTool(t.Context(), &protocol.CallToolParams{Name: "list_wallets"})
	require.NoError(t, err)
	require.False(t, wallets.IsError)
	require.Contains(t, fmt.Sprint(wallets.StructuredContent), "Ada's own")
	task := map[string]any{"title": "compare insurers"}
	asked, err := session.CallTool(t.Context(), &protocol.CallToolParams{Name: "create_task", Arguments: task})
	require.NoError(t, err)
	task["confirmation"] = asked.StructuredContent.(map[string]any)["confirmation"]
	done, err := session.CallTool(t.Context(), &protocol.CallToolParams{Name: "create_task", Arguments: task})
	require.NoError(t, err)
	require.Equal(t, "done", done.StructuredContent.(map[string]any)["status"])

	page := b.get("/settings").must(t, 200).body
	require.Contains(t, page, "A stock &lt;assistant&gt;")
	require.Contains(t, page, "127.0.0.1:53682")
	remove := between(t, page, `action="/settings/assistants/`, `"`)
	stranger := w.browser()
	stranger.joins("Bob", "Bob's own")
	require.NotContains(t, stranger.get("/settings").body, "A stock")
	stranger.post("/settings/assistants/"+remove, nil).leads(t, "/settings?assistant")
	require.Contains(t, b.get("/settings").body, "A stock", "it is not his to remove")

	b.post("/settings/assistants/"+remove, nil).leads(t, "/settings?assistant")
	gone := b.get("/settings?assistant").must(t, 200).body
	require.Contains(t, gone, "The assistant is removed.")
	require.NotContains(t, gone, "A stock")
	decision["decision"] = "deny" // for the client asks her again
	limited, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = session.CallTool(limited, &protocol.CallToolParams{Name: "list_wallets"})
	require.Error(t, err)
}

func TestAnAssistantThatMayLookAsksForMoreBeforeItChangesSomething(t *testing.T) {
	w := newWorld(t)
	w.behindTheEdge()
	b := w.browser()
	b.joins("Ada", "Main")
	decision := form{"decision": "allow"}
	session, err := b.assistant(t, decision)
	require.NoError(t, err)
	_, err = session.CallTool(t.Context(), &protocol.CallToolParams{Name: "list_tasks"})
	require.NoError(t, err)
	decision["write"] = "yes"
	asked, err := session.CallTool(t.Context(), &protocol.CallToolParams{Name: "create_task", Arguments: map[string]any{"title": "x"}})
	require.NoError(t, err, "the client asked her for the scope that the server named")
	require.Equal(t, "confirmation_required", asked.StructuredContent.(map[string]any)["status"])
}

func TestAnAssistantIsNotLetIn(t *testing.T) {
	w := newWorld(t)
	w.behindTheEdge()
	b := w.browser()
	b.joins("Ada", "Main")
	for _, fields := range []form{{"decision": "deny"}, {"write": "yes"}, {"decision": "ALLOW"}} {
		_, err := b.assistant(t, fields)
		require.ErrorContains(t, err, "access_denied")
	}
	require.Contains(t, b.get("/settings").body, "None so far")
}

// request is an assistant's, as it stands in an address.
func (w *world) request(t *testing.T, name, redirect string, changes map[string]string) string {
	t.Helper()
	registered, err := oauthex.RegisterClient(t.Context(), w.site.URL+oauth.RegisterPath, &oauthex.ClientRegistrationMetadata{ClientName: name, RedirectURIs: []string{redirect}}, w.site.Client())
	require.NoError(t, err)
	query := url.Values{
		"response_type": {"code"}, "client_id": {registered.ClientID}, "redirect_uri": {redirect}, "code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
		"code_challenge_method": {"S256"}, "scope": {"read write"}, "state": {`s"><script>alert(1)</script>`}, "resource": {w.site.URL + "/mcp"}, "prompt": {"consent"},
	}
	for key, value := range changes {
		query.Set(key, value)
	}
	return oauth.AuthorizePath + "?" + query.Encode()
}

func TestConsentIsThePersonsOwn(t *testing.T) {
	w := newWorld(t)
	w.behindTheEdge()
	b := w.browser()
	b.joins("Ada", "Main")
	const evil = "https://evil.example.org"
	address := w.request(t, `<script>alert("x")</script>`, evil+"/callback", nil)
	page := b.get(address).must(t, 200)
	require.NotContains(t, page.body, "<script>alert")
	require.Contains(t, page.body, "Your answer goes to evil.example.org.")
	require.Contains(t, page.body, "Nobody has checked this name")
	require.Contains(t, page.body, `id="write"`)
	require.Contains(t, page.header.Get("Content-Security-Policy"), "form-action 'self';")
	require.Contains(t, page.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	require.Contains(t, b.get(address, "Accept-Language", "de").must(t, 200).body, "Ihre Antwort geht an evil.example.org.")
	require.NotContains(t, b.get(w.request(t, "x", evil+"/", map[string]string{"scope": "read"})).must(t, 200).body, `id="write"`)

	for name, headers := range map[string][]string{
		"another site's form":      {"Origin", evil, "Sec-Fetch-Site", "cross-site"},
		"a neighbour's form":       {"Origin", "https://x.example.org", "Sec-Fetch-Site", "same-site"},
		"one of an older browser":  {"Origin", evil, "Sec-Fetch-Site", ""},
		"one from a sandbox frame": {"Origin", "null", "Sec-Fetch-Site", "cross-site"},
	} {
		got := b.post(address, form{"decision": "allow", "write": "yes"}, headers...).must(t, 403)
		require.Empty(t, got.header.Get("Refresh"), name)
	}
	w.browser().post(address, form{"decision": "allow"}).leads(t, "/login?next=%2Foauth%2Fauthorize")

	// What is not right leads nowhere, whoever has registered what.
	for name, changes := range map[string]map[string]string{
		"another redirect": {"redirect_uri": evil + "/elsewhere"}, "nobody's": {"client_id": "x"}, "no proof": {"code_challenge": ""}, "a scope there is not": {"scope": "admin"},
		"another resource": {"resource": evil}, "another type": {"response_type": "token"},
	} {
		wrong := w.request(t, "x", evil+"/callback", changes)
		for _, got := range []reply{b.get(wrong), b.post(wrong, form{"decision": "allow"}), b.post(wrong, form{"decision": "deny"})} {
			got.must(t, 400)
			require.Empty(t, got.to+got.header.Get("Refresh"), name)
			require.NotContains(t, got.body, `href="`+evil, name)
		}
	}
	b.get(address+"&scope=read").must(t, 400)
	b.get(oauth.AuthorizePath).must(t, 400)
	require.Contains(t, b.get("/settings").body, "None so far")
}
