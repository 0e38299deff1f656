//go:build integration

package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/store/db"
)

// restricted is a world whose backend has the rights that it has in production:
// those of a role that row level security holds back.
func restricted(t *testing.T) *world {
	t.Helper()
	return worldOn(t, pgtest.AsService(t, event.Backend))
}

// declared is an operation as the OpenAPI document has it.
type declared struct {
	ID, Method, Path string // the path below /api/v1
	Owned            bool   // needs a caller
	Streamed         bool   // never ends by itself
	Query            map[string]bool
}

// operations reads every operation out of the document, so that a new one is
// covered by the tests below without further ado.
func (w *world) operations() []declared {
	w.t.Helper()
	raw, err := w.api.Document()
	require.NoError(w.t, err)
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string
			Security    []any
			Parameters  []struct{ Name, In string }
			Responses   map[string]struct{ Content map[string]any }
		}
	}
	require.NoError(w.t, json.Unmarshal(raw, &document))
	var found []declared
	for path, methods := range document.Paths {
		for method, its := range methods {
			_, streamed := its.Responses["200"].Content["text/event-stream"]
			query := map[string]bool{}
			for _, parameter := range its.Parameters {
				if parameter.In == "query" {
					query[parameter.Name] = true
				}
			}
			found = append(found, declared{
				ID: its.OperationID, Method: strings.ToUpper(method), Path: strings.TrimPrefix(path, base), Owned: len(its.Security) > 0, Streamed: streamed, Query: query,
			})
		}
	}
	require.Greater(w.t, len(found), 50)
	slices.SortFunc(found, func(a, b declared) int { return strings.Compare(a.ID, b.ID) })
	return found
}

// What is the owner's, and nobody else may find in an answer.
const (
	secret     = "Zebra"
	secretRate = "1.234567"
)

// belongings makes things of the caller's.
type belongings struct {
	*world
	wallet string
	n      int
	ids    []string
}

// owns has the caller begin to have things.
func (w *world) owns() *belongings {
	w.t.Helper()
	b := &belongings{world: w}
	b.wallet = b.of("wallets")["id"]
	return b
}

// of makes a thing of a resource (the first part of a path), and says how paths
// name it.
func (b *belongings) of(resource string) map[string]string {
	b.t.Helper()
	b.n++
	name := fmt.Sprint(secret, " ", b.n)
	create := func(path string, body object) map[string]string {
		made := b.call(201, "POST", path, body)
		return map[string]string{"id": made["id"].(string)}
	}
	var its map[string]string
	switch resource {
	case "wallets":
		its = create("/wallets", object{"name": name, "type": "cash", "currency": "EUR"})
	case "categories":
		its = create("/categories", object{"name": name, "kind": "expense"})
	case "transactions":
		its = create("/transactions", object{"walletId": b.wallet, "amount": "1", "type": "expense", "category": "groceries", "description": name})
	case "transfers":
		side := func(wallet, kind, category string) string {
			return b.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "7", "type": kind, "category": category, "description": name})["id"].(string)
		}
		out, in := side(b.wallet, "expense", "groceries"), side(b.of("wallets")["id"], "income", "salary")
		b.call(200, "POST", "/transfers/accept", object{"outId": out, "inId": in})
		its = map[string]string{"id": out}
	case "budgets":
		month := time.Date(2020, time.Month(b.n), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
		its = create("/budgets", object{"category": "groceries", "amount": "400", "currency": "EUR", "month": month})
	case "goals":
		its = create("/goals", object{"name": name, "target": "100", "currency": "EUR"})
		b.call(201, "POST", "/goals/"+its["id"]+"/contributions", object{"amount": "5", "note": name})
	case "tasks":
		its = create("/tasks", object{"title": name, "remindAt": time.Now().Add(time.Hour)})
	case "imports":
		its = create("/imports", object{"walletId": b.wallet, "fileName": name, "format": "csv", "probable": "import",
			"file": fmt.Appendf(nil, "date,amount,description\n2026-01-%02d,-12.50,%s\n", 1+b.n%28, name)})
	case "rates":
		date := time.Date(2020, 1, b.n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		b.call(200, "PUT", "/rates", object{"base": "USD", "quote": "EUR", "date": date, "rate": secretRate})
		its = map[string]string{"base": "USD", "quote": "EUR", "date": date}
	case "insights":
		data := event.InsightGenerated{InsightID: tracing.NewID(), UserID: b.me(), InsightType: event.SavingsTip, Title: name, Message: "m", Confidence: 1}
		b.told(event.TypeInsightGenerated, data)
		its = map[string]string{"id": data.InsightID.String()}
	case "alerts":
		data := event.AlertSent{AlertID: tracing.NewID(), UserID: b.me(), Channel: "in_app", SourceEvent: event.TypeInsightGenerated,
			SourceEventID: tracing.NewID(), DeliveredAt: time.Now().UTC(), Status: "delivered", Title: name, Message: "m"}
		b.told(event.TypeAlertSent, data)
		its = map[string]string{"id": data.AlertID.String()}
	case "assistants":
		p := b.program(name, callback)
		p.code("read") // one that is not used yet
		p.in("read")
		its = map[string]string{"id": items(b.call(200, "GET", "/assistants", nil))[0].(object)["id"].(string)}
	default:
		require.Failf(b.t, "what is a thing of "+resource+"?", "say above how to make one, so that it can be tested that it is nobody else's")
	}
	if id := its["id"]; id != "" {
		b.ids = append(b.ids, id)
	}
	return its
}

// resources are all that things can be made of.
var resources = []string{"wallets", "categories", "transactions", "budgets", "goals", "tasks", "imports", "rates", "insights", "alerts", "transfers", "assistants"}

// bodies are requests that would succeed, were the thing the caller's.
var bodies = map[string]any{
	"editWallet":      object{"name": "mine now"},
	"renameCategory":  object{"name": "mine now"},
	"editTransaction": object{"description": "mine now"},
	"editBudget":      object{"amount": "1"},
	"editGoal":        object{"name": "mine now"},
	"contribute":      object{"amount": "1"},
	"editTask":        object{"title": "mine now"},
	"dismissInsight":  object{},
}

// queries are what some cannot do without; what they name may be the owner's, and
// not be there for a stranger (422).
var queries = map[string]string{
	"convert": "?amount=1&from=USD&to=EUR&date=2026-01-01",
}

// as asks for somebody.
func (w *world) as(token string, o declared, path string, body any) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.ask(o.Method, path, body, "Authorization", "Bearer "+token)
}

func TestNobodyGetsInWithoutAToken(t *testing.T) {
	w := newWorld(t)
	owned := 0
	for _, o := range w.operations() {
		if !o.Owned {
			require.Contains(t, []string{"register", "login", "refresh", "logout", "beginOIDC", "finishOIDC", "confirmOIDC", "listCurrencies",
				"showConfirmation", "confirmAddress", "showReset", "requestReset", "resetPassword", "showUnsubscribe", "unsubscribe"}, o.ID,
				"is %s %s really for everybody?", o.Method, o.Path)
			continue
		}
		owned++
		path := strings.NewReplacer("{id}", uuid.NewString(), "{base}", "USD", "{quote}", "EUR", "{date}", "2026-01-01").Replace(o.Path)
		require.NotContains(t, path, "{")
		for _, headers := range [][]string{nil, {"Authorization", "Bearer made up"}, {"Authorization", "Basic YTpi"}} {
			answer := w.ask(o.Method, path, bodies[o.ID], headers...)
			require.Equal(t, 401, answer.Code, "%s %s: %s", o.Method, path, answer.Body)
			require.NotEmpty(t, answer.Header().Get("WWW-Authenticate"))
		}
	}
	require.Greater(t, owned, 40)
}

// walls are what keeps users apart: the queries by themselves (row level security
// does not hold a superuser back), and both, as in production.
var walls = map[string]func(*testing.T) *world{"the queries": newWorld, "the queries and row level security": restricted}

func TestWhatIsAnothersIsNotThere(t *testing.T) {
	for name, world := range walls {
		t.Run(name, func(t *testing.T) { othersThings(t, world(t)) })
	}
}

func othersThings(t *testing.T, w *world) {
	stranger := w.newcomer().token
	owner := w.newcomer().token
	b := w.owns()
	tried := map[string]bool{}
	for _, o := range w.operations() {
		if !strings.Contains(o.Path, "{") {
			continue
		}
		resource := strings.Split(strings.Trim(o.Path, "/"), "/")[0]
		tried[resource] = true
		path := o.Path
		for name, value := range b.of(resource) {
			path = strings.ReplaceAll(path, "{"+name+"}", value)
		}
		require.NotContains(t, path, "{", "%s: a thing of %s has no such name", o.ID, resource)
		answer := w.as(stranger, o, path, bodies[o.ID])
		require.Equal(t, 404, answer.Code, "%s %s, a stranger (does it need a body? see bodies): %s", o.Method, o.Path, answer.Body)
		require.NotContains(t, answer.Body.String(), secret)
		answer = w.as(owner, o, path, bodies[o.ID])
		require.True(t, answer.Code < 300 || answer.Code == 409, "%s %s, its owner: %d %s", o.Method, o.Path, answer.Code, answer.Body)
	}
	require.Equal(t, slices.Sorted(slices.Values(resources)), slices.Sorted(maps.Keys(tried)))
}

func TestListsShowNothingOfOthers(t *testing.T) {
	for name, world := range walls {
		t.Run(name, func(t *testing.T) { othersLists(t, world(t)) })
	}
}

func othersLists(t *testing.T, w *world) {
	stranger := w.newcomer().token
	owner := w.newcomer().token
	b := w.owns()
	for _, resource := range resources {
		b.of(resource)
	}
	marks := append([]string{secret, secretRate}, b.ids...)
	for _, o := range w.operations() {
		if o.Method != "GET" || !o.Owned || o.Streamed || strings.Contains(o.Path, "{") {
			continue
		}
		path := o.Path + queries[o.ID]
		answer := w.as(stranger, o, path, nil)
		if queries[o.ID] == "" || answer.Code != 422 {
			require.Contains(t, []int{200, 404}, answer.Code, "%s (does it need a query? see queries): %s", o.Path, answer.Body)
		}
		for _, mark := range marks {
			require.NotContains(t, answer.Body.String(), mark, "%s", o.Path)
		}
		answer = w.as(owner, o, path, nil)
		require.Equal(t, 200, answer.Code, "%s: %s", o.Path, answer.Body)
		if strings.HasPrefix(o.ID, "list") {
			require.True(t, slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(answer.Body.String(), mark) }),
				"%s shows its owner nothing of theirs: %s", o.Path, answer.Body)
		}
	}
}

// leaves has the caller leave something in the tables that no request fills at will.
func (w *world) leaves() {
	w.t.Helper()
	w.call(201, "POST", "/wallets", object{"name": "once", "type": "cash", "currency": "EUR"}, "Idempotency-Key", uuid.NewString())
	user := w.me()
	require.NoError(w.t, db.AsUser(w.t.Context(), w.pool, user, func(tx pgx.Tx) error {
		_, err := tx.Exec(w.t.Context(), "INSERT INTO identities VALUES ('https://id.example.org', $1::uuid::text, $1, now())", user)
		require.NoError(w.t, err)
		_, err = tx.Exec(w.t.Context(), "INSERT INTO one_time_tokens VALUES (uuid_send($1), $1, 'reset_password', now() + interval '1 hour')", user)
		require.NoError(w.t, err)
		_, err = tx.Exec(w.t.Context(), "INSERT INTO mail_requests VALUES (gen_random_uuid(), $1, 'a@example.org', 'confirm_address', now())", user)
		return err
	}))
}

// Every table that says whose its rows are is behind the second wall.
func TestEveryTableOfUsersHasRowLevelSecurity(t *testing.T) {
	w := newWorld(t)
	rows, err := w.pool.Query(t.Context(), `SELECT c.relname::text, c.relrowsecurity, c.relforcerowsecurity,
			(SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'own' AND p.polpermissive
				AND pg_get_expr(p.polqual, p.polrelid) LIKE '%user_id = %app.user_id%')
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped
		WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace`)
	require.NoError(t, err)
	defer rows.Close()
	tables := 0
	for rows.Next() {
		var name string
		var enabled, forced bool
		var policies int
		require.NoError(t, rows.Scan(&name, &enabled, &forced, &policies))
		require.True(t, enabled, "%s: ENABLE ROW LEVEL SECURITY", name)
		require.True(t, forced, "%s: FORCE ROW LEVEL SECURITY", name)
		require.Equal(t, 1, policies, "%s: CREATE POLICY own", name)
		tables++
	}
	require.NoError(t, rows.Err())
	require.Greater(t, tables, 18)
}

// beyondTheWall are the tables that row level security does not cover, with the reason. A
// table that is new is behind the wall, or says here why it cannot be.
var beyondTheWall = map[string]string{
	"users":            "is found by an address before it is known who asks; package account alone asks, by an address or an id",
	"refresh_tokens":   "is found by the hash of a secret before it is known who asks; it holds hashes, and its session is behind the wall",
	"oauth_clients":    "is found before it is known who asks; it holds what programs say of themselves, and nobody's own",
	"throttles":        "holds hashes of what is counted",
	"ended_sessions":   "holds ids of sessions that nobody has any more, which every replica reads",
	"outbox":           "is published for everybody by one replica",
	"inbox":            "holds ids of events",
	"goose_db_version": "holds numbers of migrations",
}

// Whatever a table's columns are called, a person's data in it is behind the second wall.
func TestATableIsBehindTheWallOrSaysWhyNot(t *testing.T) {
	w := newWorld(t)
	rows, err := w.pool.Query(t.Context(), `SELECT c.relname::text FROM pg_class c
		WHERE c.relkind IN ('r', 'p', 'm') AND c.relnamespace = current_schema()::regnamespace
			AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'own'))`)
	require.NoError(t, err)
	open, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.ElementsMatch(t, slices.Collect(maps.Keys(beyondTheWall)), open, "a table that is open: ENABLE and FORCE ROW LEVEL SECURITY and CREATE POLICY own, or a reason above")
}

// A view shows what its owner may see, who is the migrator: it would lead around the wall.
func TestNoViewLeadsAroundTheWall(t *testing.T) {
	w := newWorld(t)
	var views, functions int
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_class c WHERE c.relkind = 'v' AND c.relnamespace = current_schema()::regnamespace
		AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)`).Scan(&views))
	require.Zero(t, views, "CREATE VIEW ... WITH (security_invoker = true)")
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_proc WHERE prosecdef AND pronamespace = current_schema()::regnamespace`).Scan(&functions))
	require.Zero(t, functions, "a function with the rights of its owner")
}

func TestRowLevelSecurityIsASecondWall(t *testing.T) {
	w := restricted(t)
	w.newcomer()
	user := w.me()
	w.call(201, "POST", "/demo", nil)
	b := w.owns()
	for _, resource := range resources {
		b.of(resource)
	}
	w.call(201, "POST", "/preferences/push", browser(t, 1))
	w.leaves()
	w.leavesOut()

	rows, err := w.pool.Query(t.Context(), `SELECT table_name::text FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
		WHERE column_name = 'user_id' AND table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Greater(t, len(tables), 15)
	count := func(tx pgx.Tx, table string) (n int) {
		require.NoError(t, tx.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
		return n
	}
	for _, table := range tables {
		stranger := uuid.New()
		require.NoError(t, db.AsUser(t.Context(), w.pool, user, func(tx pgx.Tx) error {
			require.NotZero(t, count(tx, table), "%s: have the owner own something of it, above", table)
			return nil
		}))
		require.NoError(t, db.AsUser(t.Context(), w.pool, stranger, func(tx pgx.Tx) error {
			require.Zero(t, count(tx, table), "%s: all of it is found by a query that does not ask for its user", table)
			removed, err := tx.Exec(t.Context(), "DELETE FROM "+table)
			require.NoError(t, err)
			require.Zero(t, removed.RowsAffected(), table)
			return nil
		}))
		require.NoError(t, db.InTx(t.Context(), w.pool, func(tx pgx.Tx) error {
			require.Zero(t, count(tx, table), "%s: nobody has it", table)
			return nil
		}))
		err := db.AsUser(t.Context(), w.pool, user, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), "UPDATE "+table+" SET user_id = $1", stranger)
			return err
		})
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, "%s: given to another", table)
		require.Equal(t, "42501", refused.Code, "%s: %s", table, refused.Message)
	}
}

func TestNothingRefersToAnothersWallet(t *testing.T) {
	w := newWorld(t) // as the superuser, whom row level security does not hold back
	w.newcomer()
	foreign := w.owns().wallet
	w.newcomer()
	its := w.owns().of("transactions")["id"]
	for _, column := range []string{"wallet_id", "to_wallet_id"} {
		_, err := w.pool.Exec(t.Context(), "UPDATE transactions SET type = 'transfer', "+column+" = $1 WHERE id = $2", foreign, its)
		require.True(t, db.Orphan(err, column), "%s: %v", column, err)
	}
}
