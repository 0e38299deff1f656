package validate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/event"
)

// web goes a person's way through the pages: it logs in, records a transaction in the form,
// finds it in the list, sees the alert appear on the page that is open and in the list of
// alerts, and logs out.
func (r *run) web(ctx context.Context, result *Result) error {
	if r.Web == "" {
		return nil
	}
	p, err := r.visitor()
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err := p.get(ctx, "/login", "<form"); err != nil {
		return hint(err, event.Web, "the edge")
	}
	if _, err := p.post(ctx, "/login", url.Values{"email": {r.login}, "password": {r.password}, "next": {"/dashboard"}}, `href="/transactions"`); err != nil {
		return hint(err, event.Web, "the backend")
	}
	live, err := p.live(ctx)
	if err != nil {
		return hint(err, event.Web, "the backend")
	}
	defer live.end()
	const category = "leisure"
	if _, err := r.api.call(ctx, http.MethodPost, "/budgets", nil, map[string]string{
		"category": category, "amount": "100.00", "currency": "EUR", "month": r.month,
	}, nil); err != nil {
		return err
	}
	description := "Validation " + uuid.NewString()
	sent := time.Now()
	if _, err := p.post(ctx, "/transactions", url.Values{
		"kind": {event.Expense}, "amount": {"85.00"}, "category": {category}, "description": {description}, "wallet": {r.wallet}, "key": {uuid.NewString()},
	}, description); err != nil {
		return hint(err, event.Web, "the backend")
	}
	if err := live.toast(ctx); err != nil {
		return hint(err, event.Web, "notification")
	}
	appeared := time.Since(sent)
	var alerts struct {
		Items []struct {
			Title string `json:"title"`
		} `json:"items"`
	}
	if _, err := r.api.call(ctx, http.MethodGet, "/alerts?limit=1", nil, nil, &alerts); err != nil {
		return err
	}
	if len(alerts.Items) == 0 {
		return errors.New("an alert appeared that the API does not have")
	}
	if _, err := p.get(ctx, "/alerts", html.EscapeString(alerts.Items[0].Title)); err != nil {
		return hint(err, event.Web, "the backend")
	}
	live.end()
	if _, err := p.post(ctx, "/logout", nil, `action="/login"`); err != nil {
		return hint(err, event.Web, "the backend")
	}
	if _, err := p.get(ctx, "/dashboard", `action="/login"`); err != nil {
		return fmt.Errorf("after the log-out: %w", err)
	}
	result.Web = fmt.Sprintf("%d pages from log-in to log-out in %s; the alert appeared on the open page %s after the form was sent",
		p.pages, time.Since(began).Round(time.Millisecond), appeared.Round(time.Millisecond))
	return nil
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
		Jar: cookies, Transport: r.api.client.Transport,
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

// toast waits until an alert appears on the page.
func (s *stream) toast(ctx context.Context) error {
	for {
		select {
		case line, more := <-s.lines:
			if !more {
				return errors.New("the live connection has ended before the alert appeared")
			}
			if strings.Contains(line, `class="toast"`) {
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("no alert appeared on the open page: %w", ctx.Err())
		}
	}
}
