//go:build integration

package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/people/preference"
	"github.com/wealth-companion/companion/app/store/db"
)

func TestADeletedTransactionCanBeRestored(t *testing.T) {
	w := newWorld(t)
	made := w.call(201, "POST", "/transactions", object{"walletId": w.join(), "amount": "12.5", "type": "expense", "category": "groceries"})
	path := "/transactions/" + text(made, "id")
	require.Equal(t, "active", made["status"])
	tag := w.header(path).Get("ETag")
	w.call(412, "DELETE", path, nil, "If-Match", `"0"`)
	w.call(204, "DELETE", path, nil, "If-Match", tag)
	w.call(204, "DELETE", path, nil)
	gone := w.call(200, "GET", path, nil)
	require.Equal(t, "deleted", gone["status"])
	require.NotEmpty(t, gone["deletedAt"])
	require.Empty(t, w.call(200, "GET", "/transactions", nil)["items"])
	require.Len(t, w.call(200, "GET", "/transactions?deleted=true", nil)["items"], 1)
	w.call(422, "PATCH", path, object{"amount": "1"})
	require.Equal(t, "active", w.call(200, "POST", path+"/restore", nil)["status"])
	w.call(200, "POST", path+"/restore", nil)
	require.Len(t, w.call(200, "GET", "/transactions", nil)["items"], 1)
	w.call(404, "DELETE", "/transactions/"+uuid.NewString(), nil)

	updates, _ := outbox[event.TransactionUpdated](w, event.TypeTransactionUpdated)
	require.Len(t, updates, 2, "deleting what is deleted, and restoring what is there, is no change")
	require.Equal(t, map[string]event.Change{"status": {Before: "active", After: "deleted"}}, updates[0].Changes)
	require.Equal(t, map[string]event.Change{"status": {Before: "deleted", After: "active"}}, updates[1].Changes)
	require.True(t, updates[1].UpdatedAt.After(updates[0].UpdatedAt))
}

func TestATransactionMovesToAnotherWallet(t *testing.T) {
	w := newWorld(t)
	main := w.join()
	wallet := func(name, currency string) string {
		return text(w.call(201, "POST", "/wallets", object{"name": name, "type": "cash", "currency": currency}), "id")
	}
	purse, dollars := wallet("Purse", "EUR"), wallet("Dollars", "USD")
	made := w.call(201, "POST", "/transactions", object{"walletId": main, "amount": "10", "type": "expense", "category": "groceries"})
	path := "/transactions/" + text(made, "id")
	w.call(200, "PATCH", path, object{"walletId": purse})
	require.Equal(t, "-10.00", w.balance(purse))
	require.Contains(t, w.call(422, "PATCH", path, object{"walletId": dollars})["detail"], "amount")
	changed := w.call(200, "PATCH", path, object{"walletId": dollars, "amount": "10.83"})
	require.Equal(t, "USD", changed["currency"])

	// It turns out to be a transfer, and then not to be one.
	changed = w.call(200, "PATCH", path, object{"type": "transfer", "toWalletId": main, "toAmount": "10"})
	require.Equal(t, "transfer", changed["category"])
	require.Equal(t, "10.00", w.balance(main))
	w.call(422, "PATCH", path, object{"type": "expense"})
	changed = w.call(200, "PATCH", path, object{"type": "expense", "category": "leisure"})
	require.NotContains(t, changed, "toWalletId")
	require.Equal(t, "0.00", w.balance(main))

	updates, _ := outbox[event.TransactionUpdated](w, event.TypeTransactionUpdated)
	require.Len(t, updates, 4)
	require.Equal(t, map[string]event.Change{"walletId": {Before: main, After: purse}}, updates[0].Changes)
	require.Equal(t, map[string]event.Change{
		"walletId": {Before: purse, After: dollars}, "currency": {Before: "EUR", After: "USD"}, "amount": {Before: "10.00", After: "10.83"},
	}, updates[1].Changes)
	require.Equal(t, event.Change{Before: "", After: main}, updates[2].Changes["toWalletId"])
	require.Equal(t, event.Change{Before: main, After: ""}, updates[3].Changes["toWalletId"])
}

func TestTransfersThatMakeNoSense(t *testing.T) {
	w := newWorld(t)
	main := w.join()
	dollars := text(w.call(201, "POST", "/wallets", object{"name": "Dollars", "type": "cash", "currency": "USD"}), "id")
	purse := text(w.call(201, "POST", "/wallets", object{"name": "Purse", "type": "cash", "currency": "EUR"}), "id")
	for name, c := range map[string]struct {
		change object
		field  string
	}{
		"to itself":                                 {object{"toWalletId": main}, "toWalletId"},
		"to no wallet of the user's":                {object{"toWalletId": uuid.NewString()}, "toWalletId"},
		"to another currency, without what arrives": {object{"toWalletId": dollars}, "toAmount"},
		"of which not all arrives":                  {object{"toWalletId": purse, "toAmount": "9"}, "toAmount"},
		"to nowhere, where something arrives":       {object{"toAmount": "9"}, "toAmount"},
		"under a category of its own":               {object{"toWalletId": purse, "category": "leisure"}, "category"},
		"which is an expense":                       {object{"type": "expense", "category": "other", "toWalletId": purse}, "toWalletId"},
		"and an expense under the transfers":        {object{"type": "expense", "category": "transfer"}, "category"},
		"and an expense without a category":         {object{"type": "expense"}, "category"},
		"a tag without letters":                     {object{"tags": []string{" "}}, "tags"},
		"too many tags":                             {object{"tags": []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"}}, "tags"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			body := object{"walletId": main, "amount": "10", "type": "transfer"}
			for field, value := range c.change {
				body[field] = value
			}
			answer := w.call(422, "POST", "/transactions", body)
			require.Equal(t, c.field, answer["errors"].([]any)[0].(object)["field"])
		})
	}
	w.t = t
	require.Empty(t, w.call(200, "GET", "/transactions", nil)["items"])
	w.call(422, "POST", "/transactions", object{"walletId": main, "amount": "1", "type": "expense", "category": "other", "description": "a\u0000b"})
	w.call(422, "GET", "/transactions?q=%00", nil)
	w.call(422, "GET", "/transactions?category=%ff", nil)
}

func TestSearch(t *testing.T) {
	w := newWorld(t)
	main := w.join()
	purse := text(w.call(201, "POST", "/wallets", object{"name": "Purse", "type": "cash", "currency": "EUR"}), "id")
	post := func(name string, body object) {
		whole := object{"walletId": main, "type": "expense", "category": "other", "description": name}
		for field, value := range body {
			whole[field] = value
		}
		w.call(201, "POST", "/transactions", whole)
	}
	post("Salary ACME", object{"type": "income", "category": "salary", "amount": "2000", "timestamp": "2026-10-01T08:00:00Z"})
	post("REWE Markt 12%", object{"category": "groceries", "amount": "20.50", "timestamp": "2026-10-31T23:59:59Z", "tags": []string{" Food", "food", "Family"}})
	post("Rewe_Markt", object{"category": "groceries", "amount": "99.99", "timestamp": "2026-11-01T00:00:00Z"})
	post("Café Zoë", object{"category": "leisure", "amount": "3.20", "walletId": purse, "timestamp": "2026-11-02T10:00:00Z"})
	post("cash", object{"type": "transfer", "category": "", "toWalletId": purse, "amount": "50", "timestamp": "2026-11-03T10:00:00Z"})
	for query, want := range map[string][]string{
		"":                                 {"cash", "Café Zoë", "Rewe_Markt", "REWE Markt 12%", "Salary ACME"},
		"q=rewe":                           {"Rewe_Markt", "REWE Markt 12%"},
		"q=markt+rewe":                     {"Rewe_Markt", "REWE Markt 12%"},
		"q=" + url.QueryEscape("12%"):      {"REWE Markt 12%"},
		"q=" + url.QueryEscape("rewe_"):    {"Rewe_Markt"},
		"q=" + url.QueryEscape("CAFÉ"):     {"Café Zoë"},
		"q=" + url.QueryEscape(`\`):        {},
		"category=groceries":               {"Rewe_Markt", "REWE Markt 12%"},
		"type=income":                      {"Salary ACME"},
		"type=expense&category=leisure":    {"Café Zoë"},
		"wallet=" + purse:                  {"cash", "Café Zoë"},
		"tag=FAMILY":                       {"REWE Markt 12%"},
		"tag=fam":                          {},
		"from=2026-11-01":                  {"cash", "Café Zoë", "Rewe_Markt"},
		"until=2026-10-31":                 {"REWE Markt 12%", "Salary ACME"},
		"from=2026-10-31&until=2026-11-01": {"Rewe_Markt", "REWE Markt 12%"},
		"until=2026-11-01T00:00:00Z":       {"REWE Markt 12%", "Salary ACME"},
		"from=2026-11-03T10:00:00%2B00:00": {"cash"},
		"min=20.50&max=99.99":              {"cash", "Rewe_Markt", "REWE Markt 12%"},
		"min=100":                          {"Salary ACME"},
		"deleted=true":                     {},
		"import=" + uuid.NewString():       {},
		"q=rewe&limit=1":                   {"Rewe_Markt"},
	} {
		t.Run(query, func(t *testing.T) {
			w.t = t
			found := []string{}
			for _, item := range w.call(200, "GET", "/transactions?"+query, nil)["items"].([]any) {
				found = append(found, text(item.(object), "description"))
			}
			require.Equal(t, want, found)
		})
	}
	w.t = t
	for query, field := range map[string]string{
		"from=yesterday": "from", "until=2026-13-01": "until", "min=-1": "min", "max=1e3": "max", "type=gift": "type", "wallet=mine": "wallet",
		"q=a+b+c+d+e+f+g+h+i+j+k": "q",
	} {
		answer := w.call(422, "GET", "/transactions?"+query, nil)
		require.Equal(t, field, answer["errors"].([]any)[0].(object)["field"], query)
	}
	list := w.call(200, "GET", "/transactions?q=rewe", nil)["items"].([]any)
	require.Equal(t, []any{"family", "food"}, list[1].(object)["tags"])

	// Tags are the user's own: nobody is told.
	w.call(200, "PATCH", "/transactions/"+text(list[0].(object), "id"), object{"tags": []string{"work"}})
	require.Len(t, w.call(200, "GET", "/transactions?tag=work", nil)["items"], 1)
	updates, _ := outbox[event.TransactionUpdated](w, event.TypeTransactionUpdated)
	require.Empty(t, updates)
}

// A key that was used is answered as then, even when the same could not be done now.
func TestASearchSaysHowFarItLooked(t *testing.T) {
	w := newWorld(t)
	wallet, user := w.join(), w.me()
	const many = 10_100 // more than one request looks through
	require.NoError(t, db.AsUser(t.Context(), w.pool, user, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `
			INSERT INTO transactions (id, user_id, wallet_id, amount, currency, type, category, refund, description, tags, occurred_at, date, created_at, updated_at)
			SELECT gen_random_uuid(), $1, $2, 1, 'EUR', 'expense', 'groceries', false, CASE WHEN i IN (3, $3) THEN 'A rare find' ELSE 'Shop' END, '{}',
				at, at::date, at, at
			FROM generate_series(1, $3::int) i, LATERAL (SELECT now() - i * interval '1 hour' AS at) moment`, user, wallet, many)
		return err
	}))
	first := w.call(200, "GET", "/transactions?q=rare", nil)
	require.Len(t, first["items"], 1)
	require.NotEmpty(t, first["lookedBackTo"])
	second := w.call(200, "GET", "/transactions?q=rare&cursor="+text(first, "nextCursor"), nil)
	require.Len(t, second["items"], 1, "the cursor goes on where the page before ended")
	require.Nil(t, second["nextCursor"])
	require.NotContains(t, second, "lookedBackTo", "all was looked through")

	require.Empty(t, w.call(200, "GET", "/transactions?tag=none", nil)["items"])
	require.NotNil(t, w.call(200, "GET", "/transactions?tag=none", nil)["nextCursor"], "an empty page is not the end")
	for _, query := range []string{"", "?q=shop", "?limit=200&category=groceries"} {
		full := w.call(200, "GET", "/transactions"+query, nil)
		require.NotNil(t, full["nextCursor"])
		require.NotContains(t, full, "lookedBackTo", "a full page ends for that")
	}
	day := time.Now().UTC().AddDate(0, 0, -30).Format(time.DateOnly)
	require.Nil(t, w.call(200, "GET", "/transactions?tag=none&from="+day, nil)["nextCursor"], "a span is looked through to its end")
}

func TestARepetitionIsAnsweredAsThen(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	request, key := object{"walletId": wallet, "amount": "10.00", "type": "expense", "category": "groceries"}, uuid.NewString()
	w.call(422, "POST", "/transactions", object{"walletId": wallet, "amount": "10.00", "type": "expense", "category": "yachts"}, "Idempotency-Key", key)
	first := w.call(201, "POST", "/transactions", request, "Idempotency-Key", key) // what failed left no trace of its key
	w.call(204, "DELETE", "/wallets/"+wallet, nil)
	require.Equal(t, first, w.call(201, "POST", "/transactions", request, "Idempotency-Key", key))
	w.call(422, "POST", "/transactions", request, "Idempotency-Key", uuid.NewString())
	w.call(409, "POST", "/transactions", object{"walletId": wallet, "amount": "11.00", "type": "expense", "category": "groceries"}, "Idempotency-Key", key)
	events, _ := outbox[event.TransactionCreated](w, event.TypeTransactionCreated)
	require.Len(t, events, 1)
	require.Equal(t, int32(0), w.pool.Stat().AcquiredConns(), "no connection is lost on the way")
}

// BenchmarkPost is what a request costs the service and a database that does not
// wait for its disk.
func BenchmarkPost(b *testing.B) {
	pool := pgtest.Pool(b, event.Backend)
	books := &ledger.Ledger{Pool: pool, Service: event.Backend}
	api := &API{
		Ledger: books, Accounts: account.New(pool, preference.Publisher{Service: event.Backend}, books.Begin, slog.New(slog.DiscardHandler)), Tokens: account.Tokens{Key: []byte(strings.Repeat("k", 32))},
		Log: slog.New(slog.DiscardHandler), Observe: func(context.Context, string, string, int, time.Duration) {},
	}
	session, err := api.Accounts.Register(b.Context(), account.Registration{Email: "ada@example.org", Password: "correct horse"})
	require.NoError(b, err)
	token, _, err := api.Tokens.Issue(session.Caller, time.Now())
	require.NoError(b, err)
	wallet, err := books.CreateWallet(b.Context(), session.User.ID, ledger.NewWallet{Name: "Main", Type: "checking", Currency: "EUR"})
	require.NoError(b, err)
	handler := api.Handler()
	body, err := json.Marshal(object{"walletId": wallet.ID, "amount": "12.50", "type": "expense", "category": "groceries", "description": "REWE Markt"})
	require.NoError(b, err)
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest("POST", "/api/v1/transactions", bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Idempotency-Key", tracing.NewID().String())
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, r)
			if recorder.Code != 201 {
				b.Errorf("%d: %s", recorder.Code, recorder.Body)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}
