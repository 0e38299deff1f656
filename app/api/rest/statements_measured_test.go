//go:build integration

package rest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// One month of an account as its bank gives it in four formats: whichever comes second, each
// of its movements is known. So are those that a person noted two days before.
func TestAMonthInAnotherFormatIsKnown(t *testing.T) {
	ofx := func(id string) string {
		return "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR\n<BANKACCTFROM><BANKID>1<ACCTID>900</BANKACCTFROM>\n<BANKTRANLIST>\n" +
			"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260903<TRNAMT>-64.20<FITID>" + id + "a<NAME>Water works</STMTTRN>\n<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260905<TRNAMT>-18.00<FITID>" + id + "b<NAME>Barber</STMTTRN>\n</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
	}
	files := map[string]string{
		"OFX":           ofx("d1"),
		"OFX, new ids":  ofx("d2"),
		"CSV":           "Date,Payee,Amount\n2026-09-03,WATER WORKS LTD,-64.20\n2026-09-05,Barber shop,-18.00\n",
		"QIF":           "!Type:Bank\nD2026-09-03\nT-64.20\nPWater works\n^\nD2026-09-05\nT-18.00\nPBarber\n^\n",
		"MT940":         ":20:A\n:25:1\n:28C:1\n:60F:C260901EUR100,00\n:61:2609030903D64,20N005NONREF\n:86:177?00X?20water?32Water works\n:61:2609050905D18,00N005NONREF\n:86:177?00X?20cut?32Barber\n:62F:C260930EUR17,80\n-\n",
		"noted by hand": "",
	}
	for first, before := range files {
		for second, file := range files {
			if file == "" || first == second {
				continue
			}
			t.Run(first+", then "+second, func(t *testing.T) {
				w := newWorld(t)
				wallet := w.join()
				if before == "" {
					for day, what := range map[string][2]string{"2026-09-01": {"64.20", "water works"}, "2026-09-03": {"18", "barber"}} {
						w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": what[0], "type": "expense", "category": "other", "description": what[1], "timestamp": day + "T18:00:00Z"})
					}
				} else {
					require.EqualValues(t, 2, w.call(201, "POST", "/imports", object{"walletId": wallet, "file": encoded(before)})["imported"])
				}
				preview := w.call(200, "POST", "/imports/preview", object{"walletId": wallet, "file": encoded(file)})
				known := int(preview["duplicates"].(float64)) + len(preview["probable"].([]any))
				require.Equal(t, 2, known, "%v", preview)
				w.call(201, "POST", "/imports", object{"walletId": wallet, "file": encoded(file), "probable": "skip"})
				require.Equal(t, "-82.20", w.balance(wallet))
			})
		}
	}
}

// Both sides of a transfer, as two banks tell of them: one transfer, an income of 2000.00 and
// expenses of 61.72.
func TestTheTransferOfTwoStatementsIsCountedOnce(t *testing.T) {
	w := newWorld(t)
	checking := w.join()
	savings := w.wallet("Savings", "savings", "EUR")
	w.call(201, "POST", "/imports", object{"walletId": checking, "file": encoded("Date,Description,Amount\n2026-11-02,Salary,2000.00\n2026-11-03,Transfer to own savings,-500.00\n2026-11-20,Card settlement,-61.62\n")})
	w.call(201, "POST", "/imports", object{"walletId": savings, "file": encoded("Date,Description,Amount\n2026-11-03,Transfer from own account,500.00\n2026-11-25,Fee,-0.10\n")})
	sums := func() []any {
		one := w.call(200, "GET", "/summaries/financial?from=2026-11-01&to=2026-11-30", nil)["currencies"].([]any)[0].(object)
		return []any{one["income"], one["expenses"]}
	}
	require.Equal(t, []any{"2500.00", "561.72"}, sums())
	found := w.suggestions()
	require.Len(t, found, 1)
	w.call(200, "POST", "/transfers/accept", object{"outId": found[0].(object)["out"].(object)["id"], "inId": found[0].(object)["in"].(object)["id"]})
	require.Equal(t, []any{"2000.00", "61.72"}, sums())
}
