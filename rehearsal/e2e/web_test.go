//go:build rehearsal

package e2e

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// chromium is Debian's.
const chromium = "/usr/bin/chromium"

// tab is a real browser's, with what it complained of.
type tab struct {
	t    *testing.T
	ctx  context.Context
	mu   sync.Mutex
	said []string
}

// opens starts a browser that connects to the load balancer, and takes no other certificate than
// the one that a client which trusts the stack's authority has seen there.
func (m *machine) opens(t *testing.T) *tab {
	t.Helper()
	_, err := exec.LookPath(chromium)
	require.NoError(t, err, "Chromium is not on this machine: `make packages` installs it")
	answer, err := m.browser(t).Get("https://" + application + "/")
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	key := sha256.Sum256(answer.TLS.PeerCertificates[0].RawSubjectPublicKeyInfo)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.Flag("headless", "new"), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("lang", "en"), chromedp.Env("TZ=Europe/Berlin"),
		chromedp.Flag("host-resolver-rules", "MAP "+host+" 127.0.0.1"),
		chromedp.Flag("ignore-certificate-errors-spki-list", base64.StdEncoding.EncodeToString(key[:])),
	)...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() { cancel(); stop() })
	b := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, func(e any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			b.said = append(b.said, "exception: "+e.ExceptionDetails.Text)
		case *log.EventEntryAdded: // violations of the content security policy are among them
			// A page that is left while its manifest's icon is on the way is no fault of the page.
			left := strings.HasPrefix(e.Entry.Text, "Error while trying to use the following icon from the Manifest")
			if !left && (e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning) {
				b.said = append(b.said, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
			}
		}
	}))
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	limited, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(limited, steps...); err != nil {
		limited, cancel := context.WithTimeout(b.ctx, 10*time.Second)
		defer cancel()
		shows, _ := chromedp.Run(limited, chromedp.Evaluate[string]("location.href + ' ' + document.body?.innerText"))
		b.t.Fatalf("%v; the browser shows %s and said %v", err, shows, b.said)
	}
}

func (b *tab) text(selector string) string {
	b.t.Helper()
	limited, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	text, err := chromedp.Run(limited, chromedp.Text(selector))
	require.NoError(b.t, err)
	return text
}

// picture keeps what the page looks like in the folder SCREENSHOTS, for people to look at.
func (b *tab) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	limited, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	shot, err := chromedp.Call(limited, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
	require.NoError(b.t, errors.Join(err, os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name+".png"), shot.Data, 0o644)))
}

// visitsPages is a person's way through the pages in a real browser, through the real edge, from
// the start page to an alert that appears on the page that is open.
func (m *machine) visitsPages(t *testing.T) {
	b := m.opens(t)
	limited, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	_, err := chromedp.Call(limited, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 1280, Height: 900, DeviceScaleFactor: 1})
	require.NoError(t, err)
	b.do(chromedp.Navigate("https://"+application+"/"), chromedp.WaitVisible(`main a[href="/signup"]`))
	b.picture("landing")
	b.do(chromedp.Click(`main a[href="/signup"]`), chromedp.WaitVisible("#email"))
	b.picture("signup")
	b.do(
		chromedp.SendKeys("#name", "Ada"), chromedp.SendKeys("#email", uuid.NewString()+"@companion.localhost"), chromedp.SendKeys("#password", "correct horse battery\r"),
		chromedp.WaitVisible("#wallet-title"),
	)
	b.picture("welcome")
	b.do(chromedp.Click(`form[action="/welcome/demo"] button`), chromedp.WaitVisible("#worth-title"))
	b.picture("dashboard-demo")

	// The demo's budgets are of this month: one more expense passes the largest of them.
	b.do(chromedp.Click(`.nav a[href="/transactions"]`), chromedp.WaitVisible("#amount"))
	b.do(chromedp.SendKeys("#amount", "9000"), chromedp.SendKeys("#description", "A long holiday"), chromedp.SetValue("#category", "leisure"),
		chromedp.SendKeys("#amount", "\r"), chromedp.WaitVisible(".notice.good"))
	require.Contains(t, b.text(".notice.good"), "A long holiday")
	b.do(chromedp.WaitVisible(".toast"))
	b.picture("transactions-toast")
	for _, path := range []string{"/dashboard", "/budgets", "/wallets", "/insights", "/alerts"} {
		b.do(chromedp.Navigate("https://"+application+path), chromedp.WaitVisible("main h1"))
		b.picture(strings.TrimPrefix(path, "/"))
	}
	b.keepsCookies()
	b.do(chromedp.Click(`form[action="/logout"] button`), chromedp.WaitVisible("#password"))
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(t, b.said, "nothing is refused, and no script fails")
}

// keepsCookies has the browser's cookies be those of this site over TLS, out of scripts' reach.
func (b *tab) keepsCookies() {
	b.t.Helper()
	limited, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	kept, err := chromedp.Call(limited, network.GetCookies, network.GetCookiesParams{})
	require.NoError(b.t, err)
	var names []string
	for _, c := range kept.Cookies {
		require.True(b.t, c.Secure && c.HTTPOnly && c.SameSite == network.CookieSameSiteLax && c.Path == "/" && !strings.HasPrefix(c.Domain, "."), "%+v", c)
		names = append(names, c.Name)
	}
	slices.Sort(names)
	require.Equal(b.t, []string{"__Host-device", "__Host-session"}, names)
}

// answersPeople tries what the edge adds to the pages, and what it says itself to browsers.
func (m *machine) answersPeople(t *testing.T) {
	client := m.browser(t)
	ask := func(method, path, accept string, body io.Reader) (*http.Response, string) {
		request, err := http.NewRequestWithContext(t.Context(), method, "https://"+application+path, body)
		require.NoError(t, err)
		request.Header.Set("Accept", accept)
		response, err := client.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		raw, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Len(t, response.Header.Values("Strict-Transport-Security"), 1, "%s: once, whoever answers", path)
		require.NotEmpty(t, response.Header.Get("Content-Security-Policy"), path)
		return response, string(raw)
	}
	const html = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
	start, text := ask(http.MethodGet, "/", html, nil)
	require.Equal(t, http.StatusOK, start.StatusCode)
	require.Contains(t, text, `href="/signup"`)
	require.GreaterOrEqual(t, int(start.TLS.Version), tls.VersionTLS12)
	nothing, _ := ask(http.MethodGet, "/nothing-is-here", html, nil)
	require.Equal(t, http.StatusNotFound, nothing.StatusCode, "the web's own page")
	private, _ := ask(http.MethodGet, "/dashboard", html, nil)
	require.Equal(t, http.StatusSeeOther, private.StatusCode)
	require.Equal(t, "/login?next=%2Fdashboard", private.Header.Get("Location"))
	large, text := ask(http.MethodPost, "/login", html, strings.NewReader(strings.Repeat("x", 8<<20)))
	require.Equal(t, http.StatusRequestEntityTooLarge, large.StatusCode)
	require.Equal(t, "text/html; charset=utf-8", large.Header.Get("Content-Type"), "NGINX's own page")
	require.Contains(t, text, `<p lang="de">`)
}
