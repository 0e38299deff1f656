//go:build integration

package rest

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

const everydayQIF = "!Type:Bank\nD28.02'2026\nT250.00\nCX\nPOpening Balance\nL[Everyday]\n^\nD02.03'2026\nT-300.00\nPTo savings\nL[Savings]\n^\nD15.03'2026\nT-12.40\nPKiosk\nLFood\n^\n"
const savingsQIF = "!Type:Bank\nD04.03'2026\nT300.00\nPFrom everyday\nL[Everyday]\n^\nD16.03'2026\nT1.00\nPInterest\n^\n"

// importing returns a function that makes the body of an import.
func importing(wallet, file string) func(object) object {
	return func(more object) object {
		body := object{"walletId": wallet, "file": encoded(file)}
		for field, value := range more {
			body[field] = value
		}
		return body
	}
}

func TestATransferThatAStatementNamesIsAskedFor(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	other := text(w.call(201, "POST", "/wallets", object{"name": "Nest egg", "type": "savings", "currency": "EUR"}), "id")
	dollars := text(w.call(201, "POST", "/wallets", object{"name": "Dollars", "type": "savings", "currency": "USD"}), "id")
	body := importing(wallet, everydayQIF)

	preview := w.call(200, "POST", "/imports/preview", body(nil))
	asked := preview["ambiguities"].([]any)
	require.Equal(t, "accounts", asked[len(asked)-1].(object)["field"])
	require.Contains(t, asked[len(asked)-1].(object)["reason"], `"Savings"`)
	require.Contains(t, asked[len(asked)-1].(object)["choices"], other)
	refused := w.call(422, "POST", "/imports", body(nil))
	require.Contains(t, refused["detail"], "Savings")

	for name, accounts := range map[string][]object{
		"another currency":            {{"name": "Savings", "walletId": dollars}},
		"nobody's wallet":             {{"name": "Savings", "walletId": uuid.NewString()}},
		"an account it does not name": {{"name": "Else", "walletId": other}},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.call(422, "POST", "/imports", body(object{"accounts": accounts}))
		})
	}
	w.t = t
	require.Empty(t, w.call(200, "GET", "/imports", nil)["items"])

	none := w.call(201, "POST", "/imports", body(object{"accounts": []object{{"name": "Savings"}}}))
	require.Equal(t, "-312.40", w.balance(wallet), "without a wallet it is an expense, as was answered")
	w.call(204, "DELETE", "/imports/"+text(none, "id"), nil)

	done := w.call(201, "POST", "/imports", body(object{"accounts": []object{{"name": "savings", "walletId": other}}}))
	require.EqualValues(t, 2, done["imported"])
	require.Equal(t, "-312.40", w.balance(wallet))
	require.Equal(t, "300.00", w.balance(other))
	w.call(204, "DELETE", "/imports/"+text(done, "id"), nil)
	require.Equal(t, "0.00", w.balance(wallet))
	require.Equal(t, "0.00", w.balance(other))
}

func TestBothStatementsOfATransferMakeOne(t *testing.T) {
	w := newWorld(t)
	w.join()
	everyday := text(w.call(201, "POST", "/wallets", object{"name": "Everyday", "type": "checking", "currency": "EUR"}), "id")
	savings := text(w.call(201, "POST", "/wallets", object{"name": "Savings", "type": "savings", "currency": "EUR"}), "id")
	first, second := importing(everyday, everydayQIF), importing(savings, savingsQIF)
	for name, order := range map[string][2]func(object) object{"one way": {first, second}, "and the other": {second, first}} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			a := w.call(201, "POST", "/imports", order[0](nil))
			b := w.call(201, "POST", "/imports", order[1](nil))
			require.EqualValues(t, 1, b["duplicates"])
			require.Equal(t, "-312.40", w.balance(everyday))
			require.Equal(t, "301.00", w.balance(savings))
			require.EqualValues(t, 0, w.call(201, "POST", "/imports", order[0](nil))["imported"], "known again")
			require.EqualValues(t, 0, w.call(201, "POST", "/imports", order[1](nil))["imported"], "known again")
			w.call(204, "DELETE", "/imports/"+text(b, "id"), nil)
			w.call(204, "DELETE", "/imports/"+text(a, "id"), nil)
			require.Equal(t, "0.00", w.balance(everyday))
			require.Equal(t, "0.00", w.balance(savings))
		})
	}
	w.t = t
	// The other side came as an income before, by a statement that named nothing.
	plain := w.call(201, "POST", "/imports", object{"walletId": savings, "file": encoded("Date,Payee,Amount\n2026-03-04,Ada Lovelace,300.00\n2026-03-20,Fee,-1.00\n")})
	rows := w.call(200, "POST", "/imports/preview", first(nil))["rows"].([]any)
	require.Equal(t, "transfer", rows[0].(object)["type"])
	require.NotEmpty(t, rows[0].(object)["otherSideId"])
	done := w.call(201, "POST", "/imports", first(nil))
	require.Equal(t, "-312.40", w.balance(everyday))
	require.Equal(t, "299.00", w.balance(savings))
	w.call(204, "DELETE", "/imports/"+text(done, "id"), nil)
	require.Equal(t, "299.00", w.balance(savings), "it is an income again")
	w.call(204, "DELETE", "/imports/"+text(plain, "id"), nil)
}

func TestWhatWasLeftOutIsNotAskedAgain(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	download := func(mark string) string {
		return "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR\n<BANKACCTFROM><BANKID>1<ACCTID>900</BANKACCTFROM>\n<BANKTRANLIST>\n" +
			"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260903<TRNAMT>-64.20<FITID>" + mark + "a<NAME>Water works</STMTTRN>\n" +
			"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260905<TRNAMT>-18.00<FITID>" + mark + "b<NAME>Barber</STMTTRN>\n</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
	}
	w.call(201, "POST", "/imports", importing(wallet, download("d1"))(nil))
	second := importing(wallet, download("d2"))
	require.Len(t, w.call(200, "POST", "/imports/preview", second(nil))["probable"], 2, "new marks of the bank's, the same movements")
	w.call(422, "POST", "/imports", second(nil))
	skipped := w.call(201, "POST", "/imports", second(object{"probable": "skip"}))
	require.EqualValues(t, 2, skipped["duplicates"])
	require.EqualValues(t, 2, w.call(201, "POST", "/imports", second(nil))["duplicates"], "answered before")
	csv := importing(wallet, "Date,Payee,Amount\n2026-09-03,Water works,-64.20\n2026-09-05,Barber,-18.00\n")
	require.Len(t, w.call(200, "POST", "/imports/preview", csv(nil))["probable"], 2)
	require.Equal(t, "-82.20", w.balance(wallet))
	w.call(204, "DELETE", "/imports/"+text(skipped, "id"), nil)
	w.call(422, "POST", "/imports", second(nil))
}

func TestTwoStatementsOfOneTransferCountItOnceWhenItIsAccepted(t *testing.T) {
	w := newWorld(t)
	checking := w.join()
	savings := text(w.call(201, "POST", "/wallets", object{"name": "Savings", "type": "savings", "currency": "EUR"}), "id")
	day := time.Now().UTC().AddDate(0, 0, -20).Format(time.DateOnly)
	w.call(201, "POST", "/imports", importing(checking, "Date,Description,Amount\n"+day+",Salary,2000.00\n"+day+",Transfer to own savings,-500.00\n"+day+",Card settlement,-61.62\n")(nil))
	w.call(201, "POST", "/imports", importing(savings, "Date,Description,Amount\n"+day+",Transfer from own account,500.00\n"+day+",Fee,-0.10\n")(nil))
	sums := func() [2]string {
		income, expenses := decimal.Zero, decimal.Zero
		for _, one := range w.call(200, "GET", "/transactions?limit=100", nil)["items"].([]any) {
			amount := decimal.RequireFromString(text(one.(object), "amount"))
			switch text(one.(object), "type") {
			case "income":
				income = income.Add(amount)
			case "expense":
				expenses = expenses.Add(amount)
			}
		}
		return [2]string{income.StringFixed(2), expenses.StringFixed(2)}
	}
	require.Equal(t, [2]string{"2500.00", "561.72"}, sums())
	found := w.suggestions()
	require.Len(t, found, 1)
	pair := object{"outId": found[0].(object)["out"].(object)["id"], "inId": found[0].(object)["in"].(object)["id"]}
	key := uuid.NewString()
	accepted := w.call(200, "POST", "/transfers/accept", pair, "Idempotency-Key", key)
	require.Equal(t, accepted, w.call(200, "POST", "/transfers/accept", pair, "Idempotency-Key", key))
	require.Equal(t, [2]string{"2000.00", "61.72"}, sums())
	w.call(200, "POST", "/transfers/"+pair["inId"].(string)+"/undo", nil)
	require.Equal(t, [2]string{"2500.00", "561.72"}, sums())
}
