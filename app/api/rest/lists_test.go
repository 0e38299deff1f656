//go:build integration

package rest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/limits"
)

// many inserts things of a resource for a user, by SQL.
var many = map[string]string{
	"listWallets": `INSERT INTO wallets (id, user_id, name, type, currency, opening_balance, created_at, updated_at)
		SELECT gen_random_uuid(), $1, 'w' || n, 'cash', 'EUR', 0, now(), now() FROM generate_series(1, $2::int) n`,
	"listCategories": `INSERT INTO categories (id, user_id, slug, name, kind, created_at, updated_at)
		SELECT gen_random_uuid(), $1, 'c-' || n, 'c ' || n, 'expense', now(), now() FROM generate_series(1, $2::int) n`,
	"listGoals": `INSERT INTO goals (id, user_id, name, target, saved, currency, status, created_at, updated_at)
		SELECT gen_random_uuid(), $1, 'g' || n, 100, 0, 'EUR', 'active', now(), now() FROM generate_series(1, $2::int) n`,
	"listBudgets": `INSERT INTO budgets (id, user_id, category, amount, currency, month, threshold, rollover, created_at, updated_at)
		SELECT gen_random_uuid(), $1, 'groceries', 100, 'EUR', ('1990-01-01'::date + make_interval(months => n))::date, 80, false, now(), now() FROM generate_series(1, $2::int) n`,
}

// fixed are lists of what is the same for everybody.
var fixed = map[string]bool{"listCurrencies": true}

// few are lists of what nobody can have more of than an answer holds: the next one is refused
// (TestMostAssistants).
var few = map[string]bool{"listAssistants": true}

// Every list is read to its end page by page, or says that it is cut.
func TestNoListIsCutInSilence(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	b := w.owns()
	user := w.me()
	lists := 0
	for _, o := range w.operations() {
		if o.Method != "GET" || !strings.HasPrefix(o.ID, "list") || fixed[o.ID] || few[o.ID] {
			continue
		}
		lists++
		t.Run(o.ID, func(t *testing.T) {
			resource := strings.Split(strings.Trim(o.Path, "/"), "/")[0]
			path := o.Path
			if strings.Contains(path, "{id}") {
				id := b.of(resource)["id"]
				path = strings.ReplaceAll(path, "{id}", id)
				for range 3 {
					w.call(201, "POST", path, object{"amount": "1"})
				}
			}
			if insert, is := many[o.ID]; is {
				require.NotContains(t, w.call(200, "GET", path, nil), "truncated")
				_, err := w.pool.Exec(t.Context(), insert, user, limits.MaxOwned+1)
				require.NoError(t, err)
				answer := w.call(200, "GET", path, nil)
				require.Len(t, answer["items"], limits.MaxOwned)
				require.Equal(t, true, answer["truncated"])
				return
			}
			require.True(t, o.Query["limit"] && o.Query["cursor"], "a list that grows must page: say above how to fill it, if it is cut and says so")
			if path == o.Path {
				for range 4 {
					b.of(resource)
				}
			}
			seen := map[string]bool{}
			for cursor, pages := "", 0; ; pages++ {
				require.Less(t, pages, 100)
				page := w.call(200, "GET", path+"?limit=1"+cursor, nil)
				items := page["items"].([]any)
				require.LessOrEqual(t, len(items), 1)
				for _, one := range items {
					key := fmt.Sprint(one)
					require.False(t, seen[key], "twice: %s", key)
					seen[key] = true
				}
				if page["nextCursor"] == nil {
					break
				}
				cursor = "&cursor=" + page["nextCursor"].(string)
			}
			require.GreaterOrEqual(t, len(seen), 4, "%v", seen)
		})
	}
	require.GreaterOrEqual(t, lists, 10)
}

func TestNobodyHasMoreThanAListHolds(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	for id, body := range map[string]object{
		"listWallets": {"name": "one more", "type": "cash", "currency": "EUR"}, "listCategories": {"name": "one more", "kind": "expense"},
		"listGoals": {"name": "one more", "target": "1", "currency": "EUR"},
	} {
		path := "/" + strings.ToLower(strings.TrimPrefix(id, "list"))
		w.call(201, "POST", path, body)
		_, err := w.pool.Exec(t.Context(), many[id], w.me(), limits.MaxOwned)
		require.NoError(t, err)
		body["name"] = "and another"
		require.Contains(t, w.call(409, "POST", path, body)["detail"], "no more can be kept")
	}
}
