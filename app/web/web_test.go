//go:build integration

package web

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/wealth-companion/companion/app/web/session"
)

func TestFromSignUpToLogOut(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	require.Contains(t, b.get("/").must(t, 200).body, "Know where your money goes")
	b.get("/dashboard").leads(t, "/login?next=%2Fdashboard")

	b.post("/signup", form{"name": "Ada", "email": b.email, "password": b.password, "zone": "Europe/Berlin"}).leads(t, "/welcome")
	b.get("/dashboard").leads(t, "/welcome")
	require.Contains(t, b.get("/welcome").must(t, 200).body, "Welcome, Ada")

	wrong := b.post("/welcome", form{"name": "", "type": "checking", "currency": "EUR", "opening": "ten", "zone": "Mars/Crater"}).must(t, 422).body
	require.Contains(t, wrong, `id="name-problem"`)
	require.Contains(t, wrong, `id="opening-problem"`)
	require.Contains(t, wrong, `id="zone-problem"`)
	require.Contains(t, wrong, `value="ten"`, "what was typed stays")

	wallet := form{"name": "Everyday", "type": "checking", "currency": "EUR", "opening": "1,234.50", "zone": "Europe/Berlin", "key": uuid.NewString()}
	b.post("/welcome", wallet).leads(t, "/dashboard")
	b.post("/welcome", wallet).leads(t, "/dashboard") // pressed twice, it is one wallet
	overview := b.get("/dashboard").must(t, 200).body
	require.Contains(t, overview, "€1,234.50")
	require.Equal(t, 1, strings.Count(overview, "Everyday"))

	require.Contains(t, b.get("/dashboard", "Accept-Language", "de").body, "1.234,50\u00a0€")
	b.post("/language", form{"language": "de", "next": "/dashboard"}).leads(t, "/dashboard")
	require.Contains(t, b.get("/dashboard").body, `<html lang="de">`)

	b.post("/logout", nil).leads(t, "/login?out")
	require.Empty(t, b.cookie("__Host-session"))
	b.get("/dashboard").leads(t, "/login?next=%2Fdashboard")

	require.Contains(t, b.post("/login", form{"email": b.email, "password": "wrong password"}).must(t, 401).body, `value="`+b.email+`"`)
	b.post("/login", form{"email": b.email, "password": b.password, "next": "/dashboard"}).leads(t, "/dashboard")
	b.get("/dashboard").must(t, 200)
}

func TestAddressesThatAreTakenOrNone(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	other := w.browser()
	require.Contains(t, other.post("/signup", form{"email": b.email, "password": b.password}).must(t, 409).body, "has an account already")
	body := other.post("/signup", form{"email": "no address", "password": "short"}).must(t, 422).body
	require.Contains(t, body, `id="email-problem"`)
	require.Contains(t, body, `id="password-problem"`)
	require.NotContains(t, body, "short", "a password is not sent back")
}

func TestExampleDataFillsTheOverview(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.post("/signup", form{"name": "Ada", "email": b.email, "password": b.password}).leads(t, "/welcome")
	b.post("/welcome/demo", form{"key": uuid.NewString(), "zone": "America/New_York"}).leads(t, "/dashboard")
	body := b.get("/dashboard").must(t, 200).body
	for _, text := range []string{"Net worth", "of 100", "Groceries"} {
		require.Contains(t, body, text)
	}
	require.Contains(t, b.get("/settings").must(t, 200).body, `action="/settings/demo"`)
	b.post("/settings/demo", nil).leads(t, "/settings?example")
	require.NotContains(t, b.get("/settings?example").must(t, 200).body, `action="/settings/demo"`)
	b.get("/dashboard").leads(t, "/welcome")                    // for nothing is left
	b.post("/settings/demo", nil).leads(t, "/settings?example") // as in another window
}

// TestASessionIsNewAtEachLogIn: a cookie that somebody else planted or knows is of no use once
// the person has logged in.
func TestASessionIsNewAtEachLogIn(t *testing.T) {
	w := newWorld(t)
	attacker, victim := w.browser(), w.browser()
	attacker.joins("Mallory", "Trap")
	victim.joins("Ada", "Main")
	victim.post("/logout", nil)
	planted := attacker.cookie("__Host-session")
	at, _ := url.Parse(w.site.URL)
	victim.http.Jar.SetCookies(at, []*http.Cookie{{Name: "__Host-session", Value: planted, Path: "/", Secure: true}})

	victim.post("/login", form{"email": victim.email, "password": victim.password}).leads(t, "/dashboard")
	require.NotEqual(t, planted, victim.cookie("__Host-session"))
	body := victim.get("/dashboard").must(t, 200).body
	require.Contains(t, body, "Main")
	require.NotContains(t, body, "Trap")
	// The session that there was has ended, at the latest when its access token is replaced.
	s := attacker.opened(t)
	s.AccessEnds = time.Now()
	attacker.keep(t, s)
	require.True(t, strings.HasPrefix(attacker.get("/dashboard").to, "/login?"))
}

// opened is the session in a browser's cookie.
func (b *browser) opened(t *testing.T) session.Session {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-session", Value: b.cookie("__Host-session")})
	s := b.w.web.Sessions.Read(r)
	require.NotNil(t, s)
	return *s
}

// keep puts a session into a browser's cookie.
func (b *browser) keep(t *testing.T, s session.Session) {
	t.Helper()
	answer := httptest.NewRecorder()
	require.NoError(t, b.w.web.Sessions.Write(answer, s))
	at, _ := url.Parse(b.w.site.URL)
	b.http.Jar.SetCookies(at, answer.Result().Cookies())
}

func TestTokensAreRenewedOnceForAllThatComeTogether(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	s := b.opened(t)
	s.AccessEnds = time.Now().Add(time.Minute)
	b.keep(t, s)
	before := b.cookie("__Host-session")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got := b.get("/dashboard"); got.status != http.StatusOK {
				t.Errorf("%d: %s", got.status, got.to)
			}
		})
	}
	all.Wait()
	require.NotEqual(t, before, b.cookie("__Host-session"))
	require.NotEqual(t, s.Refresh, b.opened(t).Refresh)
	require.Greater(t, time.Until(b.opened(t).AccessEnds), renewal)
	b.get("/dashboard").must(t, 200)
}

func TestASessionThatEndedElsewhereLeadsToTheLogIn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	r := httptest.NewRequest(http.MethodPost, "/api/v1/auth/logout-all", nil)
	r.Header.Set("Authorization", "Bearer "+b.opened(t).Access)
	answer := httptest.NewRecorder()
	w.api.Handler().ServeHTTP(answer, r)
	require.Equal(t, 204, answer.Code)
	b.get("/dashboard").leads(t, "/login?ended=&next=%2Fdashboard")
	require.Contains(t, b.get("/login?ended=&next=%2Fdashboard").body, "Your session has ended")
	require.Empty(t, b.cookie("__Host-session"))
}

func TestRequestsFromOtherSitesAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	for name, headers := range map[string][]string{
		"by what the browser says of the site": {"Sec-Fetch-Site", "cross-site"},
		"of a site beside this":                {"Sec-Fetch-Site", "same-site"},
		"by their origin":                      {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/logout", "/login", "/signup", "/welcome", "/welcome/demo", "/language"} {
				require.Contains(t, b.post(path, form{"email": b.email, "password": b.password}, headers...).must(t, 403).body, "did not come from our pages")
			}
		})
	}
	b.get("/dashboard").must(t, 200)
}

func TestNobodyIsLedElsewhere(t *testing.T) {
	for _, next := range []string{
		"//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example",
		"http:evil.example", "", "///evil.example", " //evil.example", "evil.example",
	} {
		require.Equal(t, "/", local(next), "%q", next)
	}
	require.Equal(t, "/transactions?q=a&from=2026-01-01", local("/transactions?q=a&from=2026-01-01"))
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	b.post("/logout", nil)
	b.post("/login", form{"email": b.email, "password": b.password, "next": "//evil.example"}).leads(t, "/dashboard")
	b.post("/language", form{"language": "en", "next": "https://evil.example"}).leads(t, "/")
	require.NotContains(t, w.browser().get("/login?next=https://evil.example").body, `"https://evil`)
}

// attack is a text that runs a script wherever it is shown without being escaped.
const attack = `"'><script>alert(1)</script><img src=x onerror=alert(2)>`

// harmless has a page hold no element and no attribute that came of a text.
func harmless(t *testing.T, body string) {
	t.Helper()
	tree, err := html.Parse(strings.NewReader(body))
	require.NoError(t, err)
	for node := range tree.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		src := ""
		for _, a := range node.Attr {
			require.False(t, strings.HasPrefix(a.Key, "on"), "%s has %s", node.Data, a.Key)
			require.False(t, a.Key == "style" || a.Key == "srcdoc", "%s has %s", node.Data, a.Key)
			if a.Key == "src" {
				src = a.Val
			}
			if a.Key == "href" || a.Key == "action" {
				require.True(t, strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "#"), "%s leads to %s", node.Data, a.Val)
			}
		}
		if node.Data == "script" {
			require.True(t, strings.HasPrefix(src, "/assets/"), "a script in the page: %s", src)
		}
		require.NotEqual(t, "img", node.Data)
	}
}

func TestTextsAreShownAsTexts(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for _, path := range []string{"/", "/login?next=" + url.QueryEscape("/"+attack), "/signup", "/nothing" + url.PathEscape(attack)} {
		harmless(t, b.get(path).body)
	}
	harmless(t, b.post("/signup", form{"name": attack, "email": attack, "password": attack, "zone": attack}).must(t, 422).body)
	harmless(t, b.post("/login", form{"email": attack, "password": attack, "next": attack}).must(t, 422).body)
	b.joins(attack, attack)
	w.seed(b.opened(t).Access, attack)
	for _, path := range append(pages(t, w, b), "/welcome") {
		got := b.get(path).must(t, 200).body
		harmless(t, got)
	}
	overview := b.get("/dashboard").body
	require.Contains(t, overview, "alert(1)&lt;/script&gt;", "it is shown")
	harmless(t, b.post("/welcome", form{"name": attack, "type": attack, "currency": attack, "opening": attack, "zone": attack, "key": attack}).must(t, 422).body)
}

// TestPeopleNeverMix has many people ask at once, over the same connections of the web to the
// backend: nobody ever sees a word of anybody else's.
func TestPeopleNeverMix(t *testing.T) {
	w := newWorld(t)
	const people, rounds = 6, 8
	var browsers []*browser
	marks := make([]string, people)
	for i := range people {
		b := w.browser()
		marks[i] = "mark" + strings.ReplaceAll(uuid.NewString(), "-", "")
		b.joins(marks[i], marks[i])
		browsers = append(browsers, b)
	}
	var all sync.WaitGroup
	for i, b := range browsers {
		for range 3 {
			all.Go(func() {
				for round := range rounds {
					if round == rounds/2 { // in the middle of it, all renew their tokens
						s := b.opened(t)
						s.AccessEnds = time.Now()
						b.keep(t, s)
					}
					got := b.get("/dashboard")
					if !strings.Contains(got.body, marks[i]) {
						t.Errorf("%d has not their own page: %d %s", i, got.status, got.to)
					}
					for j, mark := range marks {
						if j != i && strings.Contains(got.body, mark) {
							t.Errorf("%d sees what is %d's", i, j)
						}
					}
				}
			})
		}
	}
	all.Wait()
}

func TestWithoutTheAPI(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	w.answerInstead(func(rw http.ResponseWriter, r *http.Request) bool {
		rw.WriteHeader(http.StatusBadGateway)
		return true
	})
	got := b.get("/dashboard").must(t, 503)
	require.Contains(t, got.body, "We cannot reach your data")
	require.NotEmpty(t, got.header.Get("Retry-After"))
	require.NotEmpty(t, b.cookie("__Host-session"), "nobody is logged out for it")
	b.get("/").leads(t, "/dashboard")
	w.browser().get("/").must(t, 200)

	s := b.opened(t)
	s.AccessEnds = time.Now().Add(time.Minute) // would be renewed
	b.keep(t, s)
	as := time.Now().Add(-5 * time.Minute).UTC().Truncate(time.Second)
	w.answerInstead(func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/api/v1/auth/") {
			rw.WriteHeader(http.StatusBadGateway)
			return true
		}
		rw.Header().Set("X-Data-As-Of", as.Format(time.RFC3339))
		return false
	})
	require.Contains(t, b.get("/dashboard").must(t, 200).body, "These numbers are from")
}

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for _, path := range []string{"/", "/login", "/signup", "/nothing", "/dashboard", assetOf(b, t)} {
		header := b.get(path).header
		policy := header.Get("Content-Security-Policy")
		require.NotContains(t, policy, "unsafe", path)
		require.Contains(t, policy, "default-src 'none'", path)
		require.Contains(t, policy, "report-to csp", path)
		for _, name := range []string{"X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy", "Cross-Origin-Opener-Policy", "Reporting-Endpoints", "X-Correlation-Id"} {
			require.NotEmpty(t, header.Get(name), "%s: %s", path, name)
		}
		if !strings.HasPrefix(path, "/assets/") {
			require.Equal(t, "no-store", header.Get("Cache-Control"), path)
		}
	}
	asset := b.get(assetOf(b, t), "Accept-Encoding", "gzip")
	require.Contains(t, asset.header.Get("Cache-Control"), "immutable")
	require.Equal(t, "gzip", asset.header.Get("Content-Encoding"))
	require.Equal(t, "text/css; charset=utf-8", asset.header.Get("Content-Type"))
	b.get("/assets/app.000000000000.css").must(t, 404)
	b.joins("Ada", "Main")
	require.Equal(t, "gzip", b.get("/dashboard", "Accept-Encoding", "gzip").header.Get("Content-Encoding"))
	for _, c := range []string{"__Host-session", "__Host-device"} {
		require.NotEmpty(t, b.cookie(c))
	}
	got := b.post("/login", form{"email": b.email, "password": b.password})
	for _, line := range got.header["Set-Cookie"] {
		for _, part := range []string{"__Host-", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
			require.Contains(t, line, part)
		}
		require.NotContains(t, line, "Domain")
		require.Less(t, len(line), 4096)
	}
}

func assetOf(b *browser, t *testing.T) string {
	_, rest, found := strings.Cut(b.get("/").body, `rel="stylesheet" href="`)
	require.True(t, found)
	address, _, _ := strings.Cut(rest, `"`)
	return address
}

func TestReports(t *testing.T) {
	require.Equal(t, []string{"script-src"}, rulesOf([]byte(`[{"type":"csp-violation","body":{"effectiveDirective":"script-src-elem"}}]`)))
	require.Equal(t, []string{"style-src"}, rulesOf([]byte(`{"csp-report":{"effective-directive":"style-src-attr"}}`)))
	require.Equal(t, []string{"other"}, rulesOf([]byte(`{"csp-report":{"effective-directive":"a secret"}}`)))
	require.Empty(t, rulesOf([]byte(`nothing`)))
	b := newWorld(t).browser()
	b.post("/reports", nil).must(t, 204)
	b.post("/reports", form{"a": strings.Repeat("x", maxReport)}).must(t, 413)
	b.post("/login", form{"email": strings.Repeat("x", maxForm)}).must(t, 413)
}

// Agents may be faster than a page that has just been asked for, and connections end and come again.
func TestAlertsThatCameBeforeThePageConnectedAreShown(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	user := w.userOf(b.opened(t).Access)
	w.alert(user, "before the page")
	time.Sleep(5 * time.Millisecond) // instants are of milliseconds
	page := b.get("/dashboard").must(t, 200).body
	since := regexp.MustCompile(`hx-sse:connect="(/live\?since=\d+)"`).FindStringSubmatch(page)
	require.NotNil(t, since)
	w.alert(user, "before it connects")
	// shown are the alerts at the beginning of a connection, and the last event's id.
	shown := func(path, last string) (text, id string) {
		limited, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(limited, http.MethodGet, w.site.URL+path, nil)
		require.NoError(t, err)
		if last != "" {
			r.Header.Set("Last-Event-ID", last)
		}
		answer, err := b.http.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		for scanner := bufio.NewScanner(answer.Body); scanner.Scan(); {
			line := scanner.Text()
			if line == "event: changed" {
				return text, id
			}
			text += line
			if rest, is := strings.CutPrefix(line, "id: "); is {
				id = rest
			}
		}
		t.Fatal("the connection ends at once")
		return "", ""
	}
	text, id := shown(since[1], "")
	require.Contains(t, text, "before it connects")
	require.NotContains(t, text, "before the page")
	text, _ = shown(since[1], id)
	require.NotContains(t, text, "toast", "it comes again, and has shown it")
	w.alert(user, "between connections")
	text, _ = shown(since[1], id)
	require.Contains(t, text, "between connections")
	require.NotContains(t, text, "before it connects")
	text, _ = shown("/live", "")
	require.NotContains(t, text, "toast")
	text, _ = shown("/live?since=0", "")
	require.Contains(t, text, "before the page", "of the last minutes")
	require.Equal(t, http.StatusBadRequest, b.get("/live?since=yesterday").status)
}

func TestAlertsComeLive(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	require.Equal(t, reply{status: 401}, reply{status: b.get("/live").status}, "no page, which would be taken for events")
	b.joins("Ada", "Main")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.site.URL+"/live", nil)
	require.NoError(t, err)
	client := *b.http
	client.Timeout = 0
	answer, err := client.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { answer.Body.Close() })
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	require.Empty(t, answer.Header.Get("Content-Encoding"), "nothing waits to be packed")
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(answer.Body); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	require.Equal(t, "retry: 3000", <-lines)
	w.alert(w.userOf(b.opened(t).Access), attack)
	var got []string
	for deadline := time.After(20 * time.Second); len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), "toast"); {
		select {
		case line, more := <-lines:
			require.True(t, more)
			if strings.HasPrefix(line, "data: ") {
				got = append(got, strings.TrimPrefix(line, "data: "))
			}
		case <-deadline:
			t.Fatal("nothing came")
		}
	}
	harmless(t, strings.Join(got, "\n"))
	// Log-out ends it within seconds, for the session is the API's.
	b.post("/logout", nil)
	for deadline := time.After(20 * time.Second); ; {
		select {
		case _, more := <-lines:
			if !more {
				return
			}
		case <-deadline:
			t.Fatal("the connection goes on")
		}
	}
}
