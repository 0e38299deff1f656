//go:build integration

package systemtest

import (
	"bufio"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/stack"
)

// visitor is a person's browser. It keeps cookies that only HTTPS may carry, which ends before
// the service.
type visitor struct {
	t       *testing.T
	url     string
	cookies map[string]string
}

func (v *visitor) send(method, path string, form url.Values) *http.Response {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, strings.NewReader(form.Encode()))
	require.NoError(v.t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range v.cookies {
		request.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	answer, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(v.t, err)
	v.t.Cleanup(func() { _ = answer.Body.Close() })
	for _, c := range answer.Cookies() {
		v.cookies[c.Name] = c.Value
	}
	return answer
}

func (v *visitor) text(answer *http.Response) string {
	v.t.Helper()
	raw, err := io.ReadAll(answer.Body)
	require.NoError(v.t, err)
	return string(raw)
}

// visited follows a person from the sign-up to an alert that appears on the open page, through
// real sidecars and agents.
func visited(t *testing.T, s *stack.Stack) {
	v := &visitor{t: t, url: s.Public(event.Web), cookies: map[string]string{}}
	joined := v.send(http.MethodPost, "/signup", url.Values{"email": {uuid.NewString() + "@example.org"}, "password": {"correct horse battery"}, "zone": {"Europe/Berlin"}})
	require.Equal(t, "/welcome", joined.Header.Get("Location"), v.text(joined))
	made := v.send(http.MethodPost, "/welcome", url.Values{"name": {"Main"}, "type": {"checking"}, "currency": {"EUR"}, "opening": {"100"}, "zone": {"Europe/Berlin"}, "key": {uuid.NewString()}})
	require.Equal(t, "/dashboard", made.Header.Get("Location"), v.text(made))
	require.Contains(t, v.text(v.send(http.MethodGet, "/dashboard", nil)), "€100.00")

	live := v.send(http.MethodGet, "/live", nil)
	require.Equal(t, "text/event-stream", live.Header.Get("Content-Type"))
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(live.Body); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	month := time.Now().In(berlin(t)).Format("2006-01")
	budget := v.send(http.MethodPost, "/budgets", url.Values{"category": {"groceries"}, "amount": {"10"}, "currency": {"EUR"}, "month": {month}, "key": {uuid.NewString()}})
	require.Equal(t, http.StatusSeeOther, budget.StatusCode, v.text(budget))
	spent := v.send(http.MethodPost, "/transactions", url.Values{
		"kind": {"expense"}, "amount": {"25"}, "category": {"groceries"}, "description": {"Market"}, "wallet": {walletOf(v)}, "key": {uuid.NewString()},
	})
	require.Equal(t, http.StatusSeeOther, spent.StatusCode, v.text(spent))
	for deadline := time.After(60 * time.Second); ; {
		select {
		case line, more := <-lines:
			require.True(t, more, "the live connection has ended")
			if strings.Contains(line, `class="toast"`) {
				withoutBodies(v)
				return
			}
		case <-deadline:
			t.Fatal("no alert came")
		}
	}
}

// withoutBodies sends what the web asks of the API without a body, which sidecars send otherwise
// than the client does.
func withoutBodies(v *visitor) {
	read := v.send(http.MethodPost, "/alerts/read", url.Values{"key": {uuid.NewString()}})
	require.Equal(v.t, http.StatusSeeOther, read.StatusCode, v.text(read))
	demo := v.send(http.MethodPost, "/welcome/demo", url.Values{"zone": {"Europe/Berlin"}, "key": {uuid.NewString()}})
	require.Equal(v.t, "/dashboard", demo.Header.Get("Location"), v.text(demo))
}

func berlin(t *testing.T) *time.Location {
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	return zone
}

// walletOf is the first wallet that the form of a transaction offers.
func walletOf(v *visitor) string {
	v.t.Helper()
	_, rest, found := strings.Cut(v.text(v.send(http.MethodGet, "/transactions", nil)), `name="wallet"`)
	require.True(v.t, found)
	_, rest, _ = strings.Cut(rest, `<option value="`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}
