//go:build integration

package rest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswersAreRememberedForAWallet(t *testing.T) {
	w := newWorld(t)
	main := w.join()
	other := w.wallet("Other", "checking", "EUR")
	month := func(day string) string { return "Date,Amount,Text\n" + day + ",-1.50,a\n" }
	body := func(day string, more object) object { return importing(main, month(day))(more) }
	preview := w.call(200, "POST", "/imports/preview", body("01/02/2026", nil))
	require.Equal(t, []string{"dateLayout"}, asked(preview))
	require.Empty(t, preview["remembered"])
	mapping := preview["mapping"].(object)
	mapping["dateLayout"] = "MM/DD/YYYY"
	w.call(422, "POST", "/imports", body("01/02/2026", nil))
	first := w.call(201, "POST", "/imports", body("01/02/2026", object{"mapping": mapping}))

	preview = w.call(200, "POST", "/imports/preview", body("03/02/2026", nil))
	require.Empty(t, asked(preview))
	require.Equal(t, []any{"dateLayout"}, preview["remembered"])
	require.Equal(t, "MM/DD/YYYY", preview["mapping"].(object)["dateLayout"])
	second := w.call(201, "POST", "/imports", body("03/02/2026", object{"mapping": preview["mapping"]}))
	w.call(201, "POST", "/imports", body("04/02/2026", nil))
	day := w.call(200, "GET", "/transactions?import="+text(second, "id"), nil)["items"].([]any)[0].(object)["date"]
	require.Equal(t, "2026-03-02", day)

	for name, unlike := range map[string]object{
		"another wallet": importing(other, month("03/02/2026"))(nil),
		"other columns":  importing(main, "Date,Amount,Narrative\n03/02/2026,-1.50,a\n")(nil),
	} {
		require.Equal(t, []string{"dateLayout"}, asked(w.call(200, "POST", "/imports/preview", unlike)), name)
	}
	w.call(422, "POST", "/imports", body("03/05/2026", object{"mapping": object{"delimiter": ",", "date": "Date", "dateLayout": "DD/MM/YYYY", "amount": "Amount", "decimalMark": ".", "description": []string{"Text"}}}))

	// A file that speaks for the other order is asked about, and the answer settles nothing
	// for the files to come.
	preview = w.call(200, "POST", "/imports/preview", body("25/03/2026", nil))
	require.Equal(t, []string{"dateLayout"}, asked(preview))
	w.call(422, "POST", "/imports", body("25/03/2026", nil))
	w.call(201, "POST", "/imports", body("25/03/2026", object{"answered": []string{"dateLayout"}}))
	require.Equal(t, []string{"dateLayout"}, asked(w.call(200, "POST", "/imports/preview", body("05/06/2026", nil))))

	// What an import taught goes with it.
	again := w.call(201, "POST", "/imports", body("05/06/2026", object{"answered": []string{"dateLayout"}}))
	require.Empty(t, asked(w.call(200, "POST", "/imports/preview", body("07/06/2026", nil))))
	w.call(204, "DELETE", "/imports/"+text(again, "id"), nil)
	require.Equal(t, []string{"dateLayout"}, asked(w.call(200, "POST", "/imports/preview", body("07/06/2026", nil))))
	w.call(204, "DELETE", "/imports/"+text(first, "id"), nil)
}

func TestAccountsAreRememberedForAWallet(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	other := w.wallet("Nest egg", "savings", "EUR")
	w.call(201, "POST", "/imports", importing(wallet, everydayQIF)(object{"accounts": []object{{"name": "Savings", "walletId": other}}}))
	next := importing(wallet, "!Type:Bank\nD15.04'2026\nT-100.00\nPTo savings\nL[Savings]\n^\nD16.04'2026\nT-1.00\nPKiosk\n^\n")
	preview := w.call(200, "POST", "/imports/preview", next(nil))
	require.Empty(t, asked(preview))
	one := preview["accounts"].([]any)[0].(object)
	require.Equal(t, []any{other, "before"}, []any{one["walletId"], one["known"]})
	w.call(201, "POST", "/imports", next(nil))
	require.Equal(t, "400.00", w.balance(other))
	w.call(204, "DELETE", "/wallets/"+other, nil)
	require.Equal(t, []string{"accounts"}, asked(w.call(200, "POST", "/imports/preview", importing(wallet, "!Type:Bank\nD15.05'2026\nT-100.00\nPTo savings\nL[Savings]\n^\n")(nil))), "of an archived wallet nothing is remembered")
}

func TestAWalletRemembersSoManyKindsOfFiles(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	for i := range 22 {
		file := fmt.Sprintf("Date,Amount,Text,Column %d\n01/02/2026,-1.%02d,a,\n", i, i)
		w.call(201, "POST", "/imports", importing(wallet, file)(object{"answered": []string{"dateLayout"}, "probable": "import"}))
	}
	require.Equal(t, 20, w.rows(w.me())["import_presets"])
}
