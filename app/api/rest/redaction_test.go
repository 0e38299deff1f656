//go:build integration

package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
)

// Marks of what must not be written down: no log, label or trace holds them.
const (
	marked       = "topsecret7q"
	markedAmount = "918273.64"
)

// records are what a process writes to its log and tells its metrics.
type records struct {
	sync.Mutex
	bytes.Buffer
}

func (r *records) Write(line []byte) (int, error) {
	r.Lock()
	defer r.Unlock()
	return r.Buffer.Write(line)
}

// recorded is a world whose log at its most talkative, and whose metrics, are kept.
func recorded(t *testing.T) (*world, *records) {
	kept := &records{}
	log := slog.New(slog.NewJSONHandler(kept, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w := &world{t: t, pool: pgtest.Pool(t, event.Backend)}
	w.api = New(w.pool, event.Backend, []byte(strings.Repeat("k", 32)), log, func(_ context.Context, method, route string, status int, _ time.Duration) {
		fmt.Fprintln(kept, "label", route, status)
	})
	w.api.At("https://app.example.org", true)
	w.handler = w.api.Handler()
	return w, kept
}

// withoutSecrets finds nothing that is marked, however it is written.
func (r *records) withoutSecrets(t *testing.T) {
	t.Helper()
	r.Lock()
	defer r.Unlock()
	for line := range strings.Lines(r.String()) {
		plain, err := url.QueryUnescape(line)
		if err != nil {
			plain = line
		}
		for _, mark := range []string{marked, markedAmount, password} {
			require.NotContains(t, strings.ToLower(plain), mark)
		}
	}
}

// fill makes a value of a schema that is marked wherever a caller's text can be.
func fill(name string, schema *openapi3.Schema, depth int) any {
	switch {
	case schema == nil || depth > 4:
		return marked
	case schema.Type.Is("object"):
		object := object{}
		for field, of := range schema.Properties {
			object[field] = fill(field, of.Value, depth+1)
		}
		return object
	case schema.Type.Is("array"):
		return []any{fill(name, schema.Items.Value, depth+1)}
	case schema.Type.Is("boolean"):
		return true
	case schema.Type.Is("integer"), schema.Type.Is("number"):
		return 1
	case len(schema.Enum) > 0:
		return schema.Enum[0]
	case strings.Contains(strings.ToLower(name), "amount"), name == "target", name == "monthly", name == "openingBalance":
		return markedAmount
	case strings.Contains(strings.ToLower(name), "email"):
		return marked + "@example.org"
	default:
		return marked
	}
}

// sayEverywhere calls every operation with marks in every place that a caller writes.
func (w *world) sayEverywhere() (statuses map[int]int) {
	w.t.Helper()
	document := w.document()
	statuses = map[int]int{}
	for _, o := range w.operations() {
		if o.Streamed || o.ID == "deleteAccount" || o.ID == "logoutAll" {
			continue
		}
		body := any(nil)
		if its := document.Paths.Find(base + o.Path).GetOperation(o.Method).RequestBody; its != nil && its.Value.Content["application/json"] != nil {
			body = fill("", its.Value.Content["application/json"].Schema.Value, 0)
		}
		query := url.Values{}
		for _, name := range slices.Sorted(maps.Keys(o.Query)) {
			query.Set(name, marked)
		}
		strange := url.Values{marked: {marked}}
		paths := []string{filled(o.Path), filled(o.Path) + "?" + query.Encode(), filled(o.Path) + "?" + strange.Encode()}
		if before, _, found := strings.Cut(o.Path, "{"); found {
			paths = append(paths, before+marked, before+marked+"/"+marked)
		}
		for _, path := range paths {
			for _, token := range []string{w.token, marked, ""} {
				answer := w.ask(o.Method, path, body, "Authorization", "Bearer "+token, "Cookie", refreshCookie+"="+marked+"; "+deviceCookie+"="+marked+"; "+marked+"="+marked,
					"Idempotency-Key", marked, "If-Match", marked, "X-Correlation-Id", marked, "Traceparent", marked, "User-Agent", marked,
					"Referer", "https://example.org/#"+marked, "X-Forwarded-For", marked, "Origin", marked)
				statuses[answer.Code]++
			}
		}
	}
	return statuses
}

func TestNoLogHoldsWhatPeopleTellInConfidence(t *testing.T) {
	w, kept := recorded(t)
	answer := w.call(201, "POST", "/auth/register", object{"email": marked + "@example.org", "password": password, "name": marked})
	w.token = answer["token"].(string)
	for range 3 {
		w.ask("POST", "/auth/login", object{"email": marked + "@example.org", "password": marked})
	}
	wallet := w.call(201, "POST", "/wallets", object{"name": marked, "type": "checking", "currency": "EUR", "openingBalance": markedAmount})["id"]
	w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": markedAmount, "type": "expense", "category": "other", "description": marked, "tags": []string{marked}})
	w.call(201, "POST", "/categories", object{"name": marked, "kind": "expense"})
	subscription := browser(t, 1)
	subscription["endpoint"] = "https://push.example.org/" + marked
	w.call(201, "POST", "/preferences/push", subscription)
	w.call(202, "POST", "/auth/password/reset-request", object{"email": marked + "@example.org"})
	for _, letter := range w.mailed(marked + "@example.org") {
		require.NotContains(t, kept.String(), secretOf(letter))
	}
	require.NotContains(t, kept.String(), w.token)
	statuses := w.sayEverywhere()
	t.Logf("answers by status: %v", statuses)
	require.Greater(t, statuses[401]+statuses[422], 100)
	for _, method := range []string{"TOPSECRET7Q", http.MethodTrace} {
		w.ask(method, "/wallets", nil)
		w.ask(method, "/"+marked, nil)
	}
	require.Greater(t, strings.Count(kept.String(), "\n"), 500, "all of it is logged")
	kept.withoutSecrets(t)
}

func TestNoLogHoldsSecretsWhileTheDatabaseIsAway(t *testing.T) {
	w, kept := recorded(t)
	w.join()
	w.pool.Close()
	statuses := w.sayEverywhere()
	require.Positive(t, statuses[500]+statuses[503], statuses)
	require.Contains(t, kept.String(), "request failed")
	kept.withoutSecrets(t)
}

func TestAPanicIsLoggedByItsPlaceAndNotByWhatItSays(t *testing.T) {
	for name, c := range map[string]struct {
		defect func()
		logged string
	}{
		"a text":             {func() { panic("cannot handle " + marked) }, "a string"},
		"an error":           {func() { panic(errors.New(marked)) }, "errorString"},
		"one of the runtime": {func() { var none []int; _ = none[len(marked)] }, "index out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			w, kept := recorded(t)
			router := chi.NewRouter()
			router.Use(w.api.observed)
			router.Get("/*", func(http.ResponseWriter, *http.Request) { c.defect() })
			answer := httptest.NewRecorder()
			router.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/"+marked+"?token="+marked, nil))
			require.Equal(t, 500, answer.Code)
			require.NotContains(t, answer.Body.String(), marked)
			require.Contains(t, kept.String(), "redaction_test.go", "where it happened")
			require.Contains(t, kept.String(), c.logged)
			kept.withoutSecrets(t)
		})
	}
}

// What stands in an address is in the logs of whatever a request passes. Parameters are
// words, ids and times therefore, and of those that let somebody do something only such as
// others demand in an address.
func TestNoAddressHoldsWhatLetsSomebodyIn(t *testing.T) {
	demanded := map[string]string{
		"finishOIDC code":       "OpenID Connect has it there; it is good once, with the verifier that the browser's cookie holds",
		"showUnsubscribe token": "RFC 8058 has it there; it ends e-mail and nothing else",
		"unsubscribe token":     "as well",
	}
	w := newWorld(t)
	met := map[string]bool{}
	for _, o := range w.operations() {
		for name := range o.Query {
			if regexp.MustCompile(`(?i)token|secret|password|code|endpoint|key|email`).MatchString(name) {
				require.Contains(t, demanded, o.ID+" "+name, "%s: have it in the body", o.Path)
				met[o.ID+" "+name] = true
			}
		}
	}
	require.Len(t, met, len(demanded), "some are no parameters any more")
}
