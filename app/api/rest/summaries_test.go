//go:build integration

package rest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSummaries(t *testing.T) {
	w := newWorld(t)
	euros := w.join()
	dollars := w.call(201, "POST", "/wallets", object{"name": "Abroad", "type": "cash", "currency": "USD"})["id"].(string)
	post := func(wallet, kind, category, amount, at string) string {
		return w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": amount, "type": kind, "category": category, "timestamp": at})["id"].(string)
	}
	post(euros, "income", "salary", "2000", "2026-09-01T00:00:00Z")
	post(euros, "expense", "housing", "800", "2026-09-02T00:00:00Z")
	post(euros, "expense", "groceries", "200", "2026-09-30T23:59:59Z")
	post(dollars, "expense", "groceries", "100", "2026-09-15T00:00:00Z")
	post(euros, "expense", "groceries", "100", "2026-08-20T00:00:00Z")
	post(euros, "expense", "groceries", "999", "2026-10-01T00:00:00Z")
	gone := post(euros, "expense", "groceries", "5000", "2026-09-10T00:00:00Z")
	w.call(204, "DELETE", "/transactions/"+gone, nil)
	w.call(201, "POST", "/transactions", object{"walletId": euros, "toWalletId": dollars, "amount": "50", "toAmount": "60", "type": "transfer", "timestamp": "2026-09-11T00:00:00Z"})

	september := "from=2026-09-01&to=2026-09-30"
	got := w.call(200, "GET", "/summaries/financial?"+september, nil)
	require.Equal(t, []any{
		object{"currency": "EUR", "income": "2000.00", "expenses": "1000.00", "net": "1000.00", "savingsRate": 50.0, "transactions": 3.0},
		object{"currency": "USD", "income": "0.00", "expenses": "100.00", "net": "-100.00", "transactions": 1.0},
	}, got["currencies"], "neither what is deleted nor what is moved")
	total := got["total"].(object)
	require.Equal(t, "1000.00", total["expenses"])
	require.Equal(t, []any{"USD"}, total["leftOut"], "there is no rate")

	w.call(200, "PUT", "/rates", object{"base": "USD", "quote": "EUR", "date": "2026-09-01", "rate": "0.9"})
	total = w.call(200, "GET", "/summaries/financial?"+september, nil)["total"].(object)
	require.Equal(t, "1090.00", total["expenses"])
	require.NotContains(t, total, "leftOut")
	require.Equal(t, "1211.11", w.call(200, "GET", "/summaries/financial?currency=USD&"+september, nil)["total"].(object)["expenses"])
	w.call(422, "GET", "/summaries/financial?from=2026-09-02&to=2026-09-01", nil)
	w.call(422, "GET", "/summaries/financial?currency=euro", nil)
	w.call(422, "GET", "/summaries/financial?from=0000-01-01&to=0000-01-02", nil)

	categories := w.call(200, "GET", "/summaries/categories?"+september, nil)["items"].([]any)
	require.Len(t, categories, 3)
	require.Equal(t, object{"category": "housing", "currency": "EUR", "amount": "800.00", "share": 80.0, "transactions": 1.0, "before": "0.00"}, categories[0])
	require.Equal(t, object{"category": "groceries", "currency": "EUR", "amount": "200.00", "share": 20.0, "transactions": 1.0, "before": "100.00", "change": 100.0}, categories[1])
	require.Len(t, w.call(200, "GET", "/summaries/categories?type=income&"+september, nil)["items"], 1)

	months := w.call(200, "GET", "/summaries/trends?months=60", nil)["months"].([]any)
	require.Len(t, months, 60)
	for _, month := range months {
		if m := month.(object); m["month"] == "2026-09" {
			require.Equal(t, "1090.00", m["total"].(object)["expenses"])
			require.Len(t, m["currencies"], 2)
		}
	}
	w.call(422, "GET", "/summaries/trends?months=61", nil)
}

func TestAStartPageOfNothing(t *testing.T) {
	w := newWorld(t)
	answer := w.call(201, "POST", "/auth/register", object{"email": "new@example.org", "password": "correct horse", "name": "New"})
	w.token = answer["token"].(string)
	page := w.call(200, "GET", "/dashboard", nil)
	for _, list := range []string{"wallets", "balances", "soFar", "goals", "tasks", "insights"} {
		require.Empty(t, page[list], list)
		require.NotNil(t, page[list], list)
	}
	require.NotContains(t, page, "total")
	require.Equal(t, "unknown", page["healthScore"].(object)["verdict"])
	require.Len(t, w.call(200, "GET", "/health-score", nil)["parts"], 4)
	require.Empty(t, w.call(200, "GET", "/summaries/financial", nil)["currencies"])
	require.Len(t, w.call(200, "GET", "/summaries/trends", nil)["months"], 12)
}

func TestAStartPage(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	now := time.Now().UTC()
	month := now.Format("2006-01")
	w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "100", "type": "income", "category": "salary"})
	w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "30.50", "type": "expense", "category": "groceries"})
	w.call(201, "POST", "/budgets", object{"category": "groceries", "amount": "20", "currency": "EUR", "month": month})
	w.call(201, "POST", "/budgets", object{"category": "leisure", "amount": "20", "currency": "EUR", "month": month})
	w.call(201, "POST", "/goals", object{"name": "A bicycle", "target": "100", "currency": "EUR"})
	w.call(201, "POST", "/tasks", object{"title": "soon", "due": now.AddDate(0, 0, 2).Format(time.DateOnly)})
	late := w.call(201, "POST", "/tasks", object{"title": "late", "due": now.AddDate(0, 0, 2).Format(time.DateOnly)})
	_, err := w.pool.Exec(t.Context(), "UPDATE tasks SET due = $1 WHERE id = $2", now.AddDate(0, 0, -2), late["id"]) // time went by
	require.NoError(t, err)
	w.call(201, "POST", "/tasks", object{"title": "far", "due": now.AddDate(0, 0, 40).Format(time.DateOnly)})
	w.call(201, "POST", "/tasks", object{"title": "some day"})

	page := w.call(200, "GET", "/dashboard", nil)
	require.Equal(t, object{"currency": "EUR", "amount": "69.50"}, page["total"])
	require.Equal(t, "69.50", page["wallets"].([]any)[0].(object)["balance"])
	require.Equal(t, month, page["month"])
	soFar := page["soFar"].([]any)[0].(object)
	require.Equal(t, "30.50", soFar["expenses"])
	require.Equal(t, "69.50", soFar["net"])
	budgets := page["budgets"].(object)
	require.Equal(t, []any{1.0, 0.0, 1.0}, []any{budgets["ok"], budgets["warning"], budgets["exceeded"]})
	require.Equal(t, "groceries", budgets["items"].([]any)[0].(object)["category"], "the most used first")
	tasks := page["tasks"].([]any)
	require.Len(t, tasks, 2)
	require.Equal(t, "late", tasks[0].(object)["title"])
	require.Len(t, page["goals"], 1)
	score := w.call(200, "GET", "/health-score", nil)
	require.Equal(t, page["healthScore"], score)
	part := score["parts"].([]any)[0].(object)
	require.EqualValues(t, 20, part["points"], "one of two budgets is kept")
	require.NotEmpty(t, part["improve"])
}
