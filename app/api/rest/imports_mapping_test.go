//go:build integration

package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/finance/statement"
)

func TestQuestionsAreTyped(t *testing.T) {
	w := newWorld(t)
	raw, err := w.api.Document()
	require.NoError(t, err)
	type property struct {
		Enum  []statement.Field
		Items struct{ Enum []statement.Field }
	}
	var document struct {
		Components struct {
			Schemas map[string]struct{ Properties map[string]property }
		}
	}
	require.NoError(t, json.Unmarshal(raw, &document))
	schemas := document.Components.Schemas
	require.Equal(t, statement.Fields(), schemas["Ambiguity"].Properties["field"].Enum)
	for _, schema := range []string{"New", "File"} {
		name := schema
		if _, is := schemas[name]; !is {
			name = "Imports" + schema
		}
		require.Equal(t, statement.Fields(), schemas[name].Properties["answered"].Items.Enum, "%v", schema)
	}
}

func asked(preview object) (fields []string) {
	for _, a := range preview["ambiguities"].([]any) {
		fields = append(fields, text(a.(object), "field"))
	}
	return fields
}

func TestTheAccountsOfOneCSVGoIntoSeveralWallets(t *testing.T) {
	w := newWorld(t)
	main := w.join()
	savings := w.wallet("Savings", "savings", "EUR")
	const file = "Account,Date,Text,Amount\nEveryday,2026-11-02,Bakery Lane,-1.00\nNest egg,2026-11-03,Interest,2.00\nEveryday,2026-11-04,Grocer,-3.00\nNest egg,2026-11-05,Fee,-0.50\nEveryday,2026-11-06,Tram,-4.00\n"
	for account, wallet := range map[string]string{"Everyday": main, "Nest egg": savings} {
		body := importing(wallet, file)
		preview := w.call(200, "POST", "/imports/preview", body(nil))
		require.Equal(t, []string{"account"}, asked(preview))
		require.Equal(t, []any{"Everyday", "Nest egg"}, preview["ambiguities"].([]any)[0].(object)["choices"])
		mapping := preview["mapping"].(object)
		require.Equal(t, "Account", mapping["accountColumn"])
		require.Contains(t, w.call(422, "POST", "/imports", body(object{"mapping": mapping}))["detail"], "mapping.account")
		require.Contains(t, w.call(422, "POST", "/imports", body(object{"mapping": mapping, "answered": []string{"account"}}))["detail"], "choose whose movements are meant")
		mapping["account"] = account
		preview = w.call(200, "POST", "/imports/preview", body(object{"mapping": mapping}))
		require.Empty(t, asked(preview))
		require.NotContains(t, preview, "problem")
		w.call(201, "POST", "/imports", body(object{"mapping": mapping}))
	}
	require.Equal(t, "-8.00", w.balance(main))
	require.Equal(t, "1.50", w.balance(savings))
	other := w.wallet("All", "cash", "EUR")
	mapping := w.call(200, "POST", "/imports/preview", importing(other, file)(nil))["mapping"].(object)
	mapping["accountColumn"] = "-"
	preview := w.call(200, "POST", "/imports/preview", importing(other, file)(object{"mapping": mapping}))
	require.Empty(t, asked(preview))
	require.EqualValues(t, 5, preview["lines"], "they are other people's accounts")
	require.Len(t, preview["probable"], 5, "and all of it is in the other wallets")
}

func TestFeesAreBookedAsLinesOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	main := w.join()
	const file = "Date,Text,Amount,Fee\n2026-11-02,Cash machine,-50.00,1.00\n2026-11-03,Grocer,-20.00,0.00\n"
	body := importing(main, file)
	preview := w.call(200, "POST", "/imports/preview", body(nil))
	require.Equal(t, []string{"feeMode"}, asked(preview))
	mapping := preview["mapping"].(object)
	require.Equal(t, []any{"Fee", "added"}, []any{mapping["fee"], mapping["feeMode"]})
	w.call(422, "POST", "/imports", body(nil))
	for mode, want := range map[string]struct{ balance, amounts string }{"added": {"-71.00", "20.00 1.00 50.00 "}, "included": {"-70.00", "20.00 1.00 49.00 "}} {
		answer := maps.Clone(mapping)
		answer["feeMode"] = mode
		done := w.call(201, "POST", "/imports", body(object{"mapping": answer, "answered": []string{"feeMode"}}))
		require.EqualValues(t, 3, done["imported"])
		require.Equal(t, want.balance, w.balance(main), mode)
		amounts, fee := "", object{}
		for _, one := range w.call(200, "GET", "/transactions?import="+text(done, "id"), nil)["items"].([]any) {
			amounts += fmt.Sprint(one.(object)["amount"], " ")
			if one.(object)["amount"] == "1.00" {
				fee = one.(object)
			}
		}
		require.ElementsMatch(t, []byte(want.amounts), []byte(amounts))
		require.Equal(t, "other", fee["category"])
		require.Equal(t, "Fee: Cash machine", fee["description"])
		require.EqualValues(t, 0, w.call(201, "POST", "/imports", body(object{"mapping": answer, "answered": []string{"feeMode"}}))["imported"], "known again")
		w.call(204, "DELETE", "/imports/"+text(done, "id"), nil)
	}
	w.call(201, "POST", "/categories", object{"name": "Bank fees", "kind": "expense"})
	rows := w.call(200, "POST", "/imports/preview", body(nil))["rows"].([]any)
	require.Equal(t, "bank-fees", rows[1].(object)["category"])
	answer := maps.Clone(mapping)
	answer["fee"] = "-"
	delete(answer, "feeMode")
	require.EqualValues(t, 2, w.call(201, "POST", "/imports", body(object{"mapping": answer}))["imported"])
}
