//go:build integration

package rest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// ofOneself are requests that change what is the caller's without naming a thing:
// each succeeds, and would show if it reached further. What it names otherwise
// (wallets, rates) is the owner's.
func ofOneself(b *belongings) map[string]any {
	return map[string]any{
		"changePassword": object{"currentPassword": password, "newPassword": password + "2"},
		"copyBudgets":    object{"from": "2020-01", "to": "2020-02"},
		"createBudget":   object{"category": "groceries", "amount": "1", "currency": "EUR", "month": "2020-01"},
		"createCategory": object{"name": secret, "kind": "expense"},
		"createGoal":     object{"name": secret, "target": "1", "currency": "EUR"},
		"createImport": object{"walletId": b.wallet, "fileName": "theirs", "format": "csv",
			"file": []byte("date,amount,description\n2026-01-01,-12.50,theirs\n")},
		"createTask":      object{"title": "theirs"},
		"createWallet":    object{"name": secret, "type": "cash", "currency": "EUR"},
		"deleteAccount":   object{"password": password},
		"editMe":          object{"name": "theirs"},
		"importRates":     object{"file": []byte("date,base,quote,rate\n2020-01-01,USD,EUR,2\n")},
		"postTransaction": object{"walletId": b.wallet, "amount": "1", "type": "expense", "category": "groceries"},
		"putPreferences":  object{"timezone": "Asia/Tokyo", "channels": []string{"email"}, "digest": "daily", "mutedTypes": []string{"savings_tip"}, "phrasing": true},
		"putRate":         object{"base": "USD", "quote": "EUR", "date": "2020-01-08", "rate": "2"},
		"subscribePush":   browser(b.t, 1),
		"unsubscribePush": object{"endpoint": "https://push.example.com/send/1"},
	}
}

// rowsOf is every row that is a user's, in every table that says whose its rows are.
func (w *world) rowsOf(user uuid.UUID) string {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT table_name::text FROM information_schema.columns
		WHERE table_schema = current_schema() AND column_name = 'user_id' ORDER BY 1`)
	require.NoError(w.t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(w.t, err)
	require.Greater(w.t, len(tables), 10)
	var all strings.Builder
	for table, column := range owners(tables) {
		var text string
		require.NoError(w.t, w.pool.QueryRow(w.t.Context(), fmt.Sprintf(
			"SELECT coalesce(string_agg(to_jsonb(x)::text, E'\\n' ORDER BY to_jsonb(x)::text), '') FROM %s x WHERE x.%s = $1",
			pgx.Identifier{table}.Sanitize(), column), user).Scan(&text))
		all.WriteString(table + "\n" + text + "\n")
	}
	return all.String()
}

// owners yields each table with the column that says whose a row is.
func owners(tables []string) func(func(table, column string) bool) {
	return func(yield func(string, string) bool) {
		if !yield("users", "id") {
			return
		}
		for _, table := range tables {
			if !yield(table, "user_id") {
				return
			}
		}
	}
}

// Whatever somebody does, what is another's stays as it is: for every operation
// that changes something, also those that name nothing.
func TestNothingThatSomebodyDoesChangesWhatIsAnothers(t *testing.T) {
	w := newWorld(t)
	owner := w.newcomer()
	token, user := owner.token, w.me()
	b := w.owns()
	named := map[string]map[string]string{}
	for _, resource := range resources {
		named[resource] = b.of(resource)
	}
	w.call(201, "POST", "/preferences/push", browser(t, 1))
	own := ofOneself(b)
	before := w.rowsOf(user)
	require.Contains(t, before, secret)
	changing := 0
	for _, o := range w.operations() {
		if o.Method == "GET" || !o.Owned {
			continue
		}
		changing++
		path := o.Path + queries[o.ID]
		for name, value := range named[strings.Split(strings.Trim(o.Path, "/"), "/")[0]] {
			path = strings.ReplaceAll(path, "{"+name+"}", value)
		}
		body := bodies[o.ID]
		if its, is := own[o.ID]; is {
			body = its
		}
		stranger := w.newcomer().token
		answer := w.as(stranger, o, path, body)
		require.Less(t, answer.Code, 500, "%s: %s", o.ID, answer.Body)
		require.Equal(t, before, w.rowsOf(user), "%s %s of a stranger's", o.Method, o.Path)
	}
	require.Greater(t, changing, 40)
	w.token = token
	w.call(200, "GET", "/auth/me", nil)
}
