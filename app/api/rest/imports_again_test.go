//go:build integration

package rest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/finance/imports"
)

const autumn = "Date,Payee,Amount\n2026-11-02,Bakery Lane,-4.10\n2026-11-03,Grocer,-22.75\n2026-11-04,Employer,1810.00\n2026-11-05,Bookshop,-17.30\n2026-11-06,Tram,-2.40\n"

func (w *world) wallet(name, kind, currency string) string {
	w.t.Helper()
	return text(w.call(201, "POST", "/wallets", object{"name": name, "type": kind, "currency": currency}), "id")
}

func TestAFileThatWasImportedIntoAnotherWalletIsAskedFor(t *testing.T) {
	ofx := func(mark string) string {
		return "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR\n<BANKACCTFROM><BANKID>1<ACCTID>900</BANKACCTFROM>\n<BANKTRANLIST>\n" +
			"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261103<TRNAMT>-64.20<FITID>" + mark + "a<NAME>Water works</STMTTRN>\n" +
			"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261105<TRNAMT>-18.00<FITID>" + mark + "b<NAME>Barber</STMTTRN>\n</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
	}
	for name, c := range map[string]struct{ first, second, same string }{
		"the same bytes":                            {autumn, autumn, "file"},
		"saved again by a spreadsheet":              {autumn, "\ufeffDate;Payee;Amount\r\n06.11.2026;Tram;-2,40\r\n05.11.2026;Bookshop;-17,30\r\n04.11.2026;Employer;1810,00\r\n03.11.2026;Grocer;-22,75\r\n02.11.2026;Bakery Lane;-4,10\r\n", "movements"},
		"downloaded again, with other references":   {ofx("d1"), ofx("d2"), "movements"},
		"in other words, of days and amounts alone": {autumn, "Date,Text,Amount\n2026-11-02,Card 1,-4.10\n2026-11-03,Card 2,-22.75\n2026-11-04,Transfer 3,1810.00\n2026-11-05,Card 4,-17.30\n2026-11-06,Card 5,-2.40\n", "movements"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			main := w.join()
			savings := w.wallet("Savings", "savings", "EUR")
			done := w.call(201, "POST", "/imports", importing(main, c.first)(object{"fileName": "november"}))
			before := w.balance(main)
			second := importing(savings, c.second)

			preview := w.call(200, "POST", "/imports/preview", second(nil))
			again := preview["again"].([]any)
			require.Len(t, again, 1, "%v", preview)
			one := again[0].(object)
			require.Equal(t, []any{done["id"], main, "november", done["createdAt"], done["imported"], c.same},
				[]any{one["importId"], one["walletId"], one["fileName"], one["at"], one["rows"], one["same"]})
			require.NotEmpty(t, one["wallet"])
			require.Empty(t, w.call(200, "POST", "/imports/preview", importing(savings, "Date,Payee,Amount\n2026-11-02,Else,-1.00\n")(nil))["again"])

			for _, answer := range []object{nil, {"probable": "import"}, {"duplicates": "import"}} {
				refused := w.call(422, "POST", "/imports", second(answer))
				require.Equal(t, "again", refused["errors"].([]any)[0].(object)["field"], "%v", answer)
				require.Contains(t, refused["detail"], fmt.Sprintf("%q", one["wallet"]))
			}
			require.Equal(t, "0.00", w.balance(savings))
			require.Equal(t, before, w.balance(main))

			wanted := w.call(201, "POST", "/imports", second(object{"again": "import"}))
			require.Equal(t, done["imported"], wanted["imported"])
			require.Equal(t, before, w.balance(savings))
			require.Len(t, w.call(200, "POST", "/imports/preview", second(nil))["again"], 2)
			require.EqualValues(t, 0, w.call(201, "POST", "/imports", second(nil))["imported"], "nothing of it is booked, so nothing is asked")
			w.call(204, "DELETE", "/imports/"+text(wanted, "id"), nil)
			w.call(204, "DELETE", "/imports/"+text(done, "id"), nil)
			require.Empty(t, w.call(200, "POST", "/imports/preview", second(nil))["again"], "what was undone is not there")
			w.call(201, "POST", "/imports", second(nil))
		})
	}
}

func TestAFileComesAgainIntoItsOwnWallet(t *testing.T) {
	w := newWorld(t)
	main := w.join()
	body := importing(main, autumn)
	done := w.call(201, "POST", "/imports", body(nil))
	require.Len(t, w.call(200, "POST", "/imports/preview", body(nil))["again"], 1)
	require.EqualValues(t, 0, w.call(201, "POST", "/imports", body(nil))["imported"], "all of it is known")

	// The same bytes with the signs turned are none of the lines that are known.
	mapping := w.call(200, "POST", "/imports/preview", body(nil))["mapping"].(object)
	mapping["inverted"] = true
	require.Contains(t, w.call(422, "POST", "/imports", body(object{"mapping": mapping}))["detail"], "again")
	require.EqualValues(t, 5, w.call(201, "POST", "/imports", body(object{"mapping": mapping, "again": "import"}))["imported"])

	// What is there no more is not booked twice in another wallet.
	for _, one := range w.call(200, "GET", "/transactions?import="+text(done, "id"), nil)["items"].([]any) {
		w.call(204, "DELETE", "/transactions/"+text(one.(object), "id"), nil)
	}
	require.EqualValues(t, 6, w.call(201, "POST", "/imports", importing(w.wallet("Other", "cash", "EUR"), autumn+"2026-11-07,Kiosk,-1.00\n")(nil))["imported"])
}

func TestFilesThatOverlapWithAnotherWalletsAreTold(t *testing.T) {
	w := newWorld(t)
	main := w.join()
	savings := w.wallet("Savings", "savings", "EUR")
	w.call(201, "POST", "/imports", importing(main, autumn)(nil))
	overlapping := importing(savings, "Date,Payee,Amount\n2026-11-05,Bookshop,-17.30\n2026-11-06,Tram ticket,-2.40\n2026-11-07,Kiosk,-1.00\n2026-11-04,Landlord,1810.00\n")
	preview := w.call(200, "POST", "/imports/preview", overlapping(nil))
	require.Empty(t, preview["again"], "it is another file")
	probable := preview["probable"].([]any)
	require.Len(t, probable, 2, "%v", probable)
	for _, one := range probable {
		require.Equal(t, main, one.(object)["walletId"])
	}
	require.Contains(t, probable[0].(object)["reason"], "the same line was imported into the wallet")
	require.Equal(t, "probable", w.call(422, "POST", "/imports", overlapping(nil))["errors"].([]any)[0].(object)["field"])
	require.EqualValues(t, 2, w.call(201, "POST", "/imports", overlapping(object{"probable": "skip"}))["imported"])
	require.Equal(t, "1809.00", w.balance(savings))
	require.EqualValues(t, 0, w.call(201, "POST", "/imports", overlapping(nil))["imported"], "what was left out is not asked again")
}

func TestTheAccountsOfOneFileGoIntoSeveralWallets(t *testing.T) {
	w := newWorld(t)
	main := w.join()
	savings := w.wallet("Savings", "savings", "EUR")
	account := func(id, name string) string {
		return "<STMTTRNRS><STMTRS><CURDEF>EUR\n<BANKACCTFROM><BANKID>1<ACCTID>" + id + "</BANKACCTFROM>\n<BANKTRANLIST>\n" +
			"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261103<TRNAMT>-64.20<FITID>" + id + "a<NAME>" + name + "</STMTTRN>\n</BANKTRANLIST></STMTRS></STMTTRNRS>"
	}
	file := "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\n\n<OFX><BANKMSGSRSV1>" + account("900", "Water works") + account("901", "Barber") + "</BANKMSGSRSV1></OFX>\n"
	for id, wallet := range map[string]string{"900": main, "901": savings} {
		body := importing(wallet, file)
		require.Contains(t, w.call(422, "POST", "/imports", body(nil))["detail"], "account")
		w.call(201, "POST", "/imports", body(object{"mapping": object{"account": id}}))
	}
	require.Contains(t, w.call(422, "POST", "/imports", importing(savings, file)(object{"mapping": object{"account": "900"}}))["detail"], "again")
}

// Both wait for the user's lock, in whichever replica they are: the second sees what
// the first brought.
func TestOfTwoImportsOfAFileAtOnceOneIsAskedFor(t *testing.T) {
	w := newWorld(t)
	main := w.join()
	savings := w.wallet("Savings", "savings", "EUR")
	user := w.me()
	for round := range 5 {
		file := fmt.Sprintf("%s2026-11-07,Round %d,-9.00\n", autumn, round)
		errs := make([]error, 2)
		var both sync.WaitGroup
		for i, wallet := range []string{main, savings} {
			both.Go(func() {
				_, errs[i] = w.api.Imports.Import(t.Context(), user, imports.New{File: imports.File{WalletID: uuid.MustParse(wallet), File: []byte(file)}})
			})
		}
		both.Wait()
		refused := 0
		for _, err := range errs {
			if err != nil {
				require.ErrorContains(t, err, "was imported into the wallet")
				refused++
			}
		}
		require.Equal(t, 1, refused)
		for _, one := range w.call(200, "GET", "/imports", nil)["items"].([]any) {
			w.call(204, "DELETE", "/imports/"+text(one.(object), "id"), nil)
		}
	}
}
