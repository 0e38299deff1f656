//go:build integration

package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/store/db"
)

// everything has the caller own something of each kind.
func (w *world) everything() *belongings {
	w.t.Helper()
	w.call(201, "POST", "/demo", nil)
	b := w.owns()
	for _, resource := range resources {
		b.of(resource)
	}
	w.call(201, "POST", "/preferences/push", browser(w.t, 1))
	side := func(kind, category string) string {
		wallet := w.call(201, "POST", "/wallets", object{"name": "For one side: " + kind, "type": "cash", "currency": "EUR"})["id"]
		return text(w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "7", "type": kind, "category": category}), "id")
	}
	w.call(200, "POST", "/transfers/accept", object{"outId": side("expense", "other"), "inId": side("income", "other-income")})
	w.leavesOut()
	return b
}

// leavesOut has the user leave a line out of an import, and answer something about it.
func (w *world) leavesOut() {
	w.t.Helper()
	user := w.me()
	require.NoError(w.t, db.AsUser(w.t.Context(), w.pool, user, func(tx pgx.Tx) error {
		_, err := tx.Exec(w.t.Context(), `INSERT INTO import_skips (user_id, wallet_id, fingerprint, transaction_id, import_id)
			SELECT t.user_id, t.wallet_id, t.id::text, t.id, i.id FROM transactions t JOIN imports i USING (user_id) WHERE t.user_id = $1 LIMIT 1`, user)
		if err != nil {
			return err
		}
		_, err = tx.Exec(w.t.Context(), `INSERT INTO import_presets (user_id, wallet_id, format, header, answers, accounts, import_id, updated_at)
			SELECT user_id, wallet_id, 'csv', '', '{}', '[]', id, now() FROM imports WHERE user_id = $1 LIMIT 1`, user)
		return err
	}))
}

// tables are all that have a user's id, or a user.
func (w *world) tables() map[string]string {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT table_name::text FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
		WHERE column_name = 'user_id' AND table_schema = current_schema() AND table_type = 'BASE TABLE'`)
	require.NoError(w.t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(w.t, err)
	found := map[string]string{"users": "id"}
	for _, name := range names {
		found[name] = "user_id"
	}
	require.Greater(w.t, len(found), 15)
	return found
}

// rows counts what of a user's is in each table.
func (w *world) rows(user uuid.UUID) map[string]int {
	w.t.Helper()
	counts := map[string]int{}
	for table, column := range w.tables() {
		var n int
		require.NoError(w.t, w.pool.QueryRow(w.t.Context(), fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = $1", table, column), user).Scan(&n))
		counts[table] = n
	}
	return counts
}

func camelCase(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		words[i+1] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, "")
}

func TestTheExportIsEverything(t *testing.T) {
	w := restricted(t)
	w.newcomer()
	w.everything()
	l := w.newcomer()
	w.leaves()
	b := w.everything()
	answer := w.ask("GET", "/account/export", nil, "Authorization", "Bearer "+l.token)
	require.Equal(t, 200, answer.Code)
	require.Contains(t, answer.Header().Get("Content-Disposition"), ".json")
	var document map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &document))
	for _, id := range b.ids {
		require.Contains(t, answer.Body.String(), id)
	}
	require.Contains(t, string(document["user"]), l.email)
	require.NotContains(t, answer.Body.String(), "argon2id", "no secrets")

	// The role sees the rows of a table as their user only, so the counts do, too.
	for table := range w.tables() {
		if slices.Contains([]string{"users", "idempotency_keys", "reminders", "daily_sums", "wallet_balances", "one_time_tokens", "mail_requests", "oauth_codes"}, table) {
			continue // itself, what only repeats or adds up what is in others, and secrets that work once
		}
		var rows []map[string]any
		require.NoError(t, json.Unmarshal(document[camelCase(table)], &rows), "%s is not exported: add it to package export", table)
		require.NotEmpty(t, rows, table)
		tx, err := w.pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), "SELECT set_config('app.user_id', $1, true)", w.me().String())
		require.NoError(t, err)
		var n int
		require.NoError(t, tx.QueryRow(t.Context(), "SELECT count(*) FROM "+table+" WHERE user_id = $1", w.me()).Scan(&n))
		require.NoError(t, tx.Rollback(t.Context()))
		require.Len(t, rows, n, table)
	}
	var rates []map[string]any
	require.NoError(t, json.Unmarshal(document["rates"], &rates))
	require.Equal(t, secretRate, rates[0]["rate"])
	require.Equal(t, "2020-01-", rates[0]["day"].(string)[:8])
	var transactions []map[string]any
	require.NoError(t, json.Unmarshal(document["transactions"], &transactions))
	last := transactions[len(transactions)-1]
	require.Regexp(t, `^[0-9]+\.[0-9]{2}$`, last["amount"], "an amount is a decimal string")
	require.Regexp(t, `Z$`, last["occurredAt"])
	require.NoError(t, uuid.Validate(last["id"].(string)))
}

func TestTwoExportsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	write, err := w.api.Exports.Start(t.Context(), w.me())
	require.NoError(t, err)
	w.call(503, "GET", "/account/export", nil)
	var out strings.Builder
	require.NoError(t, write(t.Context(), &out))
	require.True(t, json.Valid([]byte(out.String())))
	w.call(200, "GET", "/account/export", nil)
}

func TestADeletedAccountLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	w.everything()
	other := w.me()
	others := w.rows(other)

	l := w.newcomer()
	b := w.everything()
	user := w.me()
	w.leaves()
	for table, n := range w.rows(user) {
		require.NotZero(t, n, table)
	}
	require.Equal(t, "password", w.call(422, "DELETE", "/account", object{"password": "wrong horse"})["errors"].([]any)[0].(object)["field"])
	w.call(422, "DELETE", "/account", nil)
	w.call(204, "DELETE", "/account", object{"password": password})

	nothingLeft := func() {
		t.Helper()
		for table, n := range w.rows(user) {
			require.Zero(t, n, table)
		}
	}
	nothingLeft()
	require.Equal(t, others, w.rows(other))
	deleted, keys := outbox[event.UserDeleted](w, event.TypeUserDeleted)
	require.Len(t, deleted, 1)
	require.Equal(t, user, deleted[0].UserID)
	require.Equal(t, []string{user.String()}, keys)
	w.keptOfCompactedTopicsIsWithout(user, secret, l.email, "push.example.com", "(demo)")

	// The access token goes on for a while, and is good for nothing.
	w.call(401, "GET", "/auth/me", nil)
	w.call(401, "POST", "/auth/refresh", object{"refreshToken": l.refresh})
	w.call(401, "POST", "/auth/login", object{"email": l.email, "password": password})
	w.call(401, "GET", "/account/export", nil)
	create := map[string]object{
		"/wallets":    {"name": "x", "type": "cash", "currency": "EUR"},
		"/categories": {"name": "x", "kind": "expense"},
		"/goals":      {"name": "x", "target": "1", "currency": "EUR"},
		"/tasks":      {"title": "x"},
	}
	for path, body := range create {
		w.call(401, "POST", path, body)
		w.call(401, "POST", path, body, "Idempotency-Key", uuid.NewString())
	}
	for _, o := range w.operations() {
		if !o.Owned || o.Streamed {
			continue
		}
		path := strings.NewReplacer("{id}", b.ids[0], "{base}", "USD", "{quote}", "EUR", "{date}", "2026-01-01").Replace(o.Path)
		answer := w.as(l.token, o, path+queries[o.ID], bodies[o.ID])
		require.Less(t, answer.Code, 500, "%s %s: %s", o.Method, path, answer.Body)
	}
	// What agents say meanwhile is handled, and leaves nothing.
	w.told(event.TypeInsightGenerated, event.InsightGenerated{InsightID: tracing.NewID(), UserID: user, InsightType: event.SavingsTip, Title: "x", Message: "m", Confidence: 1})
	w.told(event.TypeAlertSent, event.AlertSent{AlertID: tracing.NewID(), UserID: user, Channel: "in_app", SourceEvent: event.TypeInsightGenerated,
		SourceEventID: tracing.NewID(), DeliveredAt: deleted[0].DeletedAt, Status: "delivered"})
	nothingLeft()
	again, _ := outbox[event.UserDeleted](w, event.TypeUserDeleted)
	require.Len(t, again, 1)
	w.call(201, "POST", "/auth/register", object{"email": l.email, "password": password}) // the address is free
}

// keptOfCompactedTopicsIsWithout looks at what compacted topics would keep for
// good of a user: the last event of each key.
func (w *world) keptOfCompactedTopicsIsWithout(user uuid.UUID, words ...string) {
	w.t.Helper()
	checked := 0
	for _, topic := range event.Catalogue() {
		if !topic.Compacted {
			continue
		}
		rows, err := w.pool.Query(w.t.Context(), `SELECT DISTINCT ON (key) payload::text FROM outbox
			WHERE topic = $1 AND payload->'data'->>'userId' = $2 ORDER BY key, id DESC`, topic.Name, user.String())
		require.NoError(w.t, err)
		payloads, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(w.t, err)
		require.NotEmpty(w.t, payloads, topic.Name)
		for _, payload := range payloads {
			for _, word := range words {
				require.NotContains(w.t, payload, word, topic.Name)
			}
			checked++
		}
	}
	require.Greater(w.t, checked, 5)
}

// stubborn is a reader that has gone.
type stubborn struct{ *httptest.ResponseRecorder }

func (stubborn) Write([]byte) (int, error) { return 0, fmt.Errorf("the reader has gone") }

func TestAnExportThatBreaksOffDoesNotLookComplete(t *testing.T) {
	w := newWorld(t)
	l := w.newcomer()
	request := httptest.NewRequest("GET", base+"/account/export", nil)
	request.Header.Set("Authorization", "Bearer "+l.token)
	require.Panics(t, func() { w.handler.ServeHTTP(stubborn{httptest.NewRecorder()}, request) }, "net/http closes the connection then")
	w.call(200, "GET", "/account/export", nil) // and the next may begin
}

// stalled is a reader that takes nothing until it is released.
type stalled struct {
	taking, release chan struct{}
	once            sync.Once
	got             bytes.Buffer
}

func (s *stalled) Write(piece []byte) (int, error) {
	s.once.Do(func() { close(s.taking) })
	<-s.release
	return s.got.Write(piece)
}

func TestASlowReaderOfAnExportHoldsNeitherTheDatabaseNorTheOthers(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	slow := w.me()
	_, err := w.pool.Exec(t.Context(), `INSERT INTO tasks (id, user_id, title, notes, created_at, updated_at)
		SELECT gen_random_uuid(), $1, 'task ' || n, repeat('x', 500), now(), now() FROM generate_series(1, 5000) n`, slow)
	require.NoError(t, err)
	reader := &stalled{taking: make(chan struct{}), release: make(chan struct{})}
	write, err := w.api.Exports.Start(t.Context(), slow)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- write(t.Context(), reader) }()
	<-reader.taking
	require.Eventually(t, func() bool { return w.pool.Stat().AcquiredConns() == 0 }, 20*time.Second, 10*time.Millisecond,
		"the database is done though the reader has not begun")
	w.call(503, "GET", "/account/export", nil)
	for range 3 {
		w.newcomer()
		w.call(200, "GET", "/account/export", nil)
	}
	close(reader.release)
	require.NoError(t, <-done)
	var document map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(reader.got.Bytes(), &document))
	require.Contains(t, string(document["wallets"]), wallet)
	require.Equal(t, 5000, bytes.Count(document["tasks"], []byte(`"task `)))
}

func TestExportsAreBoundedInAll(t *testing.T) {
	w := newWorld(t)
	for range 4 {
		w.newcomer()
		write, err := w.api.Exports.Start(t.Context(), w.me())
		require.NoError(t, err)
		t.Cleanup(func() { _ = write(t.Context(), io.Discard) })
	}
	w.newcomer()
	w.call(503, "GET", "/account/export", nil)
}

func TestTheExportIsNamedByThePersonsDay(t *testing.T) {
	w := newWorld(t)
	l := w.newcomer()
	names := map[string]bool{}
	for _, zone := range []string{"Pacific/Kiritimati", "Pacific/Pago_Pago"} { // 25 hours apart: never on one day
		w.call(200, "PUT", "/preferences", object{"timezone": zone, "channels": []string{}, "digest": "off", "mutedTypes": []string{}, "phrasing": false})
		at, err := time.LoadLocation(zone)
		require.NoError(t, err)
		before := time.Now().In(at).Format(time.DateOnly)
		name := w.ask("GET", "/account/export", nil, "Authorization", "Bearer "+l.token).Header().Get("Content-Disposition")
		after := time.Now().In(at).Format(time.DateOnly)
		require.Contains(t, []string{before, after}, strings.TrimSuffix(strings.TrimPrefix(name, `attachment; filename="wealth-companion-`), `.json"`))
		names[name] = true
	}
	require.Len(t, names, 2)
}
