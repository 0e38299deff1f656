//go:build integration

package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// world is an API on a database of its own.
type world struct {
	t       *testing.T
	api     *API
	pool    *pgxpool.Pool
	handler http.Handler
	token   string
	routes  []string // as observed
}

func newWorld(t *testing.T) *world { return worldOn(t, pgtest.Pool(t, event.Backend)) }

// worldOn is a world on a database that has the backend's tables.
func worldOn(t *testing.T, pool *pgxpool.Pool) *world {
	w := &world{t: t, pool: pool}
	w.api = New(pool, event.Backend, []byte(strings.Repeat("k", 32)), slog.New(slog.DiscardHandler), func(_ context.Context, method, route string, status int, _ time.Duration) {
		w.routes = append(w.routes, fmt.Sprint(method, " ", route, " ", status))
	})
	w.api.PushKey = "a public key"
	w.handler = w.api.Handler()
	t.Cleanup(w.keptToTheDocument)
	return w
}

// keptToTheDocument compares the statuses of all answers with those that the
// OpenAPI document tells of, whatever the test was about.
func (w *world) keptToTheDocument() {
	w.t.Helper()
	raw, err := w.api.Document()
	require.NoError(w.t, err)
	var document struct {
		Paths map[string]map[string]struct{ Responses map[string]any }
	}
	require.NoError(w.t, json.Unmarshal(raw, &document))
	for _, line := range w.routes {
		its := strings.Fields(line) // method, route, status
		if methods, has := document.Paths[its[1]]; has {
			require.Contains(w.t, slices.Collect(maps.Keys(methods[strings.ToLower(its[0])].Responses)), its[2], "the document does not tell of this answer: %s", line)
		}
	}
}

// call sends a request and reads the answer, which must have the status.
func (w *world) call(status int, method, path string, body any, headers ...string) map[string]any {
	w.t.Helper()
	raw, is := body.(string)
	if !is && body != nil {
		encoded, err := json.Marshal(body)
		require.NoError(w.t, err)
		raw = string(encoded)
	}
	request := httptest.NewRequest(method, "/api/v1"+path, bytes.NewBufferString(raw))
	request.Header.Set("Content-Type", "application/json")
	if w.token != "" {
		request.Header.Set("Authorization", "Bearer "+w.token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, request)
	require.Equal(w.t, status, recorder.Code, "%s %s: %s", method, path, recorder.Body)
	require.NotEmpty(w.t, recorder.Header().Get("X-Correlation-Id"))
	var answer map[string]any
	if recorder.Body.Len() > 0 {
		require.NoError(w.t, json.Unmarshal(recorder.Body.Bytes(), &answer))
	}
	if status >= 400 {
		require.Equal(w.t, "application/problem+json", recorder.Header().Get("Content-Type"))
		require.EqualValues(w.t, status, answer["status"])
		require.NotEmpty(w.t, answer["detail"])
		require.Equal(w.t, recorder.Header().Get("X-Correlation-Id"), answer["correlationId"])
	}
	return answer
}

type object = map[string]any

// join registers a user and returns a wallet of theirs.
func (w *world) join() string {
	w.t.Helper()
	answer := w.call(201, "POST", "/auth/register", object{"email": uuid.NewString() + "@example.org", "password": "correct horse", "name": "Ada"})
	w.token = answer["token"].(string)
	return w.call(201, "POST", "/wallets", object{"name": "Main", "type": "checking", "currency": "EUR"})["id"].(string)
}

// outbox reads the events of a type that are to be published.
func outbox[T any](w *world, kind string) (found []T, keys []string) {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), "SELECT payload, key FROM outbox WHERE payload->>'type' = $1 ORDER BY id", kind)
	require.NoError(w.t, err)
	defer rows.Close()
	for rows.Next() {
		var e event.CloudEvent
		var key string
		require.NoError(w.t, rows.Scan(&e, &key))
		require.NoError(w.t, event.Check(e))
		data, err := event.Decode[T](e)
		require.NoError(w.t, err)
		found, keys = append(found, data), append(keys, key)
	}
	require.NoError(w.t, rows.Err())
	return found, keys
}

func TestATransactionAndItsEventAreOne(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	made := w.call(201, "POST", "/transactions", object{
		"walletId": wallet, "amount": "12.5", "type": "expense", "category": "groceries", "timestamp": "2026-11-03T23:30:00-05:00",
	})
	require.Equal(t, "12.50", made["amount"])
	require.Equal(t, "EUR", made["currency"])
	require.Equal(t, "2026-11-04T04:30:00Z", made["timestamp"])

	events, keys := outbox[event.TransactionCreated](w, event.TypeTransactionCreated)
	require.Len(t, events, 1)
	require.Equal(t, made["id"], events[0].TransactionID.String())
	require.Equal(t, "12.50", events[0].Amount)
	require.Equal(t, events[0].UserID.String(), keys[0], "a user's events stay in order")

	changed := w.call(200, "PATCH", "/transactions/"+made["id"].(string), object{"amount": "20.00", "category": "leisure"})
	require.Equal(t, "20.00", changed["amount"])
	w.call(200, "PATCH", "/transactions/"+made["id"].(string), object{"amount": "20.0"})
	updates, _ := outbox[event.TransactionUpdated](w, event.TypeTransactionUpdated)
	require.Len(t, updates, 1, "what changes nothing is not told")
	require.Equal(t, map[string]event.Change{"amount": {Before: "12.50", After: "20.00"}, "category": {Before: "groceries", After: "leisure"}}, updates[0].Changes)
}

func TestTheSameRequestTwiceIsOneTransaction(t *testing.T) {
	w := newWorld(t)
	request := object{"walletId": w.join(), "amount": "10.00", "type": "expense", "category": "groceries", "timestamp": "2026-11-03T12:00:00Z"}
	key := uuid.NewString()
	first := w.call(201, "POST", "/transactions", request, "Idempotency-Key", key)
	require.Equal(t, first["id"], w.call(201, "POST", "/transactions", request, "Idempotency-Key", key)["id"])
	other := object{"walletId": request["walletId"], "amount": "11.00", "type": "expense", "category": "groceries"}
	w.call(409, "POST", "/transactions", other, "Idempotency-Key", key)
	w.call(422, "POST", "/transactions", request, "Idempotency-Key", "once")

	// Many at the same moment.
	key = uuid.NewString()
	var wait sync.WaitGroup
	statuses := make([]int, 8)
	encoded, err := json.Marshal(request)
	require.NoError(t, err)
	for i := range statuses {
		wait.Go(func() {
			r := httptest.NewRequest("POST", "/api/v1/transactions", bytes.NewReader(encoded))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+w.token)
			r.Header.Set("Idempotency-Key", key)
			recorder := httptest.NewRecorder()
			quiet := *w.api
			quiet.Observe = func(context.Context, string, string, int, time.Duration) {}
			quiet.Handler().ServeHTTP(recorder, r)
			statuses[i] = recorder.Code
		})
	}
	wait.Wait()
	counts := map[int]int{}
	for _, status := range statuses {
		counts[status]++
	}
	require.Equal(t, map[int]int{201: 8}, counts)
	events, _ := outbox[event.TransactionCreated](w, event.TypeTransactionCreated)
	require.Len(t, events, 2)
}

func TestBudgets(t *testing.T) {
	w := newWorld(t)
	w.join()
	made := w.call(201, "POST", "/budgets", object{"category": "groceries", "amount": "400", "currency": "EUR", "month": "2026-11"})
	w.call(409, "POST", "/budgets", object{"category": "groceries", "amount": "500", "currency": "EUR", "month": "2026-11"})
	id := made["id"].(string)
	require.Equal(t, "450.00", w.call(200, "PUT", "/budgets/"+id, object{"amount": "450"})["amount"])
	w.call(204, "DELETE", "/budgets/"+id, nil)
	w.call(404, "DELETE", "/budgets/"+id, nil)
	require.Empty(t, w.call(200, "GET", "/budgets", nil)["items"])
	changes, keys := outbox[event.BudgetChanged](w, event.TypeBudgetChanged)
	require.Len(t, changes, 3)
	require.Equal(t, []string{id, id, id}, keys, "the topic is compacted by budget")
	require.Equal(t, "450.00", changes[1].Limit)
	require.True(t, changes[2].Deleted)
}

func TestNobodySeesAnothersThings(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	made := w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "1", "type": "income", "category": "salary"})
	limit := w.call(201, "POST", "/budgets", object{"category": "groceries", "amount": "4", "currency": "EUR", "month": "2026-11"})
	w.join()
	w.call(404, "GET", "/transactions/"+made["id"].(string), nil)
	w.call(404, "PATCH", "/transactions/"+made["id"].(string), object{"amount": "2"})
	w.call(404, "PUT", "/budgets/"+limit["id"].(string), object{"amount": "2"})
	w.call(422, "POST", "/transactions", object{"walletId": wallet, "amount": "1", "type": "income", "category": "salary"})
	require.Empty(t, w.call(200, "GET", "/transactions", nil)["items"])
}

func TestPages(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	want := map[string]bool{}
	for i := range 7 { // two at each time: the id decides then
		made := w.call(201, "POST", "/transactions", object{
			"walletId": wallet, "amount": "1", "type": "expense", "category": "other", "timestamp": fmt.Sprintf("2026-11-0%dT00:00:00Z", 1+i/2),
		})
		want[made["id"].(string)] = true
	}
	got, path, pages := map[string]bool{}, "/transactions?limit=3", 0
	for path != "" {
		list := w.call(200, "GET", path, nil)
		pages++
		for _, item := range list["items"].([]any) {
			got[item.(object)["id"].(string)] = true
		}
		path = ""
		if cursor, ok := list["nextCursor"].(string); ok {
			path = "/transactions?limit=3&cursor=" + cursor
		}
	}
	require.Equal(t, want, got)
	require.Equal(t, 3, pages)
}

func TestBadRequestsGetAnAnswer(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	good := func(change object) object {
		body := object{"walletId": wallet, "amount": "10.00", "type": "expense", "category": "groceries"}
		for key, value := range change {
			body[key] = value
		}
		return body
	}
	for name, c := range map[string]struct {
		status       int
		method, path string
		body         any
		field        string
	}{
		"an amount as a number":      {422, "POST", "/transactions", good(object{"amount": 10.5}), "amount"},
		"a negative amount":          {422, "POST", "/transactions", good(object{"amount": "-1"}), "amount"},
		"an amount of nothing":       {422, "POST", "/transactions", good(object{"amount": "0.00"}), "amount"},
		"too many places":            {422, "POST", "/transactions", good(object{"amount": "1.00001"}), "amount"},
		"an unknown kind":            {422, "POST", "/transactions", good(object{"type": "gift"}), "type"},
		"an unknown category":        {422, "POST", "/transactions", good(object{"category": "yachts"}), "category"},
		"an unknown wallet":          {422, "POST", "/transactions", good(object{"walletId": uuid.NewString()}), "walletId"},
		"a day in the far future":    {422, "POST", "/transactions", good(object{"timestamp": "2099-01-01T00:00:00Z"}), "timestamp"},
		"a misspelt field":           {422, "POST", "/transactions", good(object{"ammount": "1"}), "ammount"},
		"a wallet that is no id":     {422, "POST", "/transactions", good(object{"walletId": "mine"}), "walletId"},
		"not JSON":                   {400, "POST", "/transactions", "amount=1", ""},
		"two objects":                {400, "POST", "/wallets", `{"name":"a","type":"cash","currency":"EUR"}{}`, ""},
		"nothing at all":             {400, "POST", "/transactions", "", ""},
		"more than a request needs":  {413, "POST", "/wallets", `{"name":"` + strings.Repeat("a", 2<<20) + `"}`, ""},
		"an unknown sort of wallet":  {422, "POST", "/wallets", object{"name": "a", "type": "sock", "currency": "EUR"}, "type"},
		"an unknown currency":        {422, "POST", "/wallets", object{"name": "a", "type": "cash", "currency": "eur"}, "currency"},
		"a wallet of the same name":  {409, "POST", "/wallets", object{"name": "Main", "type": "cash", "currency": "EUR"}, ""},
		"a month that is none":       {422, "POST", "/budgets", object{"category": "other", "amount": "1", "currency": "EUR", "month": "2026-13"}, "month"},
		"a category of no letters":   {422, "POST", "/categories", object{"name": "!!!", "kind": "expense"}, "name"},
		"a category of a long name":  {422, "POST", "/categories", object{"name": strings.Repeat("x", 60), "kind": "expense"}, "name"},
		"a page of too many":         {422, "GET", "/transactions?limit=1000", nil, "limit"},
		"a page of not a number":     {422, "GET", "/insights?limit=all", nil, "limit"},
		"a made-up cursor":           {422, "GET", "/alerts?cursor=abc", nil, "cursor"},
		"a path that is none":        {404, "GET", "/yachts", nil, ""},
		"an id that is none":         {404, "GET", "/transactions/mine", nil, ""},
		"a method that is not there": {405, "DELETE", "/wallets", nil, ""},
		"a short password":           {422, "POST", "/auth/register", object{"email": "a@example.org", "password": "short"}, "password"},
		"a password nobody types":    {422, "POST", "/auth/register", object{"email": "a@example.org", "password": strings.Repeat("p", 201)}, "password"},
		"an address that is none":    {422, "POST", "/auth/register", object{"email": "ada", "password": "correct horse"}, "email"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			answer := w.call(c.status, c.method, c.path, c.body)
			if c.field == "" {
				return
			}
			first := answer["errors"].([]any)[0].(object)
			require.Equal(t, c.field, first["field"])
			require.NotEmpty(t, first["reason"])
		})
	}
	w.t = t
	w.call(415, "POST", "/wallets", "{}", "Content-Type", "text/plain")
	require.Contains(t, w.routes, "GET /api/v1/transactions/{id} 404", "metrics are by pattern")
	require.Contains(t, w.routes, "GET unknown 404")
	require.Empty(t, w.call(200, "GET", "/transactions", nil)["items"], "nothing is half done")
	events, _ := outbox[event.TransactionCreated](w, event.TypeTransactionCreated)
	require.Empty(t, events)
}

func TestTheDatabaseAway(t *testing.T) {
	w := newWorld(t)
	w.join()
	config := w.pool.Config()
	config.ConnConfig.Host = t.TempDir() // no server there
	away, err := pgxpool.NewWithConfig(context.Background(), config)
	require.NoError(t, err)
	defer away.Close()
	w.api.Ledger.Pool = away
	request := httptest.NewRequest("GET", "/api/v1/wallets", nil)
	request.Header.Set("Authorization", "Bearer "+w.token)
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, request)
	require.Equal(t, 503, recorder.Code, recorder.Body)
	require.Equal(t, "5", recorder.Header().Get("Retry-After"))
	require.NotContains(t, recorder.Body.String(), config.ConnConfig.Host, "the inside is not told")
}

func TestADefectIsAnAnswerToo(t *testing.T) {
	w := newWorld(t)
	w.join()
	w.api.Ledger.Pool = nil // any use panics
	answer := w.call(500, "GET", "/wallets", nil)
	require.NotContains(t, answer["detail"], "nil pointer")
}

func TestWhatAgentsSayIsTakenOnce(t *testing.T) {
	w := newWorld(t)
	w.join()
	user := uuid.MustParse(w.call(200, "GET", "/auth/me", nil)["id"].(string))
	say := func(kind string, data any) event.CloudEvent {
		e, err := event.New(t.Context(), event.Analytics, kind, "x", data)
		require.NoError(t, err)
		require.NoError(t, event.Check(e))
		return e
	}
	gone := time.Now().Add(-time.Hour).UTC()
	for i, e := range []event.CloudEvent{
		say(event.TypeInsightGenerated, event.InsightGenerated{InsightID: tracing.NewID(), UserID: user, InsightType: event.SavingsTip, Title: "now", Message: "m", Confidence: 1}),
		say(event.TypeInsightGenerated, event.InsightGenerated{InsightID: tracing.NewID(), UserID: user, InsightType: event.SavingsTip, Title: "old", Message: "m", Confidence: 1, ExpiresAt: &gone}),
	} {
		for try := range 2 {
			first, err := w.api.Insights.Take(t.Context(), e)
			require.NoError(t, err)
			require.Equal(t, try == 0, first, i)
		}
	}
	items := w.call(200, "GET", "/insights", nil)["items"].([]any)
	require.Len(t, items, 1, "what expired is not shown")
	require.Equal(t, "now", items[0].(object)["title"])

	sent := event.AlertSent{AlertID: tracing.NewID(), UserID: user, Channel: "in_app", SourceEvent: event.TypeInsightGenerated,
		SourceEventID: tracing.NewID(), DeliveredAt: time.Now().UTC(), Status: "pending"}
	for _, status := range []string{"pending", "delivered"} {
		sent.Status = status
		_, err := w.api.Alerts.Take(t.Context(), say(event.TypeAlertSent, sent))
		require.NoError(t, err)
	}
	alerts := w.call(200, "GET", "/alerts", nil)["items"].([]any)
	require.Len(t, alerts, 1)
	require.Equal(t, "delivered", alerts[0].(object)["status"])
}

func TestTheDocumentIsComplete(t *testing.T) {
	w := newWorld(t)
	document := w.call(200, "GET", "/openapi.json", nil)
	require.Equal(t, "3.1.0", document["openapi"])
	for path, methods := range document["paths"].(object) {
		for method, operation := range methods.(object) {
			its := operation.(object)
			require.NotEmpty(t, its["operationId"], "%s %s", method, path)
			require.NotEmpty(t, its["summary"], "%s %s", method, path)
			if empty, has := its["responses"].(object)["204"].(object); has {
				require.NotContains(t, empty, "content", "%s %s: an answer without a body has none of any type", method, path)
			}
		}
	}
}

func TestAnUpdateOfWhatSomebodyElseChangedIsRefused(t *testing.T) {
	w := newWorld(t)
	made := w.call(201, "POST", "/transactions", object{"walletId": w.join(), "amount": "12.50", "type": "expense", "category": "groceries"})
	path := "/transactions/" + made["id"].(string)
	tag := w.header(path).Get("ETag")
	require.NotEmpty(t, tag)
	w.call(200, "PATCH", path, object{"amount": "13.00"}, "If-Match", tag)
	w.call(412, "PATCH", path, object{"amount": "14.00"}, "If-Match", tag)
	require.Equal(t, "13.00", w.call(200, "GET", path, nil)["amount"])
	require.NotEqual(t, tag, w.header(path).Get("ETag"))
	require.Empty(t, w.header(path).Values("Idempotency-Replayed"))
}

// header reads what is said with an answer.
func (w *world) header(path string) http.Header {
	w.t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/api/v1"+path, nil)
	request.Header.Set("Authorization", "Bearer "+w.token)
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, request)
	require.Equal(w.t, 200, recorder.Code)
	return recorder.Header()
}

// shelf keeps answers in memory.
type shelf map[string][]byte

func (s shelf) Keep(_ context.Context, key string, answer []byte) { s[key] = answer }
func (s shelf) Find(_ context.Context, key string) (answer []byte, ok bool) {
	answer, ok = s[key]
	return
}

func TestWhatWasReadIsStillThereWhileTheDatabaseIsAway(t *testing.T) {
	w := newWorld(t)
	answers := shelf{}
	w.api.Cache = answers
	w.handler = w.api.Handler()
	w.join()
	before := w.call(200, "GET", "/wallets", nil)
	require.Empty(t, w.header("/wallets").Get("X-Data-As-Of"))
	config := w.pool.Config()
	config.ConnConfig.Host = t.TempDir() // no server there
	away, err := pgxpool.NewWithConfig(context.Background(), config)
	require.NoError(t, err)
	defer away.Close()
	w.api.Ledger.Pool = away
	require.Equal(t, before, w.call(200, "GET", "/wallets", nil))
	_, err = time.Parse(time.RFC3339, w.header("/wallets").Get("X-Data-As-Of"))
	require.NoError(t, err, "who reads it is told how old it is")
	w.call(503, "POST", "/wallets", object{"name": "Other", "type": "cash", "currency": "EUR"})
	w.call(503, "GET", "/categories", nil) // was never read
	good := maps.Clone(answers)
	for _, broken := range []string{`"of another release"`, `{"items": 1}`, `[]`} {
		for key, raw := range good {
			var it kept
			require.NoError(t, json.Unmarshal(raw, &it))
			it.Body = json.RawMessage(broken)
			answers[key], err = json.Marshal(it)
			require.NoError(t, err)
		}
		w.call(503, "GET", "/wallets", nil)
	}
	maps.Copy(answers, good)
	w.join2(t)
	w.call(503, "GET", "/wallets", nil) // another's answer is nobody else's
}

func TestWhatIsKeptOfAUserIsBounded(t *testing.T) {
	w := newWorld(t)
	kept := shelf{}
	w.api.Cache = kept
	w.handler = w.api.Handler()
	wallet := w.join()
	for _, text := range []string{strings.Repeat("x", 400), strings.Repeat("ü", 450)} {
		for range 150 {
			w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "1", "type": "expense", "category": "groceries", "description": text})
		}
	}
	for i := range 60 {
		for _, o := range w.operations() {
			if o.Method != "GET" || !o.Owned || o.Streamed || o.ID == "exportAccount" {
				continue
			}
			for _, query := range []string{"", fmt.Sprintf("?limit=%d", 1+i), fmt.Sprintf("?limit=200&q=x%d", i), fmt.Sprintf("?from=2026-11-%02d", 1+i%30), fmt.Sprintf("?made%d=up", i)} {
				w.as(w.token, o, filled(o.Path)+query, nil)
			}
		}
		if i == 0 {
			require.NotEmpty(t, kept)
		}
	}
	require.LessOrEqual(t, len(kept), 2*len(keptOperations))
	for key, answer := range kept {
		require.LessOrEqual(t, len(answer), maxKept+1000, key)
	}

	// What is kept answers what it was asked, not something else.
	w.call(200, "GET", "/transactions?limit=2", nil)
	config := w.pool.Config()
	config.ConnConfig.Host = t.TempDir() // no server there
	unavailable, err := pgxpool.NewWithConfig(context.Background(), config)
	require.NoError(t, err)
	defer unavailable.Close()
	w.api.Ledger.Pool = unavailable
	require.Len(t, w.call(200, "GET", "/transactions?limit=2", nil)["items"], 2)
	w.call(503, "GET", "/transactions?limit=3", nil)
}

// join2 makes another user, in a world whose ledger is away.
func (w *world) join2(t *testing.T) {
	t.Helper()
	pool := w.api.Ledger.Pool
	w.api.Ledger.Pool = w.pool
	defer func() { w.api.Ledger.Pool = pool }()
	w.join()
}
