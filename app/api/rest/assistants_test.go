//go:build integration

package rest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/oauth"
	"github.com/wealth-companion/companion/app/messaging/bus"
)

const (
	appAddress = "https://app.example.org"
	verifier   = "a verifier of forty-three characters at the least"
	callback   = "https://assistant.example.org/callback"
)

// program is an assistant that has registered.
type program struct {
	*world
	id       string
	redirect string
}

// sent sends a form, as assistants do.
func (w *world) sent(path string, fields map[string]string) (int, object) {
	w.t.Helper()
	form := url.Values{}
	for name, value := range fields {
		form.Set(name, value)
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.answered(r)
}

func (w *world) answered(r *http.Request) (int, object) {
	w.t.Helper()
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	require.Equal(w.t, "no-store", recorder.Header().Get("Cache-Control"))
	answer := object{}
	if recorder.Body.Len() > 0 {
		require.NoError(w.t, json.Unmarshal(recorder.Body.Bytes(), &answer), recorder.Body)
	}
	return recorder.Code, answer
}

func (w *world) registers(body any) (int, object) {
	w.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(w.t, err)
	r := httptest.NewRequest(http.MethodPost, oauth.RegisterPath, bytes.NewReader(raw))
	r.Header.Set("Content-Type", "application/json")
	return w.answered(r)
}

// program registers an assistant.
func (w *world) program(name, redirect string) program {
	w.t.Helper()
	w.api.Assistants.Issuer = appAddress
	status, answer := w.registers(object{"client_name": name, "redirect_uris": []string{redirect}})
	require.Equal(w.t, 201, status, answer)
	return program{w, answer["client_id"].(string), redirect}
}

// asks is a request of the assistant, with what is changed of it.
func (p program) asks(changes object) object {
	sum := sha256.Sum256([]byte(verifier))
	request := object{
		"responseType": "code", "clientId": p.id, "redirectUri": p.redirect, "scope": "read write", "state": "its state", "resource": appAddress + "/mcp",
		"codeChallenge": base64.RawURLEncoding.EncodeToString(sum[:]), "codeChallengeMethod": "S256",
	}
	maps.Copy(request, changes)
	return request
}

// code has the caller allow a scope.
func (p program) code(scope string) string {
	p.t.Helper()
	answer := p.call(200, "POST", "/assistants", p.asks(object{"decision": object{"allow": true, "scope": scope}}))
	to, err := url.Parse(answer["redirect"].(string))
	require.NoError(p.t, err)
	require.True(p.t, strings.HasPrefix(to.String(), p.redirect+"?"))
	require.Equal(p.t, "its state", to.Query().Get("state"))
	require.Equal(p.t, appAddress, to.Query().Get("iss"))
	return to.Query().Get("code")
}

// redeems is what the assistant sends with a code.
func (p program) redeems(code string) map[string]string {
	return map[string]string{"grant_type": "authorization_code", "client_id": p.id, "code": code, "redirect_uri": p.redirect, "code_verifier": verifier, "resource": appAddress + "/mcp"}
}

func (p program) refreshes(token string) map[string]string {
	return map[string]string{"grant_type": "refresh_token", "client_id": p.id, "refresh_token": token}
}

// in has the caller let the assistant in.
func (p program) in(scope string) object {
	p.t.Helper()
	status, answer := p.sent(oauth.TokenPath, p.redeems(p.code(scope)))
	require.Equal(p.t, 200, status, answer)
	require.Equal(p.t, "Bearer", answer["token_type"])
	require.Equal(p.t, scope, answer["scope"])
	return answer
}

// invokes asks as the MCP server does: by the sidecar, with somebody's token.
func (w *world) invokes(token, method, path string, body any) *httptest.ResponseRecorder {
	w.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(w.t, err)
	r := httptest.NewRequest(method, base+path, bytes.NewReader(raw))
	if body == nil {
		r = httptest.NewRequest(method, base+path, nil)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("dapr-api-token", "the sidecar's")
	recorder := httptest.NewRecorder()
	bus.FromSidecar("the sidecar's", slog.New(slog.DiscardHandler), w.handler).ServeHTTP(recorder, r)
	return recorder
}

func TestAnAssistantIsLetInRefreshesAndIsRemoved(t *testing.T) {
	w := restricted(t)
	w.newcomer()
	p := w.program("An\nassistant\u202e", callback)
	question := w.call(200, "POST", "/assistants/questions", p.asks(nil))
	require.Equal(t, object{"name": "An assistant", "host": "assistant.example.org", "thisDevice": false, "scope": []any{"read", "write"}}, question)

	first := p.in("read write")
	require.Equal(t, 200, w.invokes(first["access_token"].(string), "GET", "/wallets", nil).Code)
	listed := items(w.call(200, "GET", "/assistants", nil))
	require.Len(t, listed, 1)
	require.Equal(t, "An assistant", listed[0].(object)["name"])
	require.Equal(t, "assistant.example.org", listed[0].(object)["host"])
	require.Equal(t, []any{"read", "write"}, listed[0].(object)["scope"])

	status, second := w.sent(oauth.TokenPath, p.refreshes(first["refresh_token"].(string)))
	require.Equal(t, 200, status, second)
	require.NotEqual(t, first["refresh_token"], second["refresh_token"])
	require.Equal(t, "read write", second["scope"])

	w.call(204, "DELETE", "/assistants/"+listed[0].(object)["id"].(string), nil)
	require.Empty(t, items(w.call(200, "GET", "/assistants", nil)))
	require.Equal(t, 401, w.invokes(second["access_token"].(string), "GET", "/wallets", nil).Code, "at once at this replica")
	status, answer := w.sent(oauth.TokenPath, p.refreshes(second["refresh_token"].(string)))
	require.Equal(t, 400, status)
	require.Equal(t, "invalid_grant", answer["error"])
}

func items(answer object) []any { return answer["items"].([]any) }

func TestARefreshTokenInTwoHandsEndsTheAssistant(t *testing.T) {
	w := restricted(t)
	w.newcomer()
	p := w.program("An assistant", callback)
	first := p.in("read")
	_, second := w.sent(oauth.TokenPath, p.refreshes(first["refresh_token"].(string)))
	status, _ := w.sent(oauth.TokenPath, p.refreshes(second["refresh_token"].(string)))
	require.Equal(t, 200, status)
	status, answer := w.sent(oauth.TokenPath, p.refreshes(first["refresh_token"].(string)))
	require.Equal(t, 400, status)
	require.Equal(t, "invalid_grant", answer["error"])
	require.Empty(t, items(w.call(200, "GET", "/assistants", nil)))
	require.Equal(t, 401, w.invokes(second["access_token"].(string), "GET", "/wallets", nil).Code)
	w.call(200, "GET", "/auth/me", nil) // the person stays
}

func TestNoTokenIsTakenForAnother(t *testing.T) {
	w := restricted(t)
	person := w.newcomer()
	p, other := w.program("One", callback), w.program("Another", callback)
	its := p.in("read")
	refresh := its["refresh_token"].(string)

	require.Equal(t, 401, w.ask("POST", "/auth/refresh", object{"refreshToken": refresh}).Code, "an assistant's where people's are taken")
	status, answer := w.sent(oauth.TokenPath, p.refreshes(person.refresh))
	require.Equal(t, 400, status, "a person's where assistants' are taken")
	require.Equal(t, "invalid_grant", answer["error"])
	for name, changes := range map[string]map[string]string{
		"another assistant's":         {"client_id": other.id},
		"more than was allowed":       {"scope": "read write"},
		"what there is not":           {"scope": "admin"},
		"another resource":            {"resource": "https://other.example.org/mcp"},
		"a secret":                    {"client_secret": "x"},
		"nobody's":                    {"client_id": ""},
		"one that has not registered": {"client_id": uuid.NewString()},
		"another grant":               {"grant_type": "password"},
	} {
		asked := p.refreshes(refresh)
		maps.Copy(asked, changes)
		status, answer := w.sent(oauth.TokenPath, asked)
		require.Contains(t, []int{400, 401}, status, name)
		require.NotContains(t, answer, "access_token", name)
	}
	status, answer = w.sent(oauth.TokenPath, p.refreshes(refresh))
	require.Equal(t, 200, status, "none of them has spent it: %v", answer)
	w.call(200, "GET", "/auth/me", nil)
	require.Equal(t, 200, w.ask("POST", "/auth/refresh", object{"refreshToken": person.refresh}).Code)

	wide := p.in("read write")
	asked := p.refreshes(wide["refresh_token"].(string))
	asked["scope"] = "read"
	_, narrow := w.sent(oauth.TokenPath, asked)
	require.Equal(t, "read", narrow["scope"])
	require.Equal(t, 403, w.invokes(narrow["access_token"].(string), "POST", "/tasks", object{"title": "x"}).Code)
}

func TestACodeWorksOnceForWhomItWasGiven(t *testing.T) {
	w := restricted(t)
	w.newcomer()
	p, other := w.program("One", callback), w.program("Another", callback)
	for name, c := range map[string]struct {
		change map[string]string
		want   string
	}{
		"another verifier":         {map[string]string{"code_verifier": strings.Repeat("x", 43)}, "invalid_grant"},
		"no verifier":              {map[string]string{"code_verifier": ""}, "invalid_grant"},
		"the challenge":            {map[string]string{"code_verifier": p.asks(nil)["codeChallenge"].(string)}, "invalid_grant"},
		"another redirect":         {map[string]string{"redirect_uri": callback + "/"}, "invalid_grant"},
		"no redirect":              {map[string]string{"redirect_uri": ""}, "invalid_grant"},
		"another assistant":        {map[string]string{"client_id": other.id}, "invalid_grant"},
		"another resource":         {map[string]string{"resource": appAddress + "/api"}, "invalid_target"},
		"as the other grant's":     {map[string]string{"grant_type": "refresh_token"}, ""},
		"an assistant of no name":  {map[string]string{"client_id": ""}, ""},
		"with a secret":            {map[string]string{"client_secret": "x"}, ""},
		"by one that is not known": {map[string]string{"client_id": uuid.NewString()}, ""},
	} {
		code := p.code("read")
		asked := p.redeems(code)
		maps.Copy(asked, c.change)
		status, answer := w.sent(oauth.TokenPath, asked)
		require.Contains(t, []int{400, 401}, status, name)
		status, again := w.sent(oauth.TokenPath, p.redeems(code))
		if c.want == "" {
			require.Equal(t, 200, status, "%s: it has not come near the code: %v", name, again)
			continue
		}
		require.Equal(t, c.want, answer["error"], name)
		require.Equal(t, 400, status, "%s: the attempt has spent it", name)
	}

	code := p.code("read")
	status, given := w.sent(oauth.TokenPath, p.redeems(code))
	require.Equal(t, 200, status)
	token := given["access_token"].(string)
	require.Equal(t, 200, w.invokes(token, "GET", "/wallets", nil).Code)
	replayed := other.redeems(code)
	status, answer := w.sent(oauth.TokenPath, replayed)
	require.Equal(t, 400, status)
	require.Equal(t, "invalid_grant", answer["error"])
	require.Equal(t, 401, w.invokes(token, "GET", "/wallets", nil).Code, "what it gave has ended")
	status, _ = w.sent(oauth.TokenPath, p.refreshes(given["refresh_token"].(string)))
	require.Equal(t, 400, status)

	// Two at the same moment: at most one gets tokens, and the other ends what they are of.
	code = p.code("read")
	before := len(items(w.call(200, "GET", "/assistants", nil)))
	w.api.Observe = func(context.Context, string, string, int, time.Duration) {}
	var both errgroup.Group
	statuses := make([]int, 2)
	for i := range statuses {
		both.Go(func() error { statuses[i], _ = w.sent(oauth.TokenPath, p.redeems(code)); return nil })
	}
	require.NoError(t, both.Wait())
	require.ElementsMatch(t, []int{200, 400}, statuses)
	require.Len(t, items(w.call(200, "GET", "/assistants", nil)), before)
}

func TestACodeDoesNotOutliveItsTimeNorTheSessionItWasAllowedIn(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	p := w.program("An assistant", callback)
	code := p.code("read")
	_, err := w.pool.Exec(t.Context(), "UPDATE oauth_codes SET expires_at = now()")
	require.NoError(t, err)
	status, _ := w.sent(oauth.TokenPath, p.redeems(code))
	require.Equal(t, 400, status)
	code = p.code("read")
	w.call(204, "POST", "/auth/logout-all", nil)
	status, _ = w.sent(oauth.TokenPath, p.redeems(code))
	require.Equal(t, 400, status)
}

func TestWhatEndsAPersonsSessionsEndsTheirAssistants(t *testing.T) {
	w := newWorld(t)
	person := w.newcomer()
	p := w.program("An assistant", callback)
	token := p.in("read")["access_token"].(string)
	w.call(204, "POST", "/auth/password", object{"oldPassword": password, "newPassword": "another good one"})
	require.Equal(t, 401, w.invokes(token, "GET", "/wallets", nil).Code)

	token = p.in("read")["access_token"].(string)
	w.token = loginOf(w.call(200, "POST", "/auth/login", object{"email": person.email, "password": "another good one"})).token
	w.call(204, "POST", "/auth/logout", nil)
	require.Equal(t, 200, w.invokes(token, "GET", "/wallets", nil).Code, "who logs out of one browser keeps their assistants")
}

func TestRequestsThatAreNotRightLeadNowhere(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	p := w.program("An assistant", callback)
	here := w.program("On this computer", "http://127.0.0.1/callback")
	require.Equal(t, true, w.call(200, "POST", "/assistants/questions", here.asks(object{"redirectUri": "http://127.0.0.1:53682/callback", "scope": ""}))["thisDevice"])
	for name, c := range map[string]struct {
		change object
		field  string
	}{
		"nobody":                     {object{"clientId": "nobody"}, "clientId"},
		"not registered":             {object{"clientId": uuid.NewString()}, "clientId"},
		"another spelling of its id": {object{"clientId": strings.ToUpper(p.id)}, "clientId"},
		"another redirect":           {object{"redirectUri": "https://evil.example.org/callback"}, "redirectUri"},
		"another's redirect":         {object{"redirectUri": here.redirect}, "redirectUri"},
		"a redirect with more":       {object{"redirectUri": callback + "?x=y"}, "redirectUri"},
		"a script":                   {object{"redirectUri": "javascript:alert(1)"}, "redirectUri"},
		"another type":               {object{"responseType": "token"}, "responseType"},
		"another mode":               {object{"responseMode": "fragment"}, "responseMode"},
		"a plain challenge":          {object{"codeChallengeMethod": "plain"}, "codeChallengeMethod"},
		"no method":                  {object{"codeChallengeMethod": ""}, "codeChallengeMethod"},
		"no challenge":               {object{"codeChallenge": ""}, "codeChallenge"},
		"another resource":           {object{"resource": "https://app.example.org/mcp/"}, "resource"},
		"another scope":              {object{"scope": "read admin"}, "scope"},
		"a state with a line end":    {object{"state": "a\r\nb"}, "state"},
	} {
		for _, path := range []string{"/assistants/questions", "/assistants"} {
			request := p.asks(c.change)
			if path == "/assistants" {
				request["decision"] = object{"allow": false}
			}
			answer := w.call(422, "POST", path, request)
			require.Equal(t, c.field, answer["errors"].([]any)[0].(object)["field"], "%s: %v", name, answer)
		}
	}
	w.call(422, "POST", "/assistants", p.asks(object{"scope": "read", "decision": object{"allow": true, "scope": "read write"}}))
	denied := w.call(200, "POST", "/assistants", p.asks(object{"decision": object{"allow": false}}))["redirect"].(string)
	require.Equal(t, callback+"?error=access_denied&iss=https%3A%2F%2Fapp.example.org&state=its+state", denied)

	_, err := w.pool.Exec(t.Context(), "UPDATE oauth_clients SET expires_at = now()")
	require.NoError(t, err)
	w.call(422, "POST", "/assistants/questions", p.asks(nil))
	w.api.Assistants.Issuer = ""
	w.call(404, "POST", "/assistants/questions", p.asks(nil))
	require.Equal(t, 404, w.ask("GET", "/../.."+oauth.ServerMetadataPath, nil).Code)
}

func TestRegistration(t *testing.T) {
	w := newWorld(t)
	w.api.Assistants.Issuer = appAddress
	status, answer := w.registers(object{
		"client_name": strings.Repeat("n", 200), "redirect_uris": []string{callback, "http://localhost:1/x"}, "token_endpoint_auth_method": "client_secret_basic",
		"grant_types": []string{"authorization_code"}, "software_id": "passed over",
	})
	require.Equal(t, 201, status)
	require.Equal(t, "none", answer["token_endpoint_auth_method"])
	require.NotContains(t, answer, "client_secret")
	require.Len(t, answer["client_name"], 60)
	for name, c := range map[string]struct {
		body any
		want string
	}{
		"no redirect":       {object{"client_name": "x"}, "invalid_redirect_uri"},
		"too many":          {object{"redirect_uris": []string{callback, callback, callback, callback, callback, callback}}, "invalid_redirect_uri"},
		"plain http":        {object{"redirect_uris": []string{"http://a.example.org/"}}, "invalid_redirect_uri"},
		"a script":          {object{"redirect_uris": []string{"javascript:alert(1)"}}, "invalid_redirect_uri"},
		"one that is wrong": {object{"redirect_uris": []string{callback, "cursor://x"}}, "invalid_redirect_uri"},
		"no object":         {[]string{callback}, "invalid_client_metadata"},
		"too large":         {object{"client_name": strings.Repeat("x", maxOAuth)}, "invalid_client_metadata"},
	} {
		status, answer := w.registers(c.body)
		require.Equal(t, 400, status, name)
		require.Equal(t, c.want, answer["error"], name)
	}
}

func TestAFloodOfRegistrationsEnds(t *testing.T) {
	w := newWorld(t)
	w.api.Limits.Address = 1000
	w.handler = w.api.Handler()
	w.api.Assistants.Issuer = appAddress
	body := object{"redirect_uris": []string{callback}}
	for range 30 {
		status, _ := w.registers(body)
		require.Equal(t, 201, status)
	}
	status, answer := w.registers(body)
	require.Equal(t, 429, status)
	require.Equal(t, "temporarily_unavailable", answer["error"])
	var left int
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT count(*) FROM oauth_clients WHERE expires_at < now() + interval '25 hours'").Scan(&left))
	require.Equal(t, 30, left, "and those go within a day")
}

// Whatever operations there will be: an assistant reaches those that it needs, as the MCP server
// asks for them, and no other.
func TestAnAssistantsTokenReachesWhatTheMCPServerNeeds(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	p := w.program("An assistant", callback)
	reads, writes := p.in("read")["access_token"].(string), p.in("read write")["access_token"].(string)
	known := map[string]bool{}
	for _, o := range w.operations() {
		if !o.Owned || o.Streamed {
			continue
		}
		known[o.ID] = true
		path := strings.NewReplacer("{id}", uuid.NewString(), "{base}", "USD", "{quote}", "EUR", "{date}", "2026-01-01").Replace(o.Path) + queries[o.ID]
		for _, token := range []string{reads, writes} {
			require.Equal(t, 401, w.as(token, o, path, bodies[o.ID]).Code, "%s %s from outside", o.Method, o.Path)
			status := w.invokes(token, o.Method, path, bodies[o.ID]).Code
			switch needs := forAssistants[o.ID]; {
			case needs == "":
				require.Equal(t, 401, status, "%s %s", o.Method, o.Path)
			case needs == oauth.ReadWrite && token == reads:
				require.Equal(t, 403, status, "%s %s", o.Method, o.Path)
			default:
				require.NotContains(t, []int{401, 403}, status, "%s %s", o.Method, o.Path)
			}
		}
		if forAssistants[o.ID] == oauth.Read {
			require.True(t, o.Method == "GET" || o.ID == "simulateInvestment", "%s: does it only look?", o.ID)
		}
	}
	for id := range forAssistants {
		require.Contains(t, known, id)
	}
	require.Equal(t, 401, w.ask("GET", livePath[len(base):], nil, "Authorization", "Bearer "+writes).Code)
}

func TestTokensAreRevoked(t *testing.T) {
	w := restricted(t)
	w.newcomer()
	p, other := w.program("One", callback), w.program("Another", callback)
	for _, kind := range []string{"access_token", "refresh_token"} {
		its := p.in("read")
		token := its[kind].(string)
		status, answer := w.sent(oauth.RevokePath, map[string]string{"client_id": other.id, "token": token})
		require.Equal(t, 400, status, answer)
		require.Equal(t, 200, w.invokes(its["access_token"].(string), "GET", "/wallets", nil).Code, "another's")
		status, _ = w.sent(oauth.RevokePath, map[string]string{"client_id": p.id, "token": token})
		require.Equal(t, 200, status)
		require.Equal(t, 401, w.invokes(its["access_token"].(string), "GET", "/wallets", nil).Code)
		status, _ = w.sent(oauth.TokenPath, p.refreshes(its["refresh_token"].(string)))
		require.Equal(t, 400, status)
	}
	status, _ := w.sent(oauth.RevokePath, map[string]string{"client_id": p.id, "token": "made up"})
	require.Equal(t, 200, status, "has ended")
	status, _ = w.sent(oauth.RevokePath, map[string]string{"client_id": p.id, "token": w.token})
	require.Equal(t, 400, status, "a person's is none of an assistant's business")
	w.call(200, "GET", "/auth/me", nil)
}

func TestTwoPeoplesAssistantsAreApart(t *testing.T) {
	w := restricted(t)
	w.newcomer()
	p := w.program("An assistant", "http://127.0.0.1:1/")
	ada := p.in("read")["access_token"].(string)
	w.call(201, "POST", "/wallets", object{"name": secret, "type": "cash", "currency": "EUR"})
	its := items(w.call(200, "GET", "/assistants", nil))[0].(object)["id"].(string)
	w.newcomer() // Bob, with the same program
	bob := p.in("read")["access_token"].(string)
	require.Contains(t, w.invokes(ada, "GET", "/wallets", nil).Body.String(), secret)
	require.NotContains(t, w.invokes(bob, "GET", "/wallets", nil).Body.String(), secret)
	require.Len(t, items(w.call(200, "GET", "/assistants", nil)), 1)
	w.call(404, "DELETE", "/assistants/"+its, nil)
	require.Equal(t, 200, w.invokes(ada, "GET", "/wallets", nil).Code)

	// A code names its user: under another's name it is nobody's.
	code := p.code("read")
	stolen := strings.ReplaceAll(uuid.NewString(), "-", "") + code[32:]
	status, _ := w.sent(oauth.TokenPath, p.redeems(stolen))
	require.Equal(t, 400, status)
	status, _ = w.sent(oauth.TokenPath, p.redeems(code))
	require.Equal(t, 200, status)
}

func TestMostAssistants(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	p := w.program("An assistant", callback)
	p.in("read")
	user := w.me()
	_, err := w.pool.Exec(t.Context(), `WITH made AS (INSERT INTO sessions (id, user_id, authenticated_at, created_at, expires_at)
			SELECT gen_random_uuid(), $1, now(), now(), now() + interval '1 day' FROM generate_series(2, 50) RETURNING id)
		INSERT INTO assistants (session_id, user_id, client_id, code_hash, host, scope, created_at, last_used_at)
			SELECT id, $1, $2, uuid_send(id), 'x', 'read', now(), now() FROM made`, user, p.id)
	require.NoError(t, err)
	require.Len(t, items(w.call(200, "GET", "/assistants", nil)), 50, "the list is not cut")
	w.call(409, "POST", "/assistants", p.asks(object{"decision": object{"allow": true}}))
}

func TestTheServerDescribesItself(t *testing.T) {
	w := newWorld(t)
	w.api.At("", false)
	site := httptest.NewServer(w.handler)
	defer site.Close()
	w.api.Assistants.Issuer = site.URL
	described, err := oauthex.GetAuthServerMeta(t.Context(), site.URL+oauth.ServerMetadataPath, site.URL, http.DefaultClient)
	require.NoError(t, err)
	require.NotNil(t, described)
	require.Equal(t, []string{"S256"}, described.CodeChallengeMethodsSupported)
	require.True(t, described.AuthorizationResponseIssParameterSupported)
	for _, address := range []string{described.TokenEndpoint, described.RegistrationEndpoint, described.RevocationEndpoint} {
		answer, err := http.Post(address, "application/x-www-form-urlencoded", strings.NewReader(""))
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Contains(t, []int{400, 401}, answer.StatusCode, address)
	}
	answer, err := http.Post(described.TokenEndpoint+"?client_id=x", "application/x-www-form-urlencoded", strings.NewReader("client_id=x&client_id=y"))
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, 400, answer.StatusCode)
}
