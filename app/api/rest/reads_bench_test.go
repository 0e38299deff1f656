//go:build integration && bench

package rest

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/store/db"
)

// Of what is read the 95th percentile shall be at most fastEnough, and not grow with the
// history: ten times as many transactions cost at most flat times as much, or no more
// than noise besides.
const (
	fastEnough = 50 * time.Millisecond
	flat       = 2
	noise      = 5 * time.Millisecond
	repeats    = 100
	// deep is the page of deepPaths that is compared with the first; both histories have it.
	deep = 50
)

// deepPaths are read from a page far behind the first, which shall cost no more than it.
var deepPaths = []string{"/transactions?limit=100", "/transactions?q=shop&limit=100", "/transactions?q=nowhere"}

// past gives the caller many transactions over five years, most of them of a few
// categories, in two currencies, with refunds and transfers; budgets with rollover for
// each of the last 24 months; and rates.
func (w *world) past(wallet string, many int) {
	w.t.Helper()
	dollars := text(w.call(201, "POST", "/wallets", object{"name": "Dollars", "type": "checking", "currency": "USD"}), "id")
	savings := text(w.call(201, "POST", "/wallets", object{"name": "Savings", "type": "savings", "currency": "EUR"}), "id")
	user := w.me()
	require.NoError(w.t, db.AsUser(w.t.Context(), w.pool, user, func(tx pgx.Tx) error {
		_, err := tx.Exec(w.t.Context(), `
			INSERT INTO transactions (id, user_id, wallet_id, to_wallet_id, amount, currency, type, category, refund, description, tags, occurred_at, date, created_at, updated_at)
			SELECT gen_random_uuid(), $1, CASE WHEN i % 10 = 0 THEN $3::uuid ELSE $2::uuid END, CASE WHEN i % 50 = 7 THEN $4::uuid END, 1 + i % 97 + 0.25,
				CASE WHEN i % 10 = 0 THEN 'USD' ELSE 'EUR' END,
				CASE WHEN i % 50 = 7 THEN 'transfer' WHEN i % 25 IN (3, 4) THEN 'income' ELSE 'expense' END,
				CASE WHEN i % 50 = 7 THEN 'transfer' WHEN i % 25 = 3 THEN 'salary'
					ELSE (ARRAY['groceries', 'leisure', 'shopping', 'transport', 'health', 'other'])[1 + i % 6] END,
				i % 25 = 4, 'Shop ' || i % 300, '{}', at, at::date, at, at
			FROM generate_series(1, $5::int) i, LATERAL (SELECT now() - i * (interval '1825 days' / $5::int) AS at) moment`,
			user, wallet, dollars, savings, many)
		return err
	}))
	for back := 24; back >= 0; back-- {
		now := time.Now().UTC()
		month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, -back, 0).Format("2006-01")
		for _, category := range []string{"groceries", "leisure", "shopping", "transport"} {
			w.call(201, "POST", "/budgets", object{"category": category, "amount": "9000000", "currency": "EUR", "month": month, "rollover": true})
		}
	}
	w.call(200, "PUT", "/rates", object{"date": "2019-01-01", "base": "USD", "quote": "EUR", "rate": "0.9"})
	admin := w.pool.Config().ConnConfig.Copy()
	admin.User = "admin"
	connection, err := pgx.ConnectConfig(w.t.Context(), admin)
	require.NoError(w.t, err)
	defer func() { _ = connection.Close(w.t.Context()) }()
	_, err = connection.Exec(w.t.Context(), "VACUUM ANALYZE "+event.Backend+".transactions, "+event.Backend+".daily_sums, "+event.Backend+".budgets")
	require.NoError(w.t, err)
}

// percentiles asks for a path repeatedly and returns the 50th and 95th percentile of
// what it took to the end of the answer.
func (w *world) percentiles(path string) (p50, p95 time.Duration) {
	w.t.Helper()
	took := make([]time.Duration, repeats)
	for i := range took {
		request := httptest.NewRequest("GET", "/api/v1"+path, nil)
		request.Header.Set("Authorization", "Bearer "+w.token)
		answer := httptest.NewRecorder()
		began := time.Now()
		w.handler.ServeHTTP(answer, request)
		took[i] = time.Since(began)
		require.Equal(w.t, 200, answer.Code, "%s: %s", path, answer.Body)
	}
	slices.Sort(took)
	return took[repeats/2], took[repeats*95/100]
}

// pageOf follows a list's cursors and returns the path of that page, or of the last
// before it.
func (w *world) pageOf(path string, number int) string {
	w.t.Helper()
	page := path
	for range number - 1 {
		cursor, ok := w.call(200, "GET", page, nil)["nextCursor"].(string)
		if !ok {
			break
		}
		page = path + "&cursor=" + url.QueryEscape(cursor)
	}
	return page
}

// TestBenchReads measures what people read most, for a short and a long history.
func TestBenchReads(t *testing.T) {
	month := time.Now().UTC().Format("2006-01")
	lastYear := time.Now().UTC().AddDate(-1, 0, 0).Format("2006-01")
	paths := []string{
		"/dashboard", "/budgets", "/budgets?month=" + month, "/wallets", "/transactions", "/transactions?category=groceries&from=" + lastYear + "-01&until=" + lastYear + "-28",
		"/summaries/financial", "/summaries/categories?type=expense", "/summaries/financial?from=" + lastYear + "-01", "/summaries/trends?months=60", "/health-score",
		// Searches that find nothing, or little: each looks through as much as one does at most.
		"/transactions?q=nowhere", "/transactions?q=nowhere&wallet={wallet}", "/transactions?q=shop+299", "/transactions?wallet={wallet}", "/transactions?tag=none",
		"/transactions?min=1000", "/transactions?category=travel", "/transactions?deleted=true", "/transfers/suggestions",
	}
	found := map[int]map[string]time.Duration{}
	for _, many := range []int{20_000, 200_000} {
		t.Run(fmt.Sprint(many), func(t *testing.T) {
			w := restricted(t)
			wallet := w.join()
			for range 3 { // others' rows lie between
				mine, others := w.token, ""
				others = w.join()
				w.past(others, many/10)
				w.token = mine
			}
			w.past(wallet, many)
			found[many] = map[string]time.Duration{}
			for _, path := range paths {
				asked := strings.ReplaceAll(path, "{wallet}", wallet)
				w.percentiles(asked) // warm
				p50, p95 := w.percentiles(asked)
				found[many][path] = p95
				t.Logf("| %d | %s | %.1f | %.1f |", many, path, milliseconds(p50), milliseconds(p95))
			}
			for _, path := range deepPaths {
				_, first := w.percentiles(path)
				page := w.pageOf(path, deep)
				require.NotEqual(t, path, page)
				p50, p95 := w.percentiles(page)
				t.Logf("| %d | %s, page %d or the last | %.1f | %.1f |", many, path, deep, milliseconds(p50), milliseconds(p95))
				require.LessOrEqual(t, p95, flat*first+noise, "%s grows with the page", path)
			}
		})
	}
	for _, path := range paths {
		short, long := found[20_000][path], found[200_000][path]
		require.LessOrEqual(t, long, fastEnough, path)
		require.LessOrEqual(t, long, flat*short+noise, "%s grows with the history", path)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
