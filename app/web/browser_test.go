//go:build integration

package web

import (
	"context"
	_ "embed" // of axe
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/oauth"
)

//go:embed testdata/axe.min.js
var axe string

// chromium is Debian's.
const chromium = "/usr/bin/chromium"

// tab is a real browser's, with what it complained of.
type tab struct {
	t    *testing.T
	w    *world
	ctx  context.Context
	mu   sync.Mutex
	said []string
}

// started is a browser without anything of others.
func (w *world) started() *tab {
	w.t.Helper()
	if _, err := exec.LookPath(chromium); err != nil {
		w.t.Fatal("Chromium is not on this machine: `make packages` installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.Flag("headless", "new"), chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "en"), chromedp.Env("TZ=Europe/Berlin"),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	w.t.Cleanup(func() { cancel(); stop() })
	b := &tab{t: w.t, w: w, ctx: ctx}
	require.NoError(w.t, chromedp.Listen(ctx, func(e any) {
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			description := ""
			if e.ExceptionDetails.Exception != nil {
				description = e.ExceptionDetails.Exception.Description
			}
			b.complain("exception: " + e.ExceptionDetails.Text + " " + description)
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
				for _, one := range e.Args {
					b.complain(fmt.Sprintf("console.%s: %s %s", e.Type, one.Value, one.Description))
				}
			}
		case *log.EventEntryAdded:
			if complaint(e.Entry) {
				b.complain(fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
			}
		}
	}))
	return b
}

// complaint tells whether an entry of the browser's log is one. A page that is left while its
// manifest's icon is on the way is no fault of the page: the test of the icons looks at them.
func complaint(e *log.Entry) bool {
	return (e.Level == log.EntryLevelError || e.Level == log.EntryLevelWarning) && !strings.HasPrefix(e.Text, "Error while trying to use the following icon from the Manifest")
}

func (b *tab) complain(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = append(b.said, text)
}

// most is how long one step may take.
const most = 30 * time.Second

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	limited, cancel := context.WithTimeout(b.ctx, most)
	defer cancel()
	if err := chromedp.Do(limited, steps...); err != nil {
		b.failed(err)
	}
}

// failed ends the test with what the browser shows and said.
func (b *tab) failed(err error) {
	b.t.Helper()
	limited, cancel := context.WithTimeout(b.ctx, most)
	defer cancel()
	shows, _ := chromedp.Run(limited, chromedp.Evaluate[string]("location.href + ' ' + document.querySelector('main')?.innerText"))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.t.Fatalf("%v; the browser shows %s and said %v", err, shows, b.said)
}

// ask runs an action and returns its value.
func ask[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	limited, cancel := context.WithTimeout(b.ctx, most)
	defer cancel()
	value, err := chromedp.Run(limited, action)
	if err != nil {
		b.failed(err)
	}
	return value
}

// command sends a command of the browser's protocol.
func command[P, R any](b *tab, c cdp.Command[P, R], params P) R {
	b.t.Helper()
	limited, cancel := context.WithTimeout(b.ctx, most)
	defer cancel()
	value, err := chromedp.Call(limited, c, params)
	if err != nil {
		b.failed(err)
	}
	return value
}

func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.w.site.URL+path), chromedp.WaitReady("main"))
}

func (b *tab) size(width int64, scheme string) {
	b.t.Helper()
	command(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1})
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// silent has the browser have complained of nothing.
func (b *tab) silent() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b.t, b.said)
	require.Zero(b.t, b.w.reports.Load(), "violations of the content security policy")
}

// accessible checks the open page by WCAG 2.2 AA, and that nothing is wider than the window.
func (b *tab) accessible(name string) {
	b.t.Helper()
	raw := ask(b, chromedp.Evaluate[string](`(async () => {
		await document.fonts.ready;
		const result = await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]});
		const wide = document.documentElement.scrollWidth > innerWidth ? [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 120)).slice(0, 5) : [];
		return JSON.stringify({found: result.violations.map(v => v.id + ": " + v.help + " " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " [" + (n.any[0]?.message ?? n.all[0]?.message ?? "") + "]").join(" | ")), wide});
	})()`, chromedp.EvalAwaitPromise))
	var got struct{ Found, Wide []string }
	require.NoError(b.t, json.Unmarshal([]byte(raw), &got))
	if len(got.Found)+len(got.Wide) > 0 {
		b.t.Errorf("%s:\n%s\nwider than the window: %v", name, strings.Join(got.Found, "\n"), got.Wide)
	}
}

// picture keeps what the page looks like in the folder SCREENSHOTS, for people to look at.
func (b *tab) picture(name string) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	beyond := true
	shot := command(b, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng, CaptureBeyondViewport: &beyond})
	require.NoError(b.t, errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name+".png"), shot.Data, 0o644)))
}

// TestPagesInABrowser shows each page in a real browser, in light and dark, from a small telephone
// to a wide screen: accessible, within the window, and without a complaint.
func TestPagesInABrowser(t *testing.T) {
	w := newWorld(t)
	b := w.started()
	each := func(t *testing.T, names map[string]string, order []string) {
		for _, path := range order {
			for _, width := range []int64{320, 768, 1440} {
				for _, scheme := range []string{"light", "dark"} {
					b.size(width, scheme)
					if width == 320 && scheme == "light" {
						b.open(path)
						ask(b, chromedp.Evaluate[bool](axe+"; true"))
					}
					name := fmt.Sprintf("%s-%d-%s", names[path], width, scheme)
					b.accessible(name)
					b.picture(name)
				}
			}
		}
	}
	strangers := []string{"/", "/signup", "/login", "/forgot"}
	each(t, map[string]string{"/": "landing", "/signup": "signup", "/login": "login", "/forgot": "forgot"}, strangers)

	// A person's way in, as they would type it.
	b.size(768, "light")
	b.open("/signup")
	b.do(
		chromedp.SendKeys("#name", "Ada"), chromedp.SendKeys("#email", uuid.NewString()+"@example.org"), chromedp.SendKeys("#password", "correct horse battery\r"),
		chromedp.WaitVisible("#wallet-title"),
	)
	require.Equal(t, "Europe/Berlin", ask(b, chromedp.Value("#zone")), "the browser's")
	each(t, map[string]string{"/welcome": "welcome"}, []string{"/welcome"})
	b.do(chromedp.Click(`form[action="/welcome/demo"] button`), chromedp.WaitVisible("#worth-title"))
	token := b.token()
	w.seedInsights(token)
	w.alert(w.userOf(token), "Groceries are over budget")
	each(t, map[string]string{
		"/dashboard": "dashboard", "/transactions": "transactions", "/budgets": "budgets", "/wallets": "wallets", "/insights": "insights", "/alerts": "alerts", "/settings": "settings",
		"/design": "design", "/nothing": "notfound",
	}, []string{"/dashboard", "/transactions", "/budgets", "/wallets", "/insights", "/alerts", "/settings", "/design", "/nothing"})
	b.forgive("404") // of the page that there is not
	b.silent()

	t.Run("the manifest's icons are images", func(t *testing.T) {
		b.open("/dashboard")
		got := command(b, page.GetAppManifest, page.GetAppManifestParams{})
		require.Empty(t, got.Errors)
		require.NotEmpty(t, got.Data)
		sizes := ask(b, chromedp.Evaluate[[]int](`fetch(document.querySelector("link[rel=manifest]").href, {credentials: "include"}).then(answer => answer.json()).then(manifest => Promise.all(manifest.icons.map(async icon => {
			const image = new Image();
			image.src = icon.src;
			await image.decode();
			return image.naturalWidth;
		})))`, chromedp.EvalAwaitPromise))
		require.NotEmpty(t, sizes)
		for _, size := range sizes {
			require.Positive(t, size)
		}
		b.silent()
	})
	t.Run("an assistant is let in", func(t *testing.T) {
		answers := make(chan url.Values, 1)
		assistant := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(rw, `<!doctype html><html lang="en"><title>Done</title><main>Done</main>`)
			if r.URL.Path == "/callback" {
				answers <- r.URL.Query()
			}
		}))
		defer assistant.Close()
		w.api.Assistants.Issuer = w.site.URL
		its, err := w.api.Assistants.Register(t.Context(), "A stock assistant", []string{assistant.URL + "/callback"})
		require.NoError(t, err)
		path := oauth.AuthorizePath + "?" + url.Values{
			"response_type": {"code"}, "client_id": {its.ID.String()}, "redirect_uri": {assistant.URL + "/callback"}, "scope": {"read write"}, "state": {"its state"},
			"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
		}.Encode()
		each(t, map[string]string{path: "consent"}, []string{path})
		b.do(chromedp.Click(`button[value="allow"]`))
		select {
		case answer := <-answers:
			require.Equal(t, "its state", answer.Get("state"))
			require.Equal(t, w.site.URL, answer.Get("iss"))
			require.NotEmpty(t, answer.Get("code"))
		case <-time.After(20 * time.Second):
			t.Fatal("the browser is not taken back to the assistant")
		}
		b.size(768, "light")
		b.open(oauth.AuthorizePath + "?client_id=nobody")
		ask(b, chromedp.Evaluate[bool](axe+"; true"))
		b.accessible("consent-wrong")
		b.picture("consent-wrong-768-light")
		b.forgive("400") // of the request that is not right
		b.silent()
	})
	t.Run("an alert appears while the page is open", func(t *testing.T) {
		b.size(768, "light")
		b.open("/dashboard")
		w.alert(w.userOf(token), "A bill is due tomorrow")
		b.do(chromedp.WaitVisible(".toast"))
		require.Contains(t, ask(b, chromedp.Text(".toast")), "A bill is due tomorrow")
		b.do(chromedp.WaitVisible(".bell .count"))
		b.picture("toast-768-light")
		b.do(chromedp.Click("[data-close]"), chromedp.WaitNotPresent(".toast"))
		b.silent()
	})
	t.Run("a transaction is entered, found wrong, corrected and undone", func(t *testing.T) {
		b.size(768, "light")
		b.open("/transactions")
		b.do(chromedp.SendKeys("#amount", "1.2.3"), chromedp.SendKeys("#description", "Ice cream"), chromedp.SetValue("#category", "leisure"),
			chromedp.SendKeys("#amount", "\r"), chromedp.WaitVisible("#amount-problem"))
		ask(b, chromedp.Evaluate[bool](axe+"; true"))
		b.accessible("transactions-wrong")
		b.picture("transactions-wrong-768-light")
		b.do(chromedp.SetValue("#amount", "4.20"), chromedp.SendKeys("#amount", "\r"), chromedp.WaitVisible(".notice.good"))
		require.Contains(t, ask(b, chromedp.Text(".notice.good")), "Ice cream, −€4.20")
		ask(b, chromedp.Evaluate[bool](axe+"; true"))
		b.accessible("transactions-recorded")
		b.picture("transactions-recorded-768-light")
		b.do(chromedp.Click(".notice.good button"), chromedp.WaitVisible(`form[action$="/restore"]`))
		b.do(chromedp.Click(`.transaction a`), chromedp.WaitVisible(`form.danger`))
		ask(b, chromedp.Evaluate[bool](axe+"; true"))
		b.accessible("transaction")
		b.picture("transaction-768-light")
		b.forgive("422") // of the form that was wrong
		b.silent()
	})
	t.Run("the list goes on in place", func(t *testing.T) {
		b.open("/transactions")
		before := ask(b, chromedp.Evaluate[int](`document.querySelectorAll(".transaction").length`))
		b.do(chromedp.Click("#more a"))
		b.until(fmt.Sprintf(`document.querySelectorAll(".transaction").length > %d`, before))
		b.silent()
	})
	t.Run("what fails in place is told, and stays", func(t *testing.T) {
		b.open("/insights")
		w.answerInstead(func(rw http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost {
				return false
			}
			rw.WriteHeader(http.StatusBadGateway)
			return true
		})
		b.do(chromedp.Click(`.insight button[value="useful"]`), chromedp.WaitVisible(".toast"))
		require.Contains(t, ask(b, chromedp.Text(".toast")), "We cannot reach your data")
		require.Equal(t, 2, ask(b, chromedp.Evaluate[int](`document.querySelectorAll(".insight").length`)))
		w.before.Store(nil)
		b.forgive("503")
		b.silent()
	})
	t.Run("an insight is taken off the list in place", func(t *testing.T) {
		b.open("/insights")
		b.do(chromedp.Click(`.insight button[value="useful"]`))
		b.until(`document.querySelectorAll(".insight").length === 1`)
		b.silent()
		b.open("/insights")
		require.Equal(t, 1, ask(b, chromedp.Evaluate[int](`document.querySelectorAll(".insight").length`)))
	})
	t.Run("in German", func(t *testing.T) {
		b.size(320, "dark")
		b.open("/dashboard")
		b.do(chromedp.Click(`button[lang="de"]`), chromedp.WaitVisible(`html[lang="de"]`))
		for _, path := range []string{"/dashboard", "/transactions", "/budgets", "/wallets", "/insights"} {
			b.open(path)
			ask(b, chromedp.Evaluate[bool](axe+"; true"))
			b.accessible("german" + path)
			b.picture("german-320-dark" + strings.ReplaceAll(path, "/", "-"))
		}
		b.do(chromedp.Click(`button[lang="en"]`), chromedp.WaitVisible(`html[lang="en"]`))
	})
	t.Run("a first visit is light", func(t *testing.T) {
		command(b, network.ClearBrowserCache, cdp.Empty{})
		b.open("/dashboard")
		ask(b, chromedp.Evaluate[bool](`document.fonts.ready.then(() => true)`, chromedp.EvalAwaitPromise))
		sent := ask(b, chromedp.Evaluate[int](`[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((sum, e) => sum + e.transferSize, 0)`))
		t.Logf("%d bytes transferred", sent)
		require.Greater(t, sent, 10_000)
		require.Less(t, sent, 100_000)
	})
	t.Run("by keyboard alone", func(t *testing.T) {
		b.open("/dashboard")
		b.do(chromedp.KeyEvent("\t"))
		require.Equal(t, "Skip to content", ask(b, chromedp.Evaluate[string](`document.activeElement.textContent`)))
		b.do(chromedp.KeyEvent("\r"))
		require.Equal(t, "content", ask(b, chromedp.Evaluate[string](`document.activeElement.id`)))
	})
	t.Run("from log-out back in", func(t *testing.T) {
		b.do(chromedp.Click(`form[action="/logout"] button`), chromedp.WaitVisible("#email"))
		b.silent()
	})
}

// forgive takes out what the browser complained of that the test brought about.
func (b *tab) forgive(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = slices.DeleteFunc(b.said, func(one string) bool { return strings.Contains(one, part) })
}

// until waits for a condition of the page. The policy lets no script be made of text, which
// chromedp's own polling does.
func (b *tab) until(condition string) {
	b.t.Helper()
	ask(b, chromedp.Evaluate[bool](`new Promise(done => { const look = () => (`+condition+`) ? done(true) : setTimeout(look, 20); look(); })`, chromedp.EvalAwaitPromise))
}

// token is the access token in the browser's session.
func (b *tab) token() string {
	b.t.Helper()
	got := b.w.browser()
	at, err := url.Parse(b.w.site.URL)
	require.NoError(b.t, err)
	for _, c := range command(b, network.GetCookies, network.GetCookiesParams{}).Cookies {
		got.http.Jar.SetCookies(at, []*http.Cookie{{Name: c.Name, Value: c.Value, Path: "/", Secure: true}})
	}
	return got.opened(b.t).Access
}
