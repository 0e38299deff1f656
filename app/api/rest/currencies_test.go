//go:build integration

package rest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/finance/currency"
)

func TestRatesAreEnteredImportedAndUsed(t *testing.T) {
	w := newWorld(t)
	w.join()
	rate := func(day, base, quote, rate string) object {
		return object{"date": day, "base": base, "quote": quote, "rate": rate}
	}
	require.Equal(t, rate("2026-11-01", "EUR", "USD", "1.08"), w.call(200, "PUT", "/rates", rate("2026-11-01", "EUR", "USD", "1.0800")))
	w.call(200, "PUT", "/rates", rate("2026-11-01", "EUR", "USD", "1.10"))
	require.Len(t, w.call(200, "GET", "/rates", nil)["items"], 1, "a day and pair has one rate")

	csv := "date,base,quote,rate\n2026-11-02,EUR,JPY,160\n2026-11-02,EUR,JPY,161.5\nyesterday,EUR,JPY,1\n2026-11-03,EUR,USD\n2026-11-03,EUR,EUR,1\n2026-11-03,GBP,EUR,1.19\n"
	w.call(422, "POST", "/rates/import", object{"file": encoded(csv), "badLines": "refuse"})
	require.Len(t, w.call(200, "GET", "/rates", nil)["items"], 1)
	key := uuid.NewString()
	done := w.call(201, "POST", "/rates/import", object{"file": encoded(csv)}, "Idempotency-Key", key)
	require.EqualValues(t, 2, done["imported"])
	require.EqualValues(t, 3, done["bad"])
	require.EqualValues(t, 4, done["badLines"].([]any)[0].(object)["line"])
	require.Equal(t, done, w.call(201, "POST", "/rates/import", object{"file": encoded(csv)}, "Idempotency-Key", key))

	items := w.call(200, "GET", "/rates?base=EUR", nil)["items"].([]any)
	require.Equal(t, []any{rate("2026-11-02", "EUR", "JPY", "161.5"), rate("2026-11-01", "EUR", "USD", "1.1")}, items)
	first := w.call(200, "GET", "/rates?limit=2", nil)
	rest := w.call(200, "GET", "/rates?limit=2&cursor="+text(first, "nextCursor"), nil)
	require.Equal(t, []any{rate("2026-11-01", "EUR", "USD", "1.1")}, rest["items"])
	w.call(422, "GET", "/rates?cursor=abc", nil)

	converted := w.call(200, "GET", "/rates/convert?amount=110&from=USD&to=JPY&date=2026-11-05", nil)
	require.Equal(t, "16150", converted["converted"])
	require.Len(t, converted["steps"], 2)
	require.Contains(t, w.call(422, "GET", "/rates/convert?amount=1&from=USD&to=EUR&date=2026-10-31", nil)["detail"], "no rate from USD to EUR", "a rate that is not there is told")
	w.call(422, "GET", "/rates/convert?amount=1&from=USD&to=XYZ", nil)
	w.call(422, "GET", "/rates/convert?from=USD&to=EUR", nil)

	w.call(204, "DELETE", "/rates/EUR/USD/2026-11-01", nil)
	w.call(404, "DELETE", "/rates/EUR/USD/2026-11-01", nil)
	w.call(404, "DELETE", "/rates/EUR/USD/today", nil)
	w.join()
	require.Empty(t, w.call(200, "GET", "/rates", nil)["items"])
	w.call(404, "DELETE", "/rates/EUR/JPY/2026-11-02", nil)

	w.token = ""
	codes := w.call(200, "GET", "/currencies", nil)["items"].([]any)
	require.Contains(t, codes, object{"code": "JPY", "name": "Yen", "digits": float64(0)})
}

func TestRatesThatAreNone(t *testing.T) {
	w := newWorld(t)
	w.join()
	for name, c := range map[string]struct{ field, value string }{
		"a day that is none":        {"date", "2026-02-30"},
		"a day in the future":       {"date", time.Now().AddDate(0, 0, 3).Format(time.DateOnly)},
		"a currency that is none":   {"base", "ZZZ"},
		"the same currency":         {"quote", "EUR"},
		"nothing":                   {"rate", "0"},
		"less than nothing":         {"rate", "-1"},
		"a rate in another writing": {"rate", "1,08"},
		"too many places":           {"rate", "1.0000000000001"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			body := object{"date": "2026-11-01", "base": "EUR", "quote": "USD", "rate": "1.08"}
			body[c.field] = c.value
			answer := w.call(422, "PUT", "/rates", body)
			require.Equal(t, c.field, answer["errors"].([]any)[0].(object)["field"])
		})
	}
}

func TestSumsAreConvertedAtTheRatesOfTheirDays(t *testing.T) {
	w := newWorld(t)
	euros := w.join()
	user := uuid.MustParse(text(w.call(200, "GET", "/auth/me", nil), "id"))
	wallet := func(code string) string {
		return text(w.call(201, "POST", "/wallets", object{"name": code, "type": "cash", "currency": code}), "id")
	}
	dollars, pounds := wallet("USD"), wallet("GBP")
	spend := func(wallet, amount, day string) {
		w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": amount, "type": "expense", "category": "groceries", "timestamp": day + "T23:00:00Z"})
	}
	for day, rate := range map[string]string{"2026-10-01": "0.50", "2026-10-20": "0.333", "2026-11-20": "0.9"} {
		w.call(200, "PUT", "/rates", object{"date": day, "base": "USD", "quote": "EUR", "rate": rate})
	}
	spend(euros, "10", "2026-10-05")
	spend(dollars, "0.01", "2026-10-20")
	spend(dollars, "0.01", "2026-10-31")
	spend(dollars, "100", "2026-10-19")
	spend(pounds, "7", "2026-10-19")
	spend(euros, "20", "2026-11-01")
	w.call(201, "POST", "/transactions", object{"walletId": euros, "amount": "500", "type": "transfer", "timestamp": "2026-10-05T00:00:00Z"})
	from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	all, err := w.api.Ledger.Sums(t.Context(), user, "EUR", from, from.AddDate(0, 2, 0))
	require.NoError(t, err)
	sums, left := all.Converted, all.Left
	require.Len(t, sums, 2)
	require.Equal(t, "60.00666", sums[0].Amount.String())
	require.Equal(t, "60.01", currency.Round(sums[0].Amount, "EUR").String())
	require.Equal(t, 4, sums[0].Transactions)
	require.True(t, sums[1].Amount.Equal(decimal.RequireFromString("20")))
	require.Equal(t, "2026-11", sums[1].Month.Format("2006-01"))
	require.Len(t, left, 1, "what has no rate is told")
	require.Equal(t, "GBP 1", fmt.Sprint(left[0].Currency, " ", left[0].Transactions))
}
