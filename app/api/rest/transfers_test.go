//go:build integration

package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

// twoBanks imports both sides of a transfer of 500 from two banks.
func twoBanks(w *world) (wallet, savings, outImport, inImport string) {
	wallet = w.join()
	savings = text(w.call(201, "POST", "/wallets", object{"name": "Savings", "type": "savings", "currency": "EUR"}), "id")
	day := time.Now().UTC().AddDate(0, 0, -5)
	on := func(later int) string { return day.AddDate(0, 0, later).Format(time.DateOnly) }
	outImport = text(w.call(201, "POST", "/imports", object{"walletId": wallet, "file": encoded("Date,Payee,Amount\n" + on(0) + ",Standing order,-500.00\n" + on(0) + ",ACME,2000.00\n" + on(1) + ",Kiosk,-61.72\n")}), "id")
	inImport = text(w.call(201, "POST", "/imports", object{"walletId": savings, "file": encoded("Date,Payee,Amount\n" + on(2) + ",Ada Lovelace,500.00\n" + on(0) + ",Fee,-1.00\n")}), "id")
	return wallet, savings, outImport, inImport
}

func (w *world) suggestions() []any {
	return w.call(200, "GET", "/transfers/suggestions", nil)["items"].([]any)
}

func TestATransferIsSuggestedAcceptedAndUndone(t *testing.T) {
	w := newWorld(t)
	wallet, savings, outImport, inImport := twoBanks(w)
	found := w.suggestions()
	require.Len(t, found, 1)
	require.Contains(t, found[0].(object)["reason"], "the same amount")
	pair := object{"outId": found[0].(object)["out"].(object)["id"], "inId": found[0].(object)["in"].(object)["id"]}
	totals := func() object {
		sums := object{}
		for _, one := range w.call(200, "GET", "/transactions?limit=100", nil)["items"].([]any) {
			sums[text(one.(object), "type")] = true
		}
		return sums
	}
	require.NotContains(t, totals(), "transfer")

	transfer := w.call(200, "POST", "/transfers/accept", pair)
	require.Equal(t, "transfer", transfer["type"])
	require.Equal(t, savings, transfer["toWalletId"])
	require.Equal(t, transfer["id"], w.call(200, "POST", "/transfers/accept", pair)["id"], "once more changes nothing")
	require.Empty(t, w.suggestions())
	require.Equal(t, "1438.28", w.balance(wallet))
	require.Equal(t, "499.00", w.balance(savings))
	updates, _ := outbox[event.TransactionUpdated](w, event.TypeTransactionUpdated)
	require.Len(t, updates, 2, "each side's change is published once")

	// By none of these may money come twice or be lost.
	w.call(422, "POST", "/transactions/"+pair["inId"].(string)+"/restore", nil)
	w.call(422, "PATCH", "/transactions/"+pair["outId"].(string), object{"type": "expense", "category": "other"})
	again := w.call(200, "POST", "/imports/preview", object{"walletId": savings, "file": encoded("Date,Payee,Amount\n" + time.Now().UTC().AddDate(0, 0, -3).Format(time.DateOnly) + ",Ada Lovelace,500.00\n2026-01-02,Fee,-1.00\n")})
	require.EqualValues(t, 1, again["duplicates"], "the side that was merged is still known")

	undone := w.call(200, "POST", "/transfers/"+pair["inId"].(string)+"/undo", nil)
	require.Equal(t, "expense", undone["type"])
	require.Equal(t, "other", undone["category"])
	w.call(404, "POST", "/transfers/"+pair["inId"].(string)+"/undo", nil)
	require.Equal(t, "499.00", w.balance(savings))
	require.Empty(t, w.suggestions(), "what was undone is not suggested again")

	for _, undone := range []string{inImport, outImport} {
		w.call(200, "POST", "/transfers/accept", pair)
		w.call(204, "DELETE", "/imports/"+undone, nil)
		if undone == inImport {
			require.Equal(t, "0.00", w.balance(savings))
			require.Equal(t, "1438.28", w.balance(wallet), "the other side is an expense again")
			break
		}
	}
	w.call(422, "POST", "/transfers/accept", pair)
	w.call(204, "DELETE", "/imports/"+outImport, nil)
	require.Equal(t, "0.00", w.balance(wallet))
}

func TestTransfersThatCannotBe(t *testing.T) {
	w := newWorld(t)
	wallet, _, _, _ := twoBanks(w)
	pair := w.suggestions()[0].(object)
	out, in := text(pair["out"].(object), "id"), text(pair["in"].(object), "id")
	other := text(w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "500", "type": "income", "category": "salary"}), "id")
	for name, c := range map[string]struct {
		status  int
		out, in string
	}{
		"turned round":       {422, in, out},
		"one and the same":   {422, out, out},
		"within a wallet":    {422, out, other},
		"nobody's":           {404, out, uuid.NewString()},
		"an id that is none": {422, out, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.call(c.status, "POST", "/transfers/accept", object{"outId": c.out, "inId": c.in})
			w.call(c.status, "POST", "/transfers/reject", object{"outId": c.out, "inId": c.in})
		})
	}
	w.t = t
	w.call(204, "POST", "/transfers/reject", object{"outId": out, "inId": in})
	require.NotContains(t, w.suggestions(), pair)
	w.join()
	w.call(404, "POST", "/transfers/accept", object{"outId": out, "inId": in})
	w.call(404, "POST", "/transfers/"+out+"/undo", nil)
}

func TestATransferIsAcceptedOnceByMany(t *testing.T) {
	w := newWorld(t)
	_, savings, _, _ := twoBanks(w)
	pair := w.suggestions()[0].(object)
	body, err := json.Marshal(object{"outId": pair["out"].(object)["id"], "inId": pair["in"].(object)["id"]})
	require.NoError(t, err)
	statuses := make([]int, 8)
	quiet := *w.api
	quiet.Observe = func(context.Context, string, string, int, time.Duration) {}
	handler := quiet.Handler()
	var wait sync.WaitGroup
	for i := range statuses {
		wait.Go(func() {
			r := httptest.NewRequest("POST", "/api/v1/transfers/accept", bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+w.token)
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, r)
			statuses[i] = recorder.Code
		})
	}
	wait.Wait()
	for _, status := range statuses {
		require.Equal(t, http.StatusOK, status)
	}
	require.Equal(t, "499.00", w.balance(savings))
	updates, _ := outbox[event.TransactionUpdated](w, event.TypeTransactionUpdated)
	require.Len(t, updates, 2)
}
