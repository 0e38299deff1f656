//go:build integration

package rest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/internal/oidctest"
	"github.com/wealth-companion/companion/app/people/openid"
)

// withIssuer lets people log in with an issuer of the test's.
func (w *world) withIssuer() *oidctest.Issuer {
	w.t.Helper()
	issuer := oidctest.New(w.t)
	provider, err := openid.New(openid.Config{
		Issuer: issuer.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, RedirectURL: "https://app.example.org" + oidcPath + "/callback",
	}, w.api.Tokens.All())
	require.NoError(w.t, err)
	w.api.OpenID = provider
	return issuer
}

// viaIssuer goes the way of a browser: to the issuer and back.
func (w *world) viaIssuer(query string) *httptest.ResponseRecorder {
	w.t.Helper()
	begun := w.ask("GET", "/auth/oidc/login"+query, nil)
	require.Equal(w.t, 303, begun.Code, begun.Body)
	return w.through(begun)
}

// through goes to the issuer and back, as an answer has it.
func (w *world) through(begun *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	w.t.Helper()
	cookies := begun.Result().Cookies()
	require.Len(w.t, cookies, 1)
	kept := cookies[0]
	require.True(w.t, kept.HttpOnly && kept.Secure && kept.SameSite == http.SameSiteLaxMode && kept.Path == "/api/v1/auth/oidc", kept)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	to := begun.Header().Get("Location")
	if to == "" {
		var body struct{ Location string }
		require.NoError(w.t, json.Unmarshal(begun.Body.Bytes(), &body))
		to = body.Location
	}
	response, err := client.Get(to)
	require.NoError(w.t, err)
	require.NoError(w.t, response.Body.Close())
	require.Equal(w.t, 302, response.StatusCode)
	back, err := url.Parse(response.Header.Get("Location"))
	require.NoError(w.t, err)
	return w.ask("GET", "/auth/oidc/callback?"+back.RawQuery, nil, "Cookie", kept.Name+"="+kept.Value)
}

// entered is the session that somebody has who came back.
func (w *world) entered(answer *httptest.ResponseRecorder) (login, object) {
	w.t.Helper()
	require.Equal(w.t, 200, answer.Code, answer.Body)
	var body object
	require.NoError(w.t, json.Unmarshal(answer.Body.Bytes(), &body))
	return loginOf(body), body["user"].(object)
}

func TestLogInWithAnIdentityProvider(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/auth/oidc/login", "/auth/oidc/callback"} {
		require.Contains(t, w.call(404, "GET", path, nil)["detail"], "not set up")
	}
	issuer := w.withIssuer()
	issuer.Says(map[string]any{"sub": "1", "email": "Ada@Example.org", "email_verified": true, "name": "Ada"})
	first, user := w.entered(w.viaIssuer(""))
	require.Equal(t, "ada@example.org", user["email"])
	require.Equal(t, "Ada", user["name"])
	require.Equal(t, false, user["hasPassword"])
	w.token = first.token
	require.Len(t, w.call(200, "GET", "/categories", nil)["items"], 12, "a new user has categories to start with")
	w.call(200, "POST", "/auth/refresh", object{"refreshToken": first.refresh})

	issuer.Says(map[string]any{"sub": "1", "email": "else@example.org"})
	_, again := w.entered(w.viaIssuer(""))
	require.Equal(t, user["id"], again["id"], "known by the subject, whatever the address is now")
	w.call(401, "POST", "/auth/login", object{"email": "ada@example.org", "password": ""})

	// A password, once there is one, is asked for.
	w.call(204, "POST", "/auth/password", object{"newPassword": password})
	w.call(200, "POST", "/auth/login", object{"email": "ada@example.org", "password": password})
	w.call(422, "POST", "/auth/password", object{"newPassword": "battery staple"})
}

// linkToken is of an identity that came back to an account it is not linked with.
func (w *world) linkToken(query string) string {
	w.t.Helper()
	answer := w.viaIssuer(query)
	require.Equal(w.t, 409, answer.Code, answer.Body)
	require.Equal(w.t, "application/problem+json", answer.Header().Get("Content-Type"))
	var body struct{ LinkToken, Detail string }
	require.NoError(w.t, json.Unmarshal(answer.Body.Bytes(), &body))
	require.Contains(w.t, body.Detail, "/auth/oidc/confirm")
	return body.LinkToken
}

// The address may have been given to another person since, by the same provider.
func TestAnotherSubjectWithTheSameAddressDoesNotGetIn(t *testing.T) {
	w := newWorld(t)
	issuer := w.withIssuer()
	issuer.Says(map[string]any{"sub": "1", "email": "ada@example.org", "email_verified": true})
	first, ada := w.entered(w.viaIssuer(""))
	issuer.Says(map[string]any{"sub": "2", "email": "ada@example.org", "email_verified": true})
	token := w.linkToken("")
	confirm := func(status int, body object) object {
		t.Helper()
		body["linkToken"] = token
		return w.call(status, "POST", "/auth/oidc/confirm", body)
	}
	confirm(401, object{"password": ""}) // it has none
	confirm(401, object{"takeOver": true})
	w.token = first.token
	w.call(204, "POST", "/auth/password", object{"newPassword": password})
	confirm(401, object{"password": "wrong horse"})
	require.Equal(t, ada["id"], confirm(200, object{"password": password})["user"].(object)["id"])
	_, linked := w.entered(w.viaIssuer(""))
	require.Equal(t, ada["id"], linked["id"], "linked by its password")
	w.call(401, "POST", "/auth/oidc/confirm", object{"linkToken": "made up", "password": password})
	w.call(401, "POST", "/auth/oidc/confirm", object{"linkToken": first.token, "password": password})
}

func TestAnIdentityIsLinkedByWhoIsLoggedIn(t *testing.T) {
	w := newWorld(t)
	issuer := w.withIssuer()
	w.call(401, "POST", "/auth/oidc/link", object{"password": password})
	ada := w.newcomer()
	w.call(422, "POST", "/auth/oidc/link", object{"password": "wrong horse"})
	w.call(422, "POST", "/auth/oidc/link", object{"password": password, "returnTo": "//evil.example.org"})
	issuer.Says(map[string]any{"sub": "work", "email": "ada@work.example.org", "email_verified": true})
	link := func(l login) *httptest.ResponseRecorder {
		return w.through(w.ask("POST", "/auth/oidc/link", object{"password": password}, "Authorization", "Bearer "+l.token))
	}
	_, user := w.entered(link(ada))
	require.Equal(t, ada.email, user["email"])
	_, again := w.entered(w.viaIssuer(""))
	require.Equal(t, user["id"], again["id"])
	require.Equal(t, 409, link(w.newcomer()).Code, "it is Ada's")
	_, again = w.entered(w.viaIssuer(""))
	require.Equal(t, user["id"], again["id"])
}

func TestAnIdentityProviderThatDoesNotVouch(t *testing.T) {
	w := newWorld(t)
	owner := w.newcomer()
	issuer := w.withIssuer()
	for name, claims := range map[string]map[string]any{
		"an account's address":       {"sub": "x", "email": owner.email, "email_verified": false},
		"an account's address alone": {"sub": "x", "email": owner.email},
		"a new address":              {"sub": "x", "email": "new@example.org", "email_verified": false},
		"no address":                 {"sub": "x", "email_verified": true},
	} {
		issuer.Says(claims)
		answer := w.viaIssuer("")
		require.Equal(t, 403, answer.Code, name)
		require.Contains(t, answer.Body.String(), "verif", name)
	}
	w.again(owner) // still there
}

func TestAVerifiedOwnerTakesAnAccountOver(t *testing.T) {
	w := newWorld(t)
	squatter := w.newcomer()
	issuer := w.withIssuer()
	issuer.Says(map[string]any{"sub": "owner", "email": squatter.email, "email_verified": true})
	token := w.linkToken("")
	w.call(401, "POST", "/auth/oidc/confirm", object{"linkToken": token, "password": ""})
	entered := w.call(200, "POST", "/auth/oidc/confirm", object{"linkToken": token, "takeOver": true})
	require.Equal(t, false, entered["user"].(object)["hasPassword"])
	require.Equal(t, true, entered["user"].(object)["emailConfirmed"])
	w.token = squatter.token
	w.call(401, "GET", "/auth/me", nil)
	w.call(401, "POST", "/auth/login", object{"email": squatter.email, "password": password})
	w.call(401, "POST", "/auth/refresh", object{"refreshToken": squatter.refresh})
}

func TestABrowserComesBackToItsPage(t *testing.T) {
	w := newWorld(t)
	issuer := w.withIssuer()
	issuer.Says(map[string]any{"sub": "1", "email": "ada@example.org", "email_verified": true})
	answer := w.viaIssuer("?returnTo=" + url.QueryEscape("/dashboard?tab=1"))
	require.Equal(t, 303, answer.Code)
	require.Equal(t, "/dashboard?tab=1", answer.Header().Get("Location"))
	cookies := answer.Result().Cookies()
	require.Len(t, cookies, 3)
	require.Equal(t, refreshCookie, cookies[0].Name)
	require.Equal(t, http.SameSiteStrictMode, cookies[0].SameSite)
	require.Equal(t, deviceCookie, cookies[1].Name)
	require.Negative(t, cookies[2].MaxAge, "the attempt is over")
	require.Equal(t, 200, w.ask("POST", "/auth/refresh", nil, "Cookie", cookies[0].Name+"="+cookies[0].Value).Code)

	issuer.Says(map[string]any{"sub": "2", "email": "grace@example.org"})
	answer = w.viaIssuer("?returnTo=" + url.QueryEscape("/dashboard?tab=1"))
	require.Equal(t, 303, answer.Code)
	require.Equal(t, "/dashboard?loginError=unverified&tab=1", answer.Header().Get("Location"))
	require.Equal(t, 401, w.ask("GET", "/auth/oidc/callback?state=x&code=y", nil).Code, "begun in no browser")

	owner := w.newcomer()
	issuer.Says(map[string]any{"sub": "3", "email": owner.email, "email_verified": true})
	answer = w.viaIssuer("?returnTo=/dashboard")
	require.Equal(t, "/dashboard?loginError=link", answer.Header().Get("Location"))
	kept := answer.Result().Cookies()[1]
	require.True(t, kept.Name == linkCookie && kept.HttpOnly && kept.Secure && kept.SameSite == http.SameSiteStrictMode, kept)
	require.Equal(t, 200, w.ask("POST", "/auth/oidc/confirm", object{"password": password, "cookie": true}, "Cookie", kept.Name+"="+kept.Value).Code)

	for _, to := range []string{"https://evil.example.org/", "//evil.example.org", `/\evil.example.org`, "dashboard", "javascript:alert(1)", "/x\n"} {
		require.Equal(t, 422, w.ask("GET", "/auth/oidc/login?returnTo="+url.QueryEscape(to), nil).Code, to)
	}
}

func TestAnIdentityProviderThatIsAway(t *testing.T) {
	w := newWorld(t)
	provider, err := openid.New(openid.Config{Issuer: "http://127.0.0.1:1", ClientID: "x", ClientSecret: "y", RedirectURL: "https://app.example.org"}, w.api.Tokens.All())
	require.NoError(t, err)
	w.api.OpenID = provider
	answer := w.call(503, "GET", "/auth/oidc/login", nil)
	require.NotContains(t, answer["detail"], "127.0.0.1")
}

func TestAFreshLogInStandsInForAPassword(t *testing.T) {
	w := newWorld(t)
	issuer := w.withIssuer()
	issuer.Says(map[string]any{"sub": "1", "email": "ada@example.org", "email_verified": true, "auth_time": time.Now().Add(-time.Hour).Unix()})
	stale, _ := w.entered(w.viaIssuer(""))
	w.token = stale.token
	require.Contains(t, w.call(403, "DELETE", "/account", nil)["detail"], "fresh=true")
	w.call(403, "POST", "/auth/password", object{"newPassword": password})
	require.Equal(t, 401, w.viaIssuer("?fresh=true").Code, "it was not asked again")

	issuer.Says(map[string]any{"sub": "1", "auth_time": time.Now().Unix()})
	fresh, _ := w.entered(w.viaIssuer("?fresh=true"))
	w.token = fresh.token
	w.call(204, "DELETE", "/account", nil)
	w.call(401, "GET", "/auth/me", nil)
}
