//go:build integration

package rest

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

// What rollover carries is what the document says: what was left of the limit of the
// month before, which adds up; nothing of what was spent too much, and nothing over a gap.
func TestABudgetCarriesOverWhatWasLeft(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	for _, month := range []struct{ name, spent string }{{"2025-01", "60"}, {"2025-02", "10"}, {"2025-03", "350"}, {"2025-04", "20"}, {"2025-06", "0"}} {
		w.call(201, "POST", "/budgets", object{"category": "groceries", "amount": "100", "currency": "EUR", "month": month.name, "rollover": month.name != "2025-01"})
		if month.spent != "0" {
			w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": month.spent, "type": "expense", "category": "groceries", "timestamp": month.name + "-15T12:00:00Z"})
		}
	}
	w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "5", "type": "income", "category": "groceries", "timestamp": "2025-02-20T12:00:00Z"}) // a refund
	carried := map[string]any{}
	for _, item := range w.call(200, "GET", "/budgets", nil)["items"].([]any) {
		carried[item.(object)["month"].(string)] = item.(object)["status"].(object)["carried"]
	}
	require.Equal(t, map[string]any{"2025-01": "0.00", "2025-02": "40.00", "2025-03": "135.00", "2025-04": "0.00", "2025-06": "0.00"}, carried)
}

func TestABudgetSaysHowItStands(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	spend := func(amount, at string) {
		w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": amount, "type": "expense", "category": "groceries", "timestamp": at})
	}
	w.call(201, "POST", "/budgets", object{"category": "groceries", "amount": "400", "currency": "EUR", "month": "2026-09"})
	id := w.call(201, "POST", "/budgets", object{"category": "groceries", "amount": "400", "currency": "EUR", "month": "2026-10", "threshold": 50, "rollover": true})["id"].(string)
	spend("100", "2026-09-01T00:00:00Z")
	spend("200", "2026-09-30T23:59:59Z")
	spend("256.99", "2026-10-01T00:00:00Z") // of which 7 come back
	spend("999", "2026-11-01T00:00:00Z")    // another month's
	w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "7", "type": "income", "category": "groceries", "timestamp": "2026-10-02T00:00:00Z"})

	status := func() object { return w.call(200, "GET", "/budgets/"+id, nil)["status"].(object) }
	require.Equal(t, object{"limit": "500.00", "carried": "100.00", "spent": "249.99", "left": "250.01", "percent": 50.0, "state": "ok"}, status())
	spend("0.01", "2026-10-31T23:59:59Z")
	require.Equal(t, "warning", status()["state"], "half is its threshold")
	w.call(200, "PUT", "/budgets/"+id, object{"rollover": false, "amount": "200", "threshold": 90})
	require.Equal(t, object{"limit": "200.00", "carried": "0.00", "spent": "250.00", "left": "-50.00", "percent": 125.0, "state": "exceeded"}, status())

	require.Len(t, w.call(200, "GET", "/budgets", nil)["items"], 2)
	september := w.call(200, "GET", "/budgets?month=2026-09", nil)["items"].([]any)
	require.Len(t, september, 1)
	require.Equal(t, "300.00", september[0].(object)["status"].(object)["spent"])
	w.call(422, "GET", "/budgets?month=9999-01", nil)
	w.call(422, "PUT", "/budgets/"+id, object{"threshold": 101})

	changes, _ := outbox[event.BudgetChanged](w, event.TypeBudgetChanged)
	last := changes[len(changes)-1]
	require.Equal(t, 90, last.Threshold)
	require.False(t, last.Rollover)
	require.True(t, changes[1].Rollover)
}

func TestBudgetsAreCopiedOnce(t *testing.T) {
	w := newWorld(t)
	w.join()
	for _, category := range []string{"groceries", "leisure", "housing"} {
		w.call(201, "POST", "/budgets", object{"category": category, "amount": "40", "currency": "EUR", "month": "2026-10", "threshold": 70})
	}
	w.call(201, "POST", "/budgets", object{"category": "leisure", "amount": "99", "currency": "EUR", "month": "2026-11"})
	key := uuid.NewString()
	copies := object{"from": "2026-10", "to": "2026-11"}
	made := w.call(201, "POST", "/budgets/copy", copies, "Idempotency-Key", key)["items"].([]any)
	require.Len(t, made, 2, "what is there already stays")
	require.EqualValues(t, 70, made[0].(object)["threshold"])
	require.Equal(t, made, w.call(201, "POST", "/budgets/copy", copies, "Idempotency-Key", key)["items"])
	require.Empty(t, w.call(201, "POST", "/budgets/copy", copies)["items"])
	require.Len(t, w.call(200, "GET", "/budgets?month=2026-11", nil)["items"], 3)
	w.call(422, "POST", "/budgets/copy", object{"from": "2026-10", "to": "2026-10"})
	changes, _ := outbox[event.BudgetChanged](w, event.TypeBudgetChanged)
	require.Len(t, changes, 6)
}
