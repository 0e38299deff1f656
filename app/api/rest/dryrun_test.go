//go:build integration

package rest

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// everyRow is every row of every table, whoever's it is.
func (w *world) everyRow() string {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT table_name::text, query_to_xml(format('SELECT * FROM %I t ORDER BY t::text', table_name), true, true, '')::text
		FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1`)
	require.NoError(w.t, err)
	defer rows.Close()
	var all strings.Builder
	for rows.Next() {
		var table, content string
		require.NoError(w.t, rows.Scan(&table, &content))
		all.WriteString(table + content)
	}
	require.NoError(w.t, rows.Err())
	return all.String()
}

// stamps are what differs between two runs of the same change.
var stamps = regexp.MustCompile(`"(id|createdAt|updatedAt|doneAt|deletedAt|archivedAt|correlationId|timestamp|version|asOf|at)":("[^"]*"|[0-9]+)`)

func withoutStamps(body []byte) string { return stamps.ReplaceAllString(string(body), "") }

// Every change of the resources that take Dry-Run is rehearsed, succeeds, leaves
// every table as it was, and is then made with the same answer; every other
// operation refuses the header.
func TestEveryChangeCanBeRehearsedOrRefusesToBe(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	b := w.owns()
	dry := []string{dryRunHeader, "true", "Authorization", "Bearer " + w.token}
	done := map[string]string{
		"restoreWallet": "archiveWallet", "restoreCategory": "archiveCategory", "restoreTransaction": "deleteTransaction",
	}
	operations := map[string]declared{}
	for _, o := range w.operations() {
		operations[o.ID] = o
	}
	rehearsed := 0
	for _, id := range slices.Sorted(maps.Keys(operations)) {
		o := operations[id]
		resource := strings.Split(strings.Trim(o.Path, "/"), "/")[0]
		if o.Streamed || foreignQuery[o.ID] {
			continue
		}
		if o.Method == "GET" || !rehearsable[resource] {
			answer := w.ask(o.Method, filled(o.Path), bodies[o.ID], dry...)
			require.Equal(t, 422, answer.Code, "%s: %s", o.ID, answer.Body)
			require.Empty(t, answer.Header().Get(dryRunHeader))
			continue
		}
		rehearsed++
		path, before := o.Path, declared{}
		if strings.Contains(path, "{") {
			its := b.of(resource)["id"]
			path = strings.ReplaceAll(path, "{id}", its)
			if first, is := done[o.ID]; is {
				before = operations[first]
				require.Less(t, w.as(w.token, before, strings.ReplaceAll(before.Path, "{id}", its), nil).Code, 300)
			}
		}
		body := bodies[o.ID]
		if its, is := ofOneself(b)[o.ID]; is {
			body = its
		}
		if o.ID == "copyBudgets" {
			b.of("budgets")
			body = object{"from": "2020-01", "to": "2030-01"}
		}
		if o.ID == "createBudget" {
			body = object{"category": "groceries", "amount": "1", "currency": "EUR", "month": "2031-01"}
		}
		var once []string
		if strings.Contains(w.documentOf(o), "Idempotency-Key") {
			once = []string{"Idempotency-Key", uuid.NewString()}
		}
		rows := w.everyRow()
		tried := w.ask(o.Method, path, body, append(dry, once...)...)
		require.Less(t, tried.Code, 300, "%s: %s", o.ID, tried.Body)
		require.Equal(t, "true", tried.Header().Get(dryRunHeader))
		require.Equal(t, rows, w.everyRow(), "%s: a dry run leaves nothing", o.ID)
		made := w.ask(o.Method, path, body, append(dry[2:], once...)...)
		require.Equal(t, tried.Code, made.Code, "%s: %s", o.ID, made.Body)
		require.Empty(t, made.Header().Get(dryRunHeader))
		require.Empty(t, made.Header().Get("Idempotency-Replayed"), "%s: its key is not spent", o.ID)
		require.NotEqual(t, rows, w.everyRow(), "%s: this one counts", o.ID)
		require.Equal(t, withoutStamps(made.Body.Bytes()), withoutStamps(tried.Body.Bytes()), o.ID)
	}
	require.Greater(t, rehearsed, 20)
}

func (w *world) documentOf(o declared) string {
	w.t.Helper()
	raw, err := json.Marshal(w.document().Paths.Find(base + o.Path).GetOperation(o.Method).Parameters)
	require.NoError(w.t, err)
	return string(raw)
}

func TestADryRunIsAskedForInOneWay(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	spent := object{"walletId": wallet, "amount": "1", "type": "expense", "category": "groceries"}
	for _, value := range []string{"false", "1", "TRUE", ""} {
		answer := w.call(422, "POST", "/transactions", spent, dryRunHeader, value)
		require.Equal(t, "Dry-Run: must be true, once, or left out", answer["detail"])
	}
	require.Empty(t, w.call(200, "GET", "/transactions", nil)["items"])
	// What the change would be refused for, its rehearsal is.
	spent["category"] = "none-such"
	refused := w.call(422, "POST", "/transactions", spent)["detail"]
	require.Equal(t, refused, w.call(422, "POST", "/transactions", spent, dryRunHeader, "true")["detail"])
}
