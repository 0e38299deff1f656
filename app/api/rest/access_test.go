//go:build integration

package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/people/account"
)

// quiet observes requests that are made side by side.
func quiet(context.Context, string, string, int, time.Duration) {}

// decoded is an answer's body.
func (w *world) decoded(answer *httptest.ResponseRecorder) object {
	w.t.Helper()
	var body object
	require.NoError(w.t, json.Unmarshal(answer.Body.Bytes(), &body), answer.Body)
	return body
}

// from logs somebody in from an address.
func (w *world) from(address, email, pass string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.ask("POST", "/auth/login", object{"email": email, "password": pass}, append(headers, "X-Forwarded-For", address)...)
}

// besieged is a world with the limits of production, behind a proxy.
func besieged(t *testing.T) *world {
	w := newWorld(t)
	w.api.Limits = Limits{Account: 10, Proxies: []string{"192.0.2.0/24"}}
	w.handler = w.api.Handler()
	return w
}

func TestWrongPasswordsDoNotKeepTheOwnerOut(t *testing.T) {
	w := besieged(t)
	owner := w.newcomer()
	for range 10 {
		require.Equal(t, 401, w.from("203.0.113.1", owner.email, "wrong horse").Code)
	}
	require.Equal(t, 429, w.from("203.0.113.1", owner.email, password).Code)
	require.Equal(t, 200, w.from("203.0.113.2", owner.email, password).Code, "another address is another's")
	// The same office: a device that is known.
	device := w.decoded(w.from("203.0.113.2", owner.email, password))["deviceToken"].(string)
	known := w.ask("POST", "/auth/login", object{"email": owner.email, "password": password, "deviceToken": device}, "X-Forwarded-For", "203.0.113.1")
	require.Equal(t, 200, known.Code)
	require.Equal(t, 200, w.from("203.0.113.1", owner.email, password, "Cookie", deviceCookie+"="+device).Code)
	// Which is no way to guess for ever, nor one for other accounts.
	for range 10 {
		require.Equal(t, 401, w.from("203.0.113.1", owner.email, "wrong horse", "Cookie", deviceCookie+"="+device).Code)
	}
	require.Equal(t, 429, w.from("203.0.113.1", owner.email, password, "Cookie", deviceCookie+"="+device).Code)
	other := w.newcomer()
	for range 10 {
		require.Equal(t, 401, w.from("203.0.113.9", other.email, "wrong horse", "Cookie", deviceCookie+"="+device).Code)
	}
	require.Equal(t, 429, w.from("203.0.113.9", other.email, password, "Cookie", deviceCookie+"="+device).Code, "it is a stranger's device there")
}

func TestManyAddressesGuessSlowlyAndTheOwnerStillGetsIn(t *testing.T) {
	w := besieged(t)
	owner := w.newcomer()
	refused := 0
	for i := range 11 {
		for range 10 {
			if w.from(fmt.Sprintf("203.0.113.%d", i), owner.email, "wrong horse").Code == 429 {
				refused++
			}
		}
	}
	require.Equal(t, 7, refused, "beyond 100 an hour, each address has three attempts")
	require.Equal(t, 200, w.from("198.51.100.1", owner.email, password).Code, "the owner, with a new device elsewhere")
}

func TestAttemptsAreCountedOverReplicas(t *testing.T) {
	w := besieged(t)
	owner := w.newcomer()
	other := New(w.pool, event.Backend, w.api.Tokens.Key, w.api.Log, quiet)
	other.Limits = w.api.Limits
	here, there := w.handler, other.Handler()
	for i := range 10 {
		if w.handler = here; i%2 == 0 {
			w.handler = there
		}
		require.Equal(t, 401, w.from("203.0.113.1", owner.email, "wrong horse").Code)
	}
	for _, w.handler = range []http.Handler{here, there} {
		require.Equal(t, 429, w.from("203.0.113.1", owner.email, password).Code)
	}
}

func TestUnknownAddressesAreCountedAlike(t *testing.T) {
	w := besieged(t)
	for range 10 {
		require.Equal(t, 401, w.from("203.0.113.1", "nobody@example.org", "wrong horse").Code)
	}
	require.Equal(t, 429, w.from("203.0.113.1", "nobody@example.org", "wrong horse").Code)
}

// replica is another process of the same application.
func (w *world) replica() *API {
	a := New(w.pool, event.Backend, w.api.Tokens.Key, w.api.Log, quiet)
	a.Handler()
	return a
}

func TestAccessTokensEndWithTheirSessionsOnAllReplicas(t *testing.T) {
	ways := map[string]func(w *world, l login){
		"logged out": func(w *world, l login) { w.call(204, "POST", "/auth/logout", object{"refreshToken": l.refresh}) },
		"logged out everywhere": func(w *world, l login) {
			w.token = w.again(l).token
			w.call(204, "POST", "/auth/logout-all", nil)
		},
		"another password": func(w *world, l login) {
			w.token = w.again(l).token
			w.call(204, "POST", "/auth/password", object{"oldPassword": password, "newPassword": "battery staple"})
		},
		"a stolen refresh token": func(w *world, l login) {
			w.call(200, "POST", "/auth/refresh", object{"refreshToken": l.refresh}, "User-Agent", "owner")
			w.call(401, "POST", "/auth/refresh", object{"refreshToken": l.refresh}, "User-Agent", "thief")
		},
		"deleted": func(w *world, l login) {
			w.token = l.token
			w.call(204, "DELETE", "/account", object{"password": password})
		},
	}
	for name, end := range ways {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			other := w.replica()
			l := w.newcomer()
			stranger := w.newcomer()
			w.token = ""
			require.NoError(t, other.Accounts.Ended.Poll(t.Context()))
			end(w, l)
			w.handler = other.Handler()
			require.NoError(t, other.Accounts.Ended.Poll(t.Context())) // which it does every five seconds
			answer := w.ask("GET", "/currencies", nil)
			require.Equal(t, 200, answer.Code)
			answer = w.ask("GET", "/wallets", nil, "Authorization", "Bearer "+l.token)
			require.Equal(t, 401, answer.Code)
			require.Contains(t, answer.Body.String(), "ended")
			require.Equal(t, 200, w.ask("GET", "/wallets", nil, "Authorization", "Bearer "+stranger.token).Code)
		})
	}
}

func TestSigningKeysAreRotated(t *testing.T) {
	w := newWorld(t)
	l := w.newcomer()
	device := account.Device{User: w.me(), ID: uuid.New()}
	known, err := w.api.Tokens.DeviceToken(device)
	require.NoError(t, err)
	before := w.api.Tokens.Key
	rotated, err := account.ParseKeys(fmt.Sprintf(`["%s", "%s"]`, strings.Repeat("n", 32), before))
	require.NoError(t, err)
	w.api.Tokens = rotated
	w.token = l.token
	w.call(200, "GET", "/auth/me", nil)
	require.Equal(t, device, w.api.Tokens.Device(known))
	renewed := w.again(l)
	w.token = renewed.token
	w.call(200, "GET", "/auth/me", nil)
	w.api.Tokens = account.Tokens{Key: rotated.Key}
	w.call(200, "GET", "/auth/me", nil)
	w.token = l.token
	w.call(401, "GET", "/auth/me", nil)
}

// A thief who has set a browser's cookies before its owner logs in has nothing.
func TestASessionIsNotFixed(t *testing.T) {
	w := newWorld(t)
	thief := w.newcomer()
	owner := w.newcomer()
	answer := w.ask("POST", "/auth/login", object{"email": owner.email, "password": password, "cookie": true},
		"Cookie", refreshCookie+"="+thief.refresh+"; "+deviceCookie+"=made-up")
	require.Equal(t, 200, answer.Code)
	for _, cookie := range answer.Result().Cookies() {
		require.NotContains(t, []string{thief.refresh, "made-up"}, cookie.Value)
	}
	code, as := w.refreshAs("thief", thief.refresh)
	require.Equal(t, 200, code)
	require.Equal(t, thief.email, as.email, "the thief's session is the thief's")
}

func TestTokensOfTwoPeopleAreNotMixed(t *testing.T) {
	w := newWorld(t)
	one, two := w.newcomer(), w.newcomer()
	// The refresh token of one with the access token of the other ends both sessions, each its own.
	third := w.again(one)
	require.Equal(t, 204, w.ask("POST", "/auth/logout", object{"refreshToken": one.refresh}, "Authorization", "Bearer "+two.token).Code)
	code, _ := w.refreshAs("x", one.refresh)
	require.Equal(t, 401, code)
	code, _ = w.refreshAs("x", two.refresh)
	require.Equal(t, 401, code)
	code, _ = w.refreshAs("x", third.refresh)
	require.Equal(t, 200, code)
}

// Whatever is made while an account is being deleted goes with it, and no event
// keeps its name.
func TestWhatIsMadeDuringADeletionDoesNotSurvive(t *testing.T) {
	for round := range 5 {
		w := newWorld(t)
		l := w.newcomer()
		user := w.me()
		b := w.owns()
		goal, budget := b.of("goals")["id"], b.of("budgets")["id"]
		w.api.Observe = quiet
		requests := map[string]func(i int) *httptest.ResponseRecorder{
			"goal": func(i int) *httptest.ResponseRecorder {
				return w.ask("POST", "/goals", object{"name": fmt.Sprint(secret, i), "target": "1", "currency": "EUR"}, "Authorization", "Bearer "+l.token)
			},
			"renamed": func(i int) *httptest.ResponseRecorder {
				return w.ask("PATCH", "/goals/"+goal, object{"name": fmt.Sprint(secret, i)}, "Authorization", "Bearer "+l.token)
			},
			"wallet": func(i int) *httptest.ResponseRecorder {
				return w.ask("POST", "/wallets", object{"name": fmt.Sprint(secret, i), "type": "cash", "currency": "EUR"}, "Authorization", "Bearer "+l.token)
			},
			"rewalleted": func(i int) *httptest.ResponseRecorder {
				return w.ask("PATCH", "/wallets/"+b.wallet, object{"name": fmt.Sprint(secret, i)}, "Authorization", "Bearer "+l.token)
			},
			"budget": func(i int) *httptest.ResponseRecorder {
				return w.ask("PATCH", "/budgets/"+budget, object{"amount": fmt.Sprint(10 + i)}, "Authorization", "Bearer "+l.token)
			},
			"name": func(i int) *httptest.ResponseRecorder {
				return w.ask("PATCH", "/auth/me", object{"name": fmt.Sprint(secret, i)}, "Authorization", "Bearer "+l.token)
			},
			"contribution": func(int) *httptest.ResponseRecorder {
				return w.ask("POST", "/goals/"+goal+"/contributions", object{"amount": "1", "note": secret}, "Authorization", "Bearer "+l.token)
			},
		}
		var all sync.WaitGroup
		begin := make(chan struct{})
		for name, request := range requests {
			all.Go(func() {
				<-begin
				for i := range 8 {
					if answer := request(i); answer.Code == 500 {
						t.Errorf("%s: %s", name, answer.Body)
					}
				}
			})
		}
		deleted := 0
		all.Go(func() {
			<-begin
			time.Sleep(time.Duration(round*5) * time.Millisecond) // at another moment each round
			deleted = w.ask("DELETE", "/account", object{"password": password}, "Authorization", "Bearer "+l.token).Code
		})
		close(begin)
		all.Wait()
		require.Equal(t, 204, deleted)
		for table, n := range w.rows(user) {
			require.Zero(t, n, table)
		}
		w.keptOfCompactedTopicsIsWithout(user, secret, l.email)
	}
}

// A thing that was deleted long before its account leaves no name on a topic that
// keeps the last event of each.
func TestWhatWasDeletedBeforeTheAccountLeavesNoName(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	user := w.me()
	w.call(201, "POST", "/demo", nil)
	b := w.owns()
	category := w.call(201, "POST", "/categories", object{"name": secret + " trips", "kind": "expense"})["slug"].(string)
	budget := w.call(201, "POST", "/budgets", object{"category": category, "amount": "400", "currency": "EUR", "month": "2020-05"})["id"].(string)
	w.call(204, "DELETE", "/budgets/"+budget, nil)
	w.call(204, "DELETE", "/goals/"+b.of("goals")["id"], nil)
	w.call(204, "DELETE", "/demo", nil)
	w.call(204, "DELETE", "/account", object{"password": password})
	w.keptOfCompactedTopicsIsWithout(user, secret, category, "(demo)", "emergency", "groceries")
}
