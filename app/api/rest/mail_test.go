//go:build integration

package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

// mailing is a world whose installation sends e-mail.
func mailing(t *testing.T) *world {
	w := newWorld(t)
	w.api.At("https://app.example.org/", true)
	return w
}

// mailed are the e-mails about accounts that went to an address.
func (w *world) mailed(email string) (found []event.MailRequested) {
	w.t.Helper()
	for done := 1; done > 0; {
		var err error
		done, err = w.api.Accounts.SendMail(w.t.Context())
		require.NoError(w.t, err)
	}
	all, _ := outbox[event.MailRequested](w, event.TypeMailRequested)
	for _, one := range all {
		if one.Email == email {
			found = append(found, one)
		}
	}
	return found
}

// secretOf is what a mailed link holds.
func secretOf(letter event.MailRequested) string {
	_, token, _ := strings.Cut(letter.Link, "#")
	return token
}

func TestNothingIsMailedToStrangers(t *testing.T) {
	w := mailing(t)
	victim := "victim@example.org"
	for range 5 { // of several accounts, too
		answer := w.call(201, "POST", "/auth/register", object{"email": victim, "password": password, "name": "Buy now at shop.example.com"})
		w.token = answer["token"].(string)
		require.Equal(t, false, answer["user"].(object)["emailConfirmed"])
		w.call(200, "PUT", "/preferences", object{"timezone": "UTC", "channels": []string{"email"}, "digest": "off", "mutedTypes": []string{}, "phrasing": false})
		for range 20 {
			w.call(202, "POST", "/auth/email/confirmation", nil)
		}
		w.token = ""
	}
	letters := w.mailed(victim)
	require.Len(t, letters, 3, "an hour, whoever asks")
	for _, letter := range letters {
		require.Equal(t, event.MailConfirmAddress, letter.Kind)
		require.True(t, strings.HasPrefix(letter.Link, "https://app.example.org/api/v1/auth/email/confirm#"), letter.Link)
		require.NotContains(t, fmt.Sprint(letter), "shop.example.com", "nothing that a stranger wrote")
	}
	published, _ := outbox[event.PreferencesChanged](w, event.TypePreferencesChanged)
	require.Len(t, published, 10)
	for _, one := range published {
		require.False(t, one.EmailConfirmed)
	}
}

func TestAnAddressIsConfirmed(t *testing.T) {
	w := mailing(t)
	ada := w.newcomer()
	w.token = ""
	w.call(401, "POST", "/auth/login", object{"email": ada.email, "password": password})
	letters := w.mailed(ada.email)
	require.Len(t, letters, 1)
	path, _, _ := strings.Cut(strings.TrimPrefix(letters[0].Link, "https://app.example.org"+base), "#")
	page := w.ask("GET", path, nil)
	require.Equal(t, 200, page.Code)
	require.Equal(t, "text/html; charset=utf-8", page.Header().Get("Content-Type"))
	require.Contains(t, page.Header().Get("Content-Security-Policy"), "script-src 'sha256-")
	w.call(401, "POST", "/auth/login", object{"email": ada.email, "password": password}) // who looks at the link changes nothing
	w.call(401, "POST", path, object{"token": "made up"})
	w.call(204, "POST", path, object{"token": secretOf(letters[0])})
	w.call(401, "POST", path, object{"token": secretOf(letters[0])})
	require.Equal(t, true, w.again(ada).token != "")
	w.token = ada.token
	require.Equal(t, true, w.call(200, "GET", "/auth/me", nil)["emailConfirmed"])
	require.Equal(t, true, w.call(200, "GET", "/preferences", nil)["emailConfirmed"])
	w.call(202, "POST", "/auth/email/confirmation", nil)
	require.Len(t, w.mailed(ada.email), 1, "there is nothing left to confirm")
	published, _ := outbox[event.PreferencesChanged](w, event.TypePreferencesChanged)
	require.True(t, published[len(published)-1].EmailConfirmed)
}

func TestAMailedSecretEnds(t *testing.T) {
	w := mailing(t)
	ada := w.newcomer()
	letters := w.mailed(ada.email)
	_, err := w.pool.Exec(t.Context(), "UPDATE one_time_tokens SET expires_at = now()")
	require.NoError(t, err)
	w.call(401, "POST", "/auth/email/confirm", object{"token": secretOf(letters[0])})
	w.call(401, "POST", "/auth/password/reset", object{"token": secretOf(letters[0]), "newPassword": "battery staple"})
}

// confirmed is somebody whose address is theirs.
func (w *world) confirmed() login {
	w.t.Helper()
	l := w.newcomer()
	w.call(204, "POST", "/auth/email/confirm", object{"token": secretOf(w.mailed(l.email)[0])})
	return l
}

func TestRegisteringTellsNobodyWhoHasAnAccount(t *testing.T) {
	w := mailing(t)
	ada := w.confirmed()
	w.token = ""
	shape := func(email string) (int, []string, []string) {
		answer := w.ask("POST", "/auth/register", object{"email": email, "password": "battery staple"})
		var keys, headers []string
		for key := range w.decoded(answer) {
			keys = append(keys, key)
		}
		for key := range answer.Header() {
			headers = append(headers, key)
		}
		return answer.Code, keys, headers
	}
	code, keys, headers := shape(ada.email)
	otherCode, otherKeys, otherHeaders := shape("new@example.org")
	require.Equal(t, 201, code)
	require.Equal(t, otherCode, code)
	require.ElementsMatch(t, otherKeys, keys)
	require.ElementsMatch(t, otherHeaders, headers)
	// Nor does logging in with what was registered.
	for _, email := range []string{ada.email, "new@example.org", "nobody@example.org"} {
		w.call(401, "POST", "/auth/login", object{"email": email, "password": "battery staple"})
		w.call(202, "POST", "/auth/password/reset-request", object{"email": email})
	}
	letters := w.mailed(ada.email)
	require.Equal(t, event.MailAccountExists, letters[1].Kind, "its owner is told")
	require.Equal(t, event.MailResetPassword, letters[2].Kind)
	require.Equal(t, event.MailConfirmAddress, w.mailed("new@example.org")[0].Kind)
	require.Empty(t, w.mailed("nobody@example.org"))
	w.again(ada) // nothing has changed for her
	w.call(401, "POST", "/auth/email/confirm", object{"token": secretOf(letters[1])})
}

func TestAPasswordIsSetAnew(t *testing.T) {
	w := mailing(t)
	ada := w.confirmed()
	w.call(202, "POST", "/auth/password/reset-request", object{"email": " " + strings.ToUpper(ada.email)})
	letters := w.mailed(ada.email)
	token := secretOf(letters[len(letters)-1])
	w.call(422, "POST", "/auth/password/reset", object{"token": token, "newPassword": "short"})
	session := w.call(200, "POST", "/auth/password/reset", object{"token": token, "newPassword": "battery staple"})
	w.call(401, "POST", "/auth/password/reset", object{"token": token, "newPassword": "another horse"})
	w.token = ada.token
	w.call(401, "GET", "/auth/me", nil)
	w.token = session["token"].(string)
	w.call(200, "GET", "/auth/me", nil)
	w.call(401, "POST", "/auth/login", object{"email": ada.email, "password": password})
	w.call(200, "POST", "/auth/login", object{"email": ada.email, "password": "battery staple"})
}

// Somebody registers another's address and waits: with a session, a password and a
// browser that takes push messages.
func TestWhoProvesAnAddressShutsOutWhoWaitedForThem(t *testing.T) {
	w := mailing(t)
	squatter := w.newcomer()
	w.call(201, "POST", "/preferences/push", browser(t, 1))
	w.call(202, "POST", "/auth/password/reset-request", object{"email": squatter.email})
	letters := w.mailed(squatter.email)
	require.Equal(t, event.MailResetPassword, letters[1].Kind)
	owner := w.call(200, "POST", "/auth/password/reset", object{"token": secretOf(letters[1]), "newPassword": "battery staple"})
	w.call(401, "GET", "/auth/me", nil)
	w.call(401, "POST", "/auth/refresh", object{"refreshToken": squatter.refresh})
	w.call(401, "POST", "/auth/login", object{"email": squatter.email, "password": password})
	w.call(401, "POST", "/auth/email/confirm", object{"token": secretOf(letters[0])})
	w.token = owner["token"].(string)
	require.Empty(t, w.call(200, "GET", "/preferences", nil)["pushSubscriptions"])
}

func TestOneOfThoseWhoClaimAnAddressHasIt(t *testing.T) {
	w := mailing(t)
	first := w.newcomer()
	token := secretOf(w.mailed(first.email)[0])
	w.call(201, "POST", "/auth/register", object{"email": first.email, "password": "battery staple"})
	letters := w.mailed(first.email)
	var all sync.WaitGroup
	codes := make([]int, 2)
	w.api.Observe = quiet
	for i, secret := range []string{token, secretOf(letters[1])} {
		all.Go(func() { codes[i] = w.ask("POST", "/auth/email/confirm", object{"token": secret}).Code })
	}
	all.Wait()
	require.ElementsMatch(t, []int{204, 409}, codes)
}

func TestManyRegisterTheSameAddressAtOnce(t *testing.T) {
	for name, mails := range map[string]bool{"where e-mail is sent": true, "where none is": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.api.At("https://app.example.org", mails)
			w.api.Observe = quiet
			var all sync.WaitGroup
			var mu sync.Mutex
			codes := map[int]int{}
			for range 6 {
				all.Go(func() {
					answer := w.ask("POST", "/auth/register", object{"email": "ada@example.org", "password": password})
					mu.Lock()
					defer mu.Unlock()
					codes[answer.Code]++
				})
			}
			all.Wait()
			want := map[int]int{201: 6}
			if !mails {
				want = map[int]int{201: 1, 409: 5}
			}
			require.Equal(t, want, codes)
			var holders int
			require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT count(*) FROM users WHERE holds_email").Scan(&holders))
			require.Equal(t, map[bool]int{true: 0, false: 1}[mails], holders)
		})
	}
}

func TestUnsubscribeByOneClick(t *testing.T) {
	w := mailing(t)
	ada := w.confirmed()
	w.token = ada.token
	w.call(200, "PUT", "/preferences", object{"timezone": "UTC", "channels": []string{"email", "push"}, "digest": "daily", "mutedTypes": []string{}, "phrasing": false})
	published, _ := outbox[event.PreferencesChanged](w, event.TypePreferencesChanged)
	link := published[len(published)-1].UnsubscribeURL
	require.True(t, strings.HasPrefix(link, "https://app.example.org/api/v1/unsubscribe?token="), link)
	path := strings.TrimPrefix(link, "https://app.example.org"+base)
	w.token = ""
	channels := func() []string {
		published, _ := outbox[event.PreferencesChanged](w, event.TypePreferencesChanged)
		return published[len(published)-1].Channels
	}
	click := func(path string) *httptest.ResponseRecorder {
		request := httptest.NewRequest("POST", base+path, strings.NewReader("List-Unsubscribe=One-Click"))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		recorder := httptest.NewRecorder()
		w.handler.ServeHTTP(recorder, request)
		return recorder
	}
	require.Equal(t, 200, w.ask("GET", path, nil).Code)
	require.Equal(t, []string{"in_app", "email", "push"}, channels(), "a look changes nothing")
	other := published[len(published)-1]
	for _, forged := range []string{path + "x", strings.Replace(path, other.UserID.String(), uuid.NewString(), 1), "/unsubscribe?token=made-up"} {
		require.Equal(t, 404, click(forged).Code, forged)
		require.Equal(t, 404, w.ask("GET", forged, nil).Code)
	}
	plain := click(path)
	require.Equal(t, 204, plain.Code)
	require.Empty(t, plain.Body.String())
	require.Equal(t, []string{"in_app", "push"}, channels())
	require.Equal(t, 204, click(path).Code, "twice is once")
	again, _ := outbox[event.PreferencesChanged](w, event.TypePreferencesChanged)
	require.Len(t, again, len(published)+1)
}

// Mail programs send a form of either encoding; RFC 8058 prefers multipart.
func TestUnsubscribeByMultipartForm(t *testing.T) {
	w := mailing(t)
	path := w.unsubscribeLink()
	body := &bytes.Buffer{}
	form := multipart.NewWriter(body)
	require.NoError(t, form.WriteField("List-Unsubscribe", "One-Click"))
	require.NoError(t, form.Close())
	request := httptest.NewRequest("POST", base+path, body)
	request.Header.Set("Content-Type", form.FormDataContentType())
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, request)
	require.Equal(t, 204, recorder.Code, recorder.Body.String())
	require.Empty(t, recorder.Header().Get("Content-Type"))
	require.NotContains(t, w.channels(), "email")
}

// Without JavaScript: the page's own form, sent as a browser sends it.
func TestUnsubscribeByThePagesForm(t *testing.T) {
	w := mailing(t)
	path := w.unsubscribeLink()
	asked := w.ask("GET", path, nil)
	require.Equal(t, 200, asked.Code)
	require.NotContains(t, asked.Body.String(), "<script")
	require.NotContains(t, asked.Header().Get("Content-Security-Policy"), "script-src")
	require.Contains(t, w.channels(), "email", "a look changes nothing")
	require.Regexp(t, `<form method="post">`, asked.Body.String(), "it goes to the address of the page")
	fields := url.Values{}
	for _, field := range regexp.MustCompile(`<input type="hidden" name="(\w+)" value="(\w+)">`).FindAllStringSubmatch(asked.Body.String(), -1) {
		fields.Set(field[1], field[2])
	}
	send := func(path string) *httptest.ResponseRecorder {
		request := httptest.NewRequest("POST", base+path, strings.NewReader(fields.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", "null") // as browsers say from a page with no-referrer
		recorder := httptest.NewRecorder()
		w.handler.ServeHTTP(recorder, request)
		require.Equal(t, "text/html; charset=utf-8", recorder.Header().Get("Content-Type"))
		return recorder
	}
	for range 2 {
		answer := send(path)
		require.Equal(t, 200, answer.Code)
		require.Contains(t, answer.Body.String(), "You get no more e-mail")
		require.Contains(t, answer.Body.String(), "switch the channel e-mail on again in your settings")
		require.NotContains(t, answer.Body.String(), "<form")
		require.NotContains(t, w.channels(), "email")
	}
	forged := send(path + "x")
	require.Equal(t, 404, forged.Code)
	require.Contains(t, forged.Body.String(), "This link does not work")
}

// unsubscribeLink is the path of the link to end the e-mail of somebody who gets some.
func (w *world) unsubscribeLink() string {
	w.t.Helper()
	w.token = w.confirmed().token
	w.call(200, "PUT", "/preferences", object{"timezone": "UTC", "channels": []string{"email"}, "digest": "off", "mutedTypes": []string{}, "phrasing": false})
	published, _ := outbox[event.PreferencesChanged](w, event.TypePreferencesChanged)
	w.token = ""
	return strings.TrimPrefix(published[len(published)-1].UnsubscribeURL, "https://app.example.org"+base)
}

// channels are those that were published last.
func (w *world) channels() []string {
	w.t.Helper()
	published, _ := outbox[event.PreferencesChanged](w, event.TypePreferencesChanged)
	return published[len(published)-1].Channels
}

func TestAMailRequestIsForgottenWithItsAccount(t *testing.T) {
	w := mailing(t)
	ada := w.newcomer()
	w.call(204, "DELETE", "/account", object{"password": password})
	require.Empty(t, w.mailed(ada.email))
}

// Each page has one script, which its policy names, and says what an old link means.
func TestMailedLinksLeadToPagesThatExplainThemselves(t *testing.T) {
	w := mailing(t)
	for path, c := range map[string]struct {
		status int
		says   []string
		form   bool
	}{
		"/auth/email/confirm":            {200, []string{"Confirm your e-mail address", "used already, or is too old", "not complete"}, true},
		"/auth/password/reset":           {200, []string{"Set another password", "older than an hour", "new-password", "not complete"}, true},
		"/unsubscribe?token=made-up":     {404, []string{"This link does not work", "settings"}, false},
		"/unsubscribe?token=%3Cb%3E.%22": {404, []string{"This link does not work"}, false},
	} {
		t.Run(path, func(t *testing.T) {
			answer := w.ask("GET", path, nil)
			require.Equal(t, c.status, answer.Code)
			require.Equal(t, "text/html; charset=utf-8", answer.Header().Get("Content-Type"))
			require.Equal(t, "no-referrer", answer.Header().Get("Referrer-Policy"))
			page := answer.Body.String()
			for _, text := range append(c.says, "width=device-width", "color-scheme: light dark") {
				require.Contains(t, page, text)
			}
			require.NotContains(t, page, "http", "it loads nothing from elsewhere")
			require.NotContains(t, page, "ZgotmplZ")
			require.Equal(t, c.form, strings.Contains(page, "<form"))
			scripts := strings.Count(page, "<script>")
			_, script, _ := strings.Cut(page, "<script>")
			script, _, _ = strings.Cut(script, "</script>")
			sum := sha256.Sum256([]byte(script))
			if c.form {
				require.Equal(t, 1, scripts)
				require.Contains(t, answer.Header().Get("Content-Security-Policy"), "script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
			} else {
				require.Zero(t, scripts)
			}
		})
	}
}
