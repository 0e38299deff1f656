//go:build integration

package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/people/account"
)

// ask sends a request, of whoever the headers say, and returns the answer.
func (w *world) ask(method, path string, body any, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	var payload bytes.Buffer
	if body != nil {
		require.NoError(w.t, json.NewEncoder(&payload).Encode(body))
	}
	request := httptest.NewRequest(method, base+path, &payload)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, request)
	return recorder
}

// login is what was answered to somebody who logged in.
type login struct {
	email, token, refresh string
}

func loginOf(answer object) login {
	l := login{email: answer["user"].(object)["email"].(string), token: answer["token"].(string)}
	l.refresh, _ = answer["refreshToken"].(string)
	return l
}

const password = "correct horse"

// newcomer registers somebody, as whom the world then asks.
func (w *world) newcomer() login {
	w.t.Helper()
	w.token = ""
	l := loginOf(w.call(201, "POST", "/auth/register", object{"email": uuid.NewString() + "@example.org", "password": password, "name": "Ada"}))
	w.token = l.token
	return l
}

// again logs somebody in once more.
func (w *world) again(l login) login {
	w.t.Helper()
	return loginOf(w.call(200, "POST", "/auth/login", object{"email": l.email, "password": password}))
}

func TestRegisterAndLogin(t *testing.T) {
	w := newWorld(t)
	who := object{"email": " Ada@Example.org ", "password": password, "name": "Ada"}
	registered := w.call(201, "POST", "/auth/register", who)
	require.Equal(t, "ada@example.org", registered["user"].(object)["email"])
	w.call(409, "POST", "/auth/register", who)

	w.call(401, "POST", "/auth/login", object{"email": "ada@example.org", "password": "wrong horse"})
	w.call(401, "POST", "/auth/login", object{"email": "ada@example.org", "password": strings.Repeat("p", 500)})
	w.call(401, "POST", "/auth/login", object{"email": "nobody@example.org", "password": password})
	session := w.call(200, "POST", "/auth/login", object{"email": "ADA@example.org", "password": password})

	w.call(401, "GET", "/auth/me", nil)
	user := account.Caller{User: uuid.MustParse(session["user"].(object)["id"].(string)), Session: tracing.NewID(), Authenticated: time.Now()}
	forged, _, err := account.Tokens{Key: []byte("another key, of whoever")}.Issue(user, time.Now())
	require.NoError(t, err)
	old, _, err := w.api.Tokens.Issue(user, time.Now().Add(-24*time.Hour))
	require.NoError(t, err)
	for _, token := range []string{"not a token", forged, old} {
		w.token = token
		w.call(401, "GET", "/auth/me", nil)
	}
	w.token = session["token"].(string)
	require.Equal(t, "Ada", w.call(200, "GET", "/auth/me", nil)["name"])
	require.Len(t, w.call(200, "GET", "/categories", nil)["items"], 12, "a new user has categories to start with")
	told, keys := outbox[event.PreferencesChanged](w, event.TypePreferencesChanged)
	require.Len(t, told, 1, "agents know whom to tell, and how")
	require.Equal(t, event.PreferencesChanged{
		UserID: user.User, Email: "ada@example.org", Name: "Ada", Timezone: "UTC", Channels: []string{"in_app"}, Digest: "off", MutedTypes: []string{}, Version: told[0].Version,
	}, told[0])
	require.Positive(t, told[0].Version)
	require.Equal(t, []string{user.User.String()}, keys)
}

func TestARefreshTokenIsGoodOnce(t *testing.T) {
	w := newWorld(t)
	first := w.newcomer()
	elsewhere := w.again(first)
	refresh := func(status int, token string) login {
		t.Helper()
		answer := w.call(status, "POST", "/auth/refresh", object{"refreshToken": token})
		if status != 200 {
			return login{}
		}
		return loginOf(answer)
	}
	second := refresh(200, first.refresh)
	require.NotEqual(t, first.refresh, second.refresh)
	w.token = second.token
	require.Equal(t, first.email, w.call(200, "GET", "/auth/me", nil)["email"])
	third := refresh(200, second.refresh)

	refresh(401, first.refresh) // its successor was used: a thief's, or the thief was faster
	refresh(401, third.refresh)
	refresh(200, elsewhere.refresh) // another session
	refresh(401, "made up")
	w.call(401, "POST", "/auth/refresh", nil)
}

// refreshAs refreshes as a client of that name.
func (w *world) refreshAs(agent, token string) (int, login) {
	w.t.Helper()
	answer := w.ask("POST", "/auth/refresh", object{"refreshToken": token}, "User-Agent", agent)
	if answer.Code != 200 {
		return answer.Code, login{}
	}
	var body object
	require.NoError(w.t, json.Unmarshal(answer.Body.Bytes(), &body))
	return answer.Code, loginOf(body)
}

func TestALostAnswerIsGivenOnceMore(t *testing.T) {
	w := newWorld(t)
	first := w.newcomer()
	_, second := w.refreshAs("phone", first.refresh)
	code, again := w.refreshAs("phone", first.refresh)
	require.Equal(t, 200, code)
	require.Equal(t, second.refresh, again.refresh, "the same successor, and no other session")
	code, third := w.refreshAs("phone", second.refresh)
	require.Equal(t, 200, code)
	code, _ = w.refreshAs("phone", first.refresh)
	require.Equal(t, 401, code, "its successor has been used, so its answer was not lost")
	code, _ = w.refreshAs("phone", third.refresh)
	require.Equal(t, 401, code, "and the session has ended")
}

func TestAnotherClientWithASpentTokenIsAThief(t *testing.T) {
	w := newWorld(t)
	first := w.newcomer()
	_, second := w.refreshAs("phone", first.refresh)
	code, _ := w.refreshAs("thief", first.refresh)
	require.Equal(t, 401, code)
	code, _ = w.refreshAs("phone", second.refresh)
	require.Equal(t, 401, code, "nobody has the session any more")
}

func TestAnAnswerIsGivenOnceMoreForAWhileOnly(t *testing.T) {
	w := newWorld(t)
	first := w.newcomer()
	_, _ = w.refreshAs("phone", first.refresh)
	_, err := w.pool.Exec(t.Context(), "UPDATE refresh_tokens SET spent_at = spent_at - interval '31 seconds' WHERE spent_at IS NOT NULL")
	require.NoError(t, err)
	code, _ := w.refreshAs("phone", first.refresh)
	require.Equal(t, 401, code)
}

func TestTabsThatRefreshAtOnceGetTheSameToken(t *testing.T) {
	w := newWorld(t)
	first := w.newcomer()
	w.api.Observe = func(context.Context, string, string, int, time.Duration) {}
	var mu sync.Mutex
	var all sync.WaitGroup
	counts, following := map[int]int{}, map[string]int{}
	for range 6 {
		all.Go(func() {
			code, l := w.refreshAs("browser", first.refresh)
			mu.Lock()
			defer mu.Unlock()
			counts[code]++
			following[l.refresh]++
		})
	}
	all.Wait()
	require.Equal(t, map[int]int{200: 6}, counts)
	require.Len(t, following, 1)
	for token := range following {
		w.call(200, "POST", "/auth/refresh", object{"refreshToken": token})
	}
}

func TestARefreshTokenEnds(t *testing.T) {
	w := newWorld(t)
	l := w.newcomer()
	_, err := w.pool.Exec(t.Context(), "UPDATE sessions SET created_at = now() - interval '80 days'")
	require.NoError(t, err)
	answer := w.call(200, "POST", "/auth/refresh", object{"refreshToken": l.refresh})
	ends, err := time.Parse(time.RFC3339, answer["refreshExpiresAt"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(10*24*time.Hour), ends, time.Minute, "90 days after the log-in, however often it is used")
	_, err = w.pool.Exec(t.Context(), "UPDATE refresh_tokens SET expires_at = now()")
	require.NoError(t, err)
	w.call(401, "POST", "/auth/refresh", object{"refreshToken": answer["refreshToken"]})
}

func TestTheWebKeepsTheRefreshTokenInACookie(t *testing.T) {
	w := newWorld(t)
	email := uuid.NewString() + "@example.org"
	taken := func(answer *httptest.ResponseRecorder, status int) *http.Cookie {
		t.Helper()
		require.Equal(t, status, answer.Code, answer.Body)
		require.NotContains(t, answer.Body.String(), `"refreshToken"`)
		cookies := answer.Result().Cookies()
		c := cookies[0]
		if status < 204 {
			require.Len(t, cookies, 2)
			known := cookies[1]
			require.True(t, known.Name == deviceCookie && known.HttpOnly && known.Secure && known.SameSite == http.SameSiteStrictMode && known.Path == "/api/v1/auth", known)
			require.NotContains(t, answer.Body.String(), `"deviceToken"`)
		}
		require.Equal(t, "__Secure-refresh", c.Name)
		require.Equal(t, "/api/v1/auth", c.Path)
		require.True(t, c.HttpOnly && c.Secure && c.SameSite == http.SameSiteStrictMode, c)
		return c
	}
	first := taken(w.ask("POST", "/auth/register", object{"email": email, "password": password, "cookie": true}), 201)
	require.WithinDuration(t, time.Now().Add(30*24*time.Hour), first.Expires, time.Minute)
	second := taken(w.ask("POST", "/auth/refresh", nil, "Cookie", first.Name+"="+first.Value), 200)
	require.NotEqual(t, first.Value, second.Value)
	third := taken(w.ask("POST", "/auth/login", object{"email": email, "password": password, "cookie": true}), 200)
	require.Negative(t, taken(w.ask("POST", "/auth/logout", nil, "Cookie", third.Name+"="+third.Value), 204).MaxAge)
	require.Equal(t, 401, w.ask("POST", "/auth/refresh", nil, "Cookie", third.Name+"="+third.Value).Code)
	taken(w.ask("POST", "/auth/refresh", nil, "Cookie", second.Name+"="+second.Value), 200)
}

func TestLogout(t *testing.T) {
	w := newWorld(t)
	first := w.newcomer()
	second, third, fourth := w.again(first), w.again(first), w.again(first)
	gone := func(l login) { t.Helper(); w.call(401, "POST", "/auth/refresh", object{"refreshToken": l.refresh}) }

	require.Equal(t, 401, w.ask("POST", "/auth/logout", nil).Code)
	require.Equal(t, 401, w.ask("POST", "/auth/logout", nil, "Authorization", "Bearer made up").Code)
	w.token = ""
	w.call(204, "POST", "/auth/logout", object{"refreshToken": first.refresh})
	w.call(204, "POST", "/auth/logout", object{"refreshToken": first.refresh})
	gone(first)
	require.Equal(t, 204, w.ask("POST", "/auth/logout", nil, "Authorization", "Bearer "+second.token).Code)
	gone(second)
	w.token = second.token
	w.call(401, "GET", "/auth/me", nil)
	w.token = third.token
	w.call(204, "POST", "/auth/logout-all", nil)
	gone(third)
	gone(fourth)
}

func TestANewPassword(t *testing.T) {
	w := newWorld(t)
	here := w.newcomer()
	elsewhere := w.again(here)
	change := func(status int, old, replacement string) object {
		return w.call(status, "POST", "/auth/password", object{"oldPassword": old, "newPassword": replacement})
	}
	require.Equal(t, "oldPassword", change(422, "wrong horse", "battery staple")["errors"].([]any)[0].(object)["field"])
	change(422, password, "short")
	change(204, password, "battery staple")
	w.call(401, "POST", "/auth/login", object{"email": here.email, "password": password})
	w.call(200, "POST", "/auth/login", object{"email": here.email, "password": "battery staple"})
	w.call(401, "POST", "/auth/refresh", object{"refreshToken": elsewhere.refresh})
	w.call(200, "POST", "/auth/refresh", object{"refreshToken": here.refresh})
}

func TestANewName(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	tag := w.header("/auth/me").Get("ETag")
	require.Equal(t, "Grace", w.call(200, "PATCH", "/auth/me", object{"name": " Grace "}, "If-Match", tag)["name"])
	w.call(412, "PATCH", "/auth/me", object{"name": "Joan"}, "If-Match", tag)
	w.call(200, "PATCH", "/auth/me", object{"name": "Grace"})
	w.call(422, "PATCH", "/auth/me", object{"email": "else@example.org"})
	told, _ := outbox[event.PreferencesChanged](w, event.TypePreferencesChanged)
	require.Len(t, told, 2, "what changes nothing is not told")
	require.Equal(t, "Grace", told[1].Name)
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	l := w.newcomer()
	limited := func(limits Limits) {
		w.api.Limits = limits
		w.handler = w.api.Handler()
	}
	refused := func(answer *httptest.ResponseRecorder) {
		t.Helper()
		require.Equal(t, 429, answer.Code, answer.Body)
		require.Equal(t, "application/problem+json", answer.Header().Get("Content-Type"))
		require.Equal(t, "60", answer.Header().Get("Retry-After"))
		var p problem
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &p))
		require.NotEmpty(t, p.CorrelationID)
	}
	try := func(email, pass string, headers ...string) *httptest.ResponseRecorder {
		return w.ask("POST", "/auth/login", object{"email": email, "password": pass}, headers...)
	}

	limited(Limits{Account: 2})
	for range 2 {
		require.Equal(t, 401, try(l.email, "a guess of it").Code)
	}
	refused(try(strings.ToUpper(l.email), password))
	require.Equal(t, 401, try("nobody@example.org", "a guess of it").Code, "another account")
	_, err := w.pool.Exec(t.Context(), "DELETE FROM throttles")
	require.NoError(t, err)

	limited(Limits{User: 2})
	for range 2 {
		require.Equal(t, 200, w.ask("GET", "/wallets", nil, "Authorization", "Bearer "+l.token).Code)
	}
	refused(w.ask("GET", "/categories", nil, "Authorization", "Bearer "+l.token))
	// The same on another replica, once the two have added up.
	require.NoError(t, w.api.Requests.Reconcile(t.Context()))
	other := *w.api
	w.handler = other.Handler()
	require.Equal(t, 200, w.ask("GET", "/wallets", nil, "Authorization", "Bearer "+l.token).Code, "it does not know yet")
	require.NoError(t, other.Requests.Reconcile(t.Context()))
	refused(w.ask("GET", "/wallets", nil, "Authorization", "Bearer "+l.token))
	require.Equal(t, 200, try(l.email, password).Code, "who gets in is counted otherwise")

	// httptest's requests come from 192.0.2.1.
	limited(Limits{Address: 1})
	require.Equal(t, 401, try("a@example.org", "a guess of it", "X-Forwarded-For", "203.0.113.1").Code)
	refused(try("b@example.org", "a guess of it", "X-Forwarded-For", "203.0.113.2"))
	require.Equal(t, 200, w.ask("GET", "/wallets", nil, "Authorization", "Bearer "+l.token).Code, "who is in is counted otherwise")

	_, err = w.pool.Exec(t.Context(), "DELETE FROM throttles")
	require.NoError(t, err)
	limited(Limits{Address: 1, Proxies: []string{"192.0.2.0/24"}})
	require.Equal(t, 401, try("a@example.org", "a guess of it", "X-Forwarded-For", "203.0.113.1").Code)
	require.Equal(t, 401, try("a@example.org", "a guess of it", "X-Forwarded-For", "203.0.113.2").Code)
	refused(try("a@example.org", "a guess of it", "X-Forwarded-For", "198.51.100.9, 203.0.113.2")) // what a client makes up stands first

	_, err = w.pool.Exec(t.Context(), "DELETE FROM throttles")
	require.NoError(t, err)
	limited(Limits{Address: 1, Proxies: []string{"10.0.0.0/8"}})
	require.Equal(t, 401, try("a@example.org", "a guess of it", "X-Forwarded-For", "203.0.113.1").Code)
	refused(try("a@example.org", "a guess of it", "X-Forwarded-For", "203.0.113.2")) // it does not come through a proxy of ours
}

func TestLoadLimits(t *testing.T) {
	from := func(pairs ...string) func(string) string {
		return func(key string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == key {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	limits, err := LoadLimits(from())
	require.NoError(t, err)
	require.Equal(t, Limits{Address: 120, Account: 10, Mail: 30, User: 1200}, limits)
	limits, err = LoadLimits(from("RATE_LIMIT_AUTH", "0", "RATE_LIMIT_USER", "5", "TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8"))
	require.NoError(t, err)
	require.Equal(t, Limits{Account: 10, Mail: 30, User: 5, Proxies: []string{"10.0.0.0/8", "fd00::/8"}}, limits)
	_, err = LoadLimits(from("RATE_LIMIT_AUTH", "many", "TRUSTED_PROXIES", "10.0.0.1"))
	require.ErrorContains(t, err, "RATE_LIMIT_AUTH")
	require.ErrorContains(t, err, "TRUSTED_PROXIES")
}
