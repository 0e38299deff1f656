package validate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/event"
)

// web goes a person's way through the pages: it logs in, sets a budget and records a transaction
// in their forms, finds it in the list, sees the alert appear on the page that is open and in the
// list of alerts, and logs out. Without an address that e-mails may be sent to, the user of the
// other steps may not be able to log in, for where there is e-mail an address is confirmed
// first: it signs up as another one.
func (r *run) web(ctx context.Context, result *Result) error {
	if r.Web == "" {
		return nil
	}
	p, err := r.visitor()
	if err != nil {
		return err
	}
	began := time.Now()
	way := "log-in"
	if r.Email == "" {
		way, err = "sign-up", r.signUp(ctx, p)
	} else {
		err = r.logIn(ctx, p)
	}
	if err != nil {
		return hint(err, event.Web, "the backend")
	}
	live, err := p.live(ctx)
	if err != nil {
		return hint(err, event.Web, "the backend")
	}
	defer live.end()
	appeared, title, err := r.spendOnPages(ctx, p, live)
	if err != nil {
		return hint(err, event.Web, "notification")
	}
	if _, err := p.get(ctx, "/alerts", title); err != nil {
		return hint(err, event.Web, "the backend")
	}
	live.end()
	if _, err := p.post(ctx, "/logout", nil, logInForm); err != nil {
		return hint(err, event.Web, "the backend")
	}
	if _, err := p.get(ctx, "/dashboard", logInForm); err != nil {
		return fmt.Errorf("after the log-out: %w", err)
	}
	result.Web = fmt.Sprintf("%d pages from %s to log-out in %s; the alert appeared on the open page %s after the form was sent",
		p.pages, way, time.Since(began).Round(time.Millisecond), appeared.Round(time.Millisecond))
	return nil
}

// What the pages are known by: the log-in's form, and the navigation of whoever is logged in.
const (
	logInForm  = `action="/login"`
	navigation = `href="/transactions"`
)

// logIn enters as the user of the other steps.
func (r *run) logIn(ctx context.Context, p *visitor) error {
	if _, err := p.get(ctx, "/login", logInForm); err != nil {
		return err
	}
	_, err := p.post(ctx, "/login", url.Values{"email": {r.login}, "password": {r.password}, "next": {"/dashboard"}}, navigation)
	return err
}

// signUp enters as a new user with a wallet.
func (r *run) signUp(ctx context.Context, p *visitor) error {
	if _, err := p.get(ctx, "/signup", `action="/signup"`); err != nil {
		return err
	}
	who := url.Values{"name": {"Validation"}, "email": {addressFor(r.Email)}, "password": {r.password}, "zone": {"UTC"}}
	if _, err := p.post(ctx, "/signup", who, `action="/welcome"`); err != nil {
		return err
	}
	_, err := p.post(ctx, "/welcome", url.Values{
		"name": {"Validation"}, "type": {"checking"}, "currency": {"EUR"}, "opening": {"0"}, "zone": {"UTC"}, "key": {uuid.NewString()},
	}, navigation)
	return err
}

var firstWallet = regexp.MustCompile(`(?s)name="wallet".*?<option value="([0-9a-f-]{36})"`)

// spendOnPages records a transaction that takes 85% of a new budget, and returns how long after
// that the alert appeared, with its title as pages have it.
func (r *run) spendOnPages(ctx context.Context, p *visitor, live *stream) (appeared time.Duration, title string, err error) {
	const category = "leisure"
	if _, err := p.post(ctx, "/budgets", url.Values{
		"category": {category}, "amount": {"100"}, "currency": {"EUR"}, "month": {r.month}, "threshold": {"80"}, "key": {uuid.NewString()},
	}, "100.00"); err != nil {
		return 0, "", err
	}
	page, err := p.get(ctx, "/transactions", `name="wallet"`)
	if err != nil {
		return 0, "", err
	}
	wallet := firstWallet.FindStringSubmatch(page)
	if wallet == nil {
		return 0, "", errors.New("the form of /transactions offers no wallet")
	}
	description := "Validation " + uuid.NewString()
	sent := time.Now()
	if _, err := p.post(ctx, "/transactions", url.Values{
		"kind": {event.Expense}, "amount": {"85.00"}, "category": {category}, "description": {description}, "wallet": {wallet[1]}, "key": {uuid.NewString()},
	}, description); err != nil {
		return 0, "", err
	}
	title, err = live.toast(ctx)
	return time.Since(sent), title, err
}

// visitor is a person's browser.
type visitor struct {
	site   string // without a slash at the end
	client *http.Client
	pages  int
}

func (r *run) visitor() (*visitor, error) {
	cookies, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	// The context bounds each request; a live connection goes on for longer than others.
	return &visitor{site: strings.TrimSuffix(r.Web, "/"), client: &http.Client{
		Jar: cookies, Transport: r.api.HTTP.Transport,
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if len(via) > mostRedirects {
				return errors.New("leads on and on")
			}
			return guarded(next.Response) // cookies are set where one leads on
		},
	}}, nil
}

// The bounds of a page: its bytes, and how often it may lead on to another.
const (
	maxPage       = 4 << 20
	mostRedirects = 5
)

func (p *visitor) get(ctx context.Context, path, has string) (string, error) {
	return p.page(ctx, http.MethodGet, path, nil, has)
}

// post sends a form as its page's button does.
func (p *visitor) post(ctx context.Context, path string, form url.Values, has string) (string, error) {
	return p.page(ctx, http.MethodPost, path, form, has)
}

// page opens a page, or the one that a form leads to. It must have that text, and what every page
// of a well-kept site has.
func (p *visitor) page(ctx context.Context, method, path string, form url.Values, has string) (string, error) {
	request, err := p.request(ctx, method, path, form)
	if err != nil {
		return "", err
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxPage))
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	p.pages++
	text := string(raw)
	switch {
	case answer.StatusCode != http.StatusOK:
		err = fmt.Errorf("is answered with %s", answer.Status)
	case !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html"):
		err = fmt.Errorf("is answered with %q, no page", answer.Header.Get("Content-Type"))
	case !strings.Contains(text, has):
		err = fmt.Errorf("leads to %s, where %q is not", answer.Request.URL.Path, has)
	default:
		err = guarded(answer)
	}
	if err != nil {
		return "", fmt.Errorf("%s %s %w", method, path, err)
	}
	return text, nil
}

func (p *visitor) request(ctx context.Context, method, path string, form url.Values) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, p.site+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "text/html")
	request.Header.Set("Accept-Language", "en")
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", p.site)
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return request, nil
}

// guarded checks the headers that keep a page's visitors from harm.
func guarded(answer *http.Response) error {
	if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		return fmt.Errorf("has the content security policy %q, which does not begin from nothing", policy)
	}
	if n := len(answer.Header.Values("Strict-Transport-Security")); n != 1 {
		return fmt.Errorf("says %d times that browsers are to insist on TLS, not once", n)
	}
	for _, cookie := range answer.Cookies() {
		if !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
			return fmt.Errorf("sets the cookie %s, which scripts, other sites or connections without TLS could get", cookie.Name)
		}
	}
	return nil
}

// stream is the live connection of an open page.
type stream struct {
	lines chan string
	end   context.CancelFunc
}

// live connects as an open page does.
func (p *visitor) live(ctx context.Context) (*stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	request, err := p.request(ctx, http.MethodGet, "/live", nil)
	if err != nil {
		cancel()
		return nil, err
	}
	request.Header.Set("Accept", "text/event-stream")
	answer, err := p.client.Do(request) //nolint:bodyclose // who reads it closes it
	if err != nil {
		cancel()
		return nil, err
	}
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || kind != "text/event-stream" {
		cancel()
		_ = answer.Body.Close()
		return nil, fmt.Errorf("GET /live is answered with %s and %q, no stream", answer.Status, kind)
	}
	s := &stream{lines: make(chan string), end: cancel}
	go func() {
		defer close(s.lines)
		defer func() { _ = answer.Body.Close() }()
		for scanner := bufio.NewScanner(answer.Body); scanner.Scan(); {
			select {
			case s.lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return s, nil
}

var toastTitle = regexp.MustCompile(`class="toast".*?<strong[^>]*>([^<]+)</strong>`)

// toast waits until an alert appears on the page, and returns its title as pages have it.
func (s *stream) toast(ctx context.Context) (string, error) {
	piece := ""
	for {
		select {
		case line, more := <-s.lines:
			if !more {
				return "", errors.New("the live connection has ended before the alert appeared")
			}
			if line == "" {
				piece = ""
			}
			piece += strings.TrimPrefix(line, "data: ")
			if found := toastTitle.FindStringSubmatch(piece); found != nil {
				return found[1], nil
			}
		case <-ctx.Done():
			return "", fmt.Errorf("no alert appeared on the open page: %w", ctx.Err())
		}
	}
}
