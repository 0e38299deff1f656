//go:build integration

package rest

import (
	"bytes"
	"context"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

func TestDemoDataComesAndGoes(t *testing.T) {
	w := newWorld(t)
	answer := w.call(201, "POST", "/auth/register", object{"email": "demo@example.org", "password": "correct horse", "name": "Demo"})
	w.token = answer["token"].(string)
	require.Equal(t, false, w.call(200, "GET", "/demo", nil)["present"])
	w.call(404, "DELETE", "/demo", nil)

	// Two at the same moment, and once more: everything is made once.
	quiet := *w.api
	quiet.Observe = func(context.Context, string, string, int, time.Duration) {}
	handler := quiet.Handler()
	var both sync.WaitGroup
	codes := make([]int, 2)
	for i := range codes {
		both.Go(func() {
			r := httptest.NewRequest("POST", "/api/v1/demo", bytes.NewReader(nil))
			r.Header.Set("Authorization", "Bearer "+w.token)
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, r)
			codes[i] = recorder.Code
		})
	}
	both.Wait()
	require.Equal(t, []int{201, 201}, codes)
	began := time.Now()
	filled := w.call(201, "POST", "/demo", nil)
	require.Less(t, time.Since(began), 2*time.Second)
	require.Equal(t, true, filled["complete"])

	created, _ := outbox[event.TransactionCreated](w, event.TypeTransactionCreated)
	require.Greater(t, len(created), 100)
	seen := map[string]bool{}
	for _, e := range created {
		require.False(t, seen[e.TransactionID.String()])
		seen[e.TransactionID.String()] = true
	}
	page := w.call(200, "GET", "/dashboard", nil)
	require.NotEmpty(t, page["budgets"].(object)["items"])
	require.NotNil(t, page["healthScore"].(object)["score"])
	require.Len(t, page["goals"], 2)
	for _, one := range page["healthScore"].(object)["parts"].([]any) {
		require.Contains(t, one.(object), "points", "there is something to judge each part by")
	}

	w.call(204, "DELETE", "/demo", nil)
	w.call(404, "DELETE", "/demo", nil)
	for _, path := range []string{"/transactions", "/wallets", "/budgets", "/goals", "/tasks"} {
		require.Empty(t, w.call(200, "GET", path, nil)["items"], path)
	}
	updates, _ := outbox[event.TransactionUpdated](w, event.TypeTransactionUpdated)
	require.Len(t, updates, len(created), "the agents are told that each is gone")
	budgets, _ := outbox[event.BudgetChanged](w, event.TypeBudgetChanged)
	goals, _ := outbox[event.GoalChanged](w, event.TypeGoalChanged)
	require.True(t, budgets[len(budgets)-1].Deleted)
	require.True(t, goals[len(goals)-1].Deleted)
	var rows int
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM transactions) + (SELECT count(*) FROM wallets)").Scan(&rows))
	require.Zero(t, rows, "nothing of it is kept")
	w.call(201, "POST", "/demo", nil)
}

// A filling that was interrupted so long ago that the keys of its steps are gone can
// neither be continued nor be in the way for ever.
func TestDemoDataThatWasInterruptedLongAgo(t *testing.T) {
	w := newWorld(t)
	w.join()
	interrupt := func() {
		_, err := w.pool.Exec(t.Context(), "UPDATE demos SET complete = false, created_at = now() - interval '2 days'; DELETE FROM idempotency_keys")
		require.NoError(t, err)
	}
	transactions := func() (n int) {
		require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT count(*) FROM transactions WHERE deleted_at IS NULL").Scan(&n))
		return n
	}
	w.call(201, "POST", "/demo", nil)
	before := transactions()
	interrupt()
	require.Equal(t, true, w.call(201, "POST", "/demo", nil)["complete"], "it is begun again")
	require.InDelta(t, before, transactions(), 5, "and not done twice")
	interrupt()
	w.call(204, "DELETE", "/demo", nil)
	require.Zero(t, transactions())
	require.Equal(t, false, w.call(200, "GET", "/demo", nil)["present"])
}

func TestDemoDataGoesIntoAnEmptyAccountOnly(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "1", "type": "income", "category": "salary"})
	w.call(409, "POST", "/demo", nil)
	require.Equal(t, false, w.call(200, "GET", "/demo", nil)["present"])
}
