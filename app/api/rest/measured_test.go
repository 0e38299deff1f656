//go:build integration

package rest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Amounts finer than their currency's minor unit, currencies that there are not, and
// categories of the other direction are refused with a reason wherever they can be sent.
func TestWhatMakesNoSenseIsRefusedEverywhere(t *testing.T) {
	w := newWorld(t)
	euros := w.join()
	yen := w.wallet("Yen", "savings", "JPY")
	goal := w.call(201, "POST", "/goals", object{"name": "Bike", "target": "500", "currency": "EUR"})
	budget := w.call(201, "POST", "/budgets", object{"category": "groceries", "amount": "400", "currency": "EUR", "month": "2026-09"})
	spent := w.call(201, "POST", "/transactions", object{"walletId": euros, "amount": "5", "type": "expense", "category": "groceries"})
	moved := w.call(201, "POST", "/transactions", object{"walletId": euros, "toWalletId": yen, "amount": "5", "toAmount": "800", "type": "transfer"})
	for name, c := range map[string]struct {
		method, path string
		body         object
		field, says  string
	}{
		"a hundredth of a cent":             {"POST", "/transactions", object{"walletId": euros, "amount": "0.0001", "type": "expense", "category": "other"}, "amount", "EUR"},
		"parts of a yen":                    {"POST", "/transactions", object{"walletId": yen, "amount": "1200.55", "type": "expense", "category": "other"}, "amount", "JPY"},
		"parts of a yen, moved":             {"POST", "/transactions", object{"walletId": euros, "toWalletId": yen, "amount": "5", "toAmount": "800.5", "type": "transfer"}, "toAmount", "JPY"},
		"an edit of an amount":              {"PATCH", "/transactions/" + text(spent, "id"), object{"amount": "0.001"}, "amount", "EUR"},
		"an edit into yen":                  {"PATCH", "/transactions/" + text(spent, "id"), object{"walletId": yen}, "amount", ""},
		"an edit of one side of a transfer": {"PATCH", "/transactions/" + text(moved, "id"), object{"amount": "6"}, "toAmount", ""},
		"an edit of where a transfer goes":  {"PATCH", "/transactions/" + text(moved, "id"), object{"toWalletId": euros}, "", ""},
		"a budget":                          {"POST", "/budgets", object{"category": "housing", "amount": "0.001", "currency": "EUR", "month": "2026-09"}, "amount", "EUR"},
		"a budget's change":                 {"PUT", "/budgets/" + text(budget, "id"), object{"amount": "1.001"}, "amount", "EUR"},
		"a goal":                            {"POST", "/goals", object{"name": "a", "target": "1200.5", "currency": "JPY"}, "target", "JPY"},
		"a goal's change":                   {"PATCH", "/goals/" + text(goal, "id"), object{"target": "1200.555"}, "target", "EUR"},
		"an opening balance":                {"POST", "/wallets", object{"name": "a", "type": "cash", "currency": "JPY", "openingBalance": "0.5"}, "openingBalance", "JPY"},
		"a retired currency":                {"POST", "/wallets", object{"name": "a", "type": "cash", "currency": "DEM"}, "currency", "DEM"},
		"ISO 4217's code for no currency":   {"POST", "/wallets", object{"name": "a", "type": "cash", "currency": "XXX"}, "currency", "XXX"},
		"a budget in a retired currency":    {"POST", "/budgets", object{"category": "housing", "amount": "1", "currency": "ITL", "month": "2026-09"}, "currency", "ITL"},
		"a goal in a retired currency":      {"POST", "/goals", object{"name": "a", "target": "1200", "currency": "HRK"}, "currency", "HRK"},
		"a rate of a retired currency":      {"PUT", "/rates", object{"base": "DEM", "quote": "EUR", "date": "2026-09-01", "rate": "0.5"}, "base", "DEM"},
		"an expense that is a salary":       {"POST", "/transactions", object{"walletId": euros, "amount": "1", "type": "expense", "category": "salary"}, "category", "salary"},
		"a budget of a salary":              {"POST", "/budgets", object{"category": "salary", "amount": "1", "currency": "EUR", "month": "2026-09"}, "category", "salary"},
		"an edit into the other direction":  {"PATCH", "/transactions/" + text(spent, "id"), object{"category": "salary"}, "category", "salary"},
		"a goal whose deadline has gone by": {"POST", "/goals", object{"name": "a", "target": "1200", "currency": "EUR", "deadline": "2020-01-01"}, "deadline", ""},
		"a search from after its end":       {"GET", "/transactions?from=2026-09-02&until=2026-09-01", nil, "", ""},
		"a search of amounts turned round":  {"GET", "/transactions?min=5&max=1", nil, "", ""},
		"a summary turned round":            {"GET", "/summaries/categories?from=2026-09-02&to=2026-09-01", nil, "", ""},
		"a summary in a retired currency":   {"GET", "/summaries/financial?currency=DEM", nil, "currency", "DEM"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			var body any
			if c.body != nil {
				body = c.body
			}
			refused := w.call(422, c.method, c.path, body)
			detail := fmt.Sprint(refused["detail"])
			if c.field != "" {
				require.Equal(t, c.field, refused["errors"].([]any)[0].(object)["field"], detail)
			}
			require.Contains(t, detail, c.says)
		})
	}
}
