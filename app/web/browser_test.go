//go:build integration

package web

import (
	"context"
	_ "embed" // of axe
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
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
			if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
				b.complain(fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
			}
		}
	}))
	return b
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
	strangers := []string{"/", "/signup", "/login"}
	each(t, map[string]string{"/": "landing", "/signup": "signup", "/login": "login"}, strangers)

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
	order := []string{"/dashboard", "/nothing"}
	names := map[string]string{"/dashboard": "dashboard", "/nothing": "notfound"}
	each(t, names, order)
	b.mu.Lock()
	b.said = without(b.said, "404") // of the page that there is not
	b.mu.Unlock()
	b.silent()

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

func without(all []string, part string) (kept []string) {
	for _, one := range all {
		if !strings.Contains(one, part) {
			kept = append(kept, one)
		}
	}
	return kept
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
