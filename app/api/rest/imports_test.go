//go:build integration

package rest

import (
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

func encoded(file string) string { return base64.StdEncoding.EncodeToString([]byte(file)) }

const bankCSV = `Booking date;Payee;Purpose;Amount;Currency;Reference
2026-11-02;REWE Markt 4711;Card payment;-20,50;EUR;R1
2026-11-02;Cafe Zoe;Card payment;-3,20;EUR;R2
2026-11-03;ACME Ltd;Salary November;2.500,00;EUR;R3
2026-11-31;Nobody;a day that is none;-1,00;EUR;R4
2026-11-04;Diner;in another currency;-9,00;USD;R5
2026-11-02;Cafe Zoe;Card payment;-3,20;EUR;R2
`

func TestAStatementIsShownImportedAndTakenOutAgain(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "5", "type": "expense", "category": "groceries", "description": "REWE MARKT 0815 Berlin", "timestamp": "2026-10-01T10:00:00Z"})
	file := func(more object) object {
		body := object{"walletId": wallet, "fileName": "november.csv", "file": encoded(bankCSV)}
		for field, value := range more {
			body[field] = value
		}
		return body
	}

	preview := w.call(200, "POST", "/imports/preview", file(nil))
	require.Equal(t, "csv", preview["format"])
	require.Empty(t, preview["ambiguities"], "%v", preview)
	require.NotContains(t, preview, "problem")
	mapping := preview["mapping"].(object)
	require.Equal(t, ";", mapping["delimiter"])
	require.Len(t, preview["header"], 6)
	require.EqualValues(t, 4, preview["lines"])
	require.EqualValues(t, 1, preview["duplicates"])
	require.EqualValues(t, 2, preview["bad"])
	bad := preview["badLines"].([]any)
	require.EqualValues(t, 5, bad[0].(object)["line"])
	require.Contains(t, bad[1].(object)["reason"], "USD")
	var rows []string
	for _, row := range preview["rows"].([]any) {
		r := row.(object)
		rows = append(rows, fmt.Sprint(r["line"], " ", r["type"], " ", r["amount"], " ", r["category"], " ", r["duplicate"]))
	}
	require.Equal(t, []string{
		"2 expense 20.50 groceries <nil>", "3 expense 3.20 other <nil>", "4 income 2500.00 other-income <nil>", "7 expense 3.20 other is in this file twice",
	}, rows, "whom the user paid before is filed as then")
	require.Len(t, w.call(200, "GET", "/transactions", nil)["items"], 1, "a preview imports nothing")

	refused := w.call(422, "POST", "/imports", file(object{"badLines": "refuse"}))
	require.Contains(t, refused["detail"], "line 5")
	require.Empty(t, w.call(200, "GET", "/imports", nil)["items"])

	key := uuid.NewString()
	done := w.call(201, "POST", "/imports", file(object{"mapping": mapping}), "Idempotency-Key", key)
	require.EqualValues(t, 3, done["imported"])
	require.EqualValues(t, 1, done["duplicates"])
	require.EqualValues(t, 2, done["bad"])
	require.Equal(t, done, w.call(201, "POST", "/imports", file(object{"mapping": mapping}), "Idempotency-Key", key))
	id := text(done, "id")
	require.Equal(t, done, w.call(200, "GET", "/imports/"+id, nil))
	brought := w.call(200, "GET", "/transactions?import="+id, nil)["items"].([]any)
	require.Len(t, brought, 3)
	require.Equal(t, "2471.30", w.balance(wallet))
	events, _ := outbox[event.TransactionCreated](w, event.TypeTransactionCreated)
	require.Len(t, events, 4)

	again := w.call(201, "POST", "/imports", file(nil))
	require.EqualValues(t, 0, again["imported"])
	require.EqualValues(t, 4, again["duplicates"])
	anyway := w.call(201, "POST", "/imports", file(object{"duplicates": "import"}))
	require.EqualValues(t, 4, anyway["imported"])
	w.call(204, "DELETE", "/imports/"+text(anyway, "id"), nil)

	// What the user deletes by hand does not come again; what is undone does.
	w.call(204, "DELETE", "/transactions/"+text(brought[0].(object), "id"), nil)
	require.EqualValues(t, 0, w.call(201, "POST", "/imports", file(nil))["imported"])
	w.call(204, "DELETE", "/imports/"+id, nil)
	w.call(204, "DELETE", "/imports/"+id, nil)
	require.NotEmpty(t, w.call(200, "GET", "/imports/"+id, nil)["undoneAt"])
	require.Equal(t, "-5.00", w.balance(wallet))
	updates, _ := outbox[event.TransactionUpdated](w, event.TypeTransactionUpdated)
	require.Len(t, updates, 4+1+2, "each is told once")
	require.EqualValues(t, 3, w.call(201, "POST", "/imports", file(nil))["imported"])
	require.Len(t, w.call(200, "GET", "/imports?limit=2", nil)["items"], 2)

	w.join()
	w.call(404, "GET", "/imports/"+id, nil)
	w.call(404, "DELETE", "/imports/"+id, nil)
	require.Contains(t, w.call(422, "POST", "/imports", file(nil))["detail"], "walletId")
	require.Contains(t, w.call(422, "POST", "/imports/preview", file(nil))["detail"], "walletId")
}

func TestWhatWasEnteredByHandIsNotImportedAgain(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	other := text(w.call(201, "POST", "/wallets", object{"name": "Other", "type": "savings", "currency": "EUR"}), "id")
	w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "3.20", "type": "expense", "category": "leisure", "description": "cafe zoe, card payment", "timestamp": "2026-11-02T15:04:05Z"})
	w.call(201, "POST", "/transactions", object{"walletId": other, "toWalletId": wallet, "amount": "100", "type": "transfer", "description": "Savings", "timestamp": "2026-11-05T15:04:05Z"})
	csv := "Date,Payee,Amount\n2026-11-02,Cafe Zoe Card payment,-3.20\n2026-11-02,Cafe Zoe Card payment,-3.20\n2026-11-05,Savings,100.00\n2026-11-06,,-5.00\n"
	preview := w.call(200, "POST", "/imports/preview", object{"walletId": wallet, "file": encoded(csv)})
	require.EqualValues(t, 2, preview["duplicates"], "two coffees on one day are two: %v", preview)
	require.EqualValues(t, 2, w.call(201, "POST", "/imports", object{"walletId": wallet, "file": encoded(csv)})["imported"])
}

func TestWhatIsProbablyThereIsAskedFor(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	noted := w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "20.50", "type": "expense", "category": "groceries", "description": "rewe", "timestamp": "2026-11-01T18:00:00Z"})
	csv := "Date,Payee,Amount\n2026-11-03,KARTENZAHLUNG REWE MARKT 4711 BERLIN,-20.50\n2026-11-04,Kiosk,-2.00\n"
	file := func(more object) object {
		body := object{"walletId": wallet, "file": encoded(csv)}
		for field, value := range more {
			body[field] = value
		}
		return body
	}
	preview := w.call(200, "POST", "/imports/preview", file(nil))
	require.EqualValues(t, 0, preview["duplicates"])
	probable := preview["probable"].([]any)
	require.Len(t, probable, 1)
	require.EqualValues(t, 2, probable[0].(object)["line"])
	require.Equal(t, noted["id"], probable[0].(object)["transactionId"])
	require.Contains(t, probable[0].(object)["reason"], "same amount")

	refused := w.call(422, "POST", "/imports", file(nil))
	require.Equal(t, "probable", refused["errors"].([]any)[0].(object)["field"])
	require.Contains(t, refused["detail"], "line 2")
	w.call(422, "POST", "/imports", file(object{"skip": []int{3}}))
	w.call(422, "POST", "/imports", file(object{"skip": []int{2}, "import": []int{2}}))
	require.Empty(t, w.call(200, "GET", "/imports", nil)["items"], "nothing was imported by what was refused")

	done := w.call(201, "POST", "/imports", file(object{"skip": []int{2}}))
	require.EqualValues(t, 1, done["imported"])
	require.EqualValues(t, 1, done["duplicates"])
	require.Equal(t, "-22.50", w.balance(wallet))
	w.call(204, "DELETE", "/imports/"+text(done, "id"), nil)
	both := w.call(201, "POST", "/imports", file(object{"probable": "import"}))
	require.EqualValues(t, 2, both["imported"])
}

func TestALineStaysKnownWhenItsTransactionIsMovedAndEdited(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	other := text(w.call(201, "POST", "/wallets", object{"name": "Other", "type": "savings", "currency": "EUR"}), "id")
	body := object{"walletId": wallet, "file": encoded("Date,Payee,Amount\n2026-11-03,Kiosk,-2.00\n")}
	done := w.call(201, "POST", "/imports", body)
	brought := w.call(200, "GET", "/transactions?import="+text(done, "id"), nil)["items"].([]any)[0].(object)
	w.call(200, "PATCH", "/transactions/"+text(brought, "id"), object{"walletId": other, "amount": "3.00", "description": "sweets", "timestamp": "2026-10-01T10:00:00Z"})
	require.EqualValues(t, 1, w.call(201, "POST", "/imports", body)["duplicates"])
}

func TestARefundIsFiledWhereItsPurchaseIs(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	w.call(201, "POST", "/transactions", object{"walletId": wallet, "amount": "80", "type": "expense", "category": "shopping", "description": "Zalando", "timestamp": "2026-10-01T10:00:00Z"})
	csv := "Date,Payee,Amount\n2026-11-03,ZALANDO SE BERLIN,80.00\n2026-11-03,ACME Ltd,2500.00\n2026-11-04,Kiosk,-2.00\n2026-11-05,Baker,-3.00\n"
	rows := w.call(200, "POST", "/imports/preview", object{"walletId": wallet, "file": encoded(csv)})["rows"].([]any)
	require.Equal(t, "shopping", rows[0].(object)["category"])
	require.Equal(t, true, rows[0].(object)["refund"])
	require.NotContains(t, rows[1], "refund")
	w.call(201, "POST", "/imports", object{"walletId": wallet, "file": encoded(csv)})
	created, _ := outbox[event.TransactionCreated](w, event.TypeTransactionCreated)
	require.True(t, created[1].Refund)
	require.False(t, created[2].Refund)
}

func TestOtherStatements(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	ofx := `OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261105<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>EUR
<BANKACCTFROM><BANKID>1<ACCTID>2<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20261101<DTEND>20261105
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261102<TRNAMT>-20.50<FITID>A1<NAME>REWE Markt</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>1.00<DTASOF>20261105</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
`
	qif := "!Type:Bank\nD2026-11-03\nT-7.00\nPKiosk\n^\n"
	for name, c := range map[string]struct{ format, file string }{"OFX": {"ofx", ofx}, "QIF": {"qif", qif}} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			done := w.call(201, "POST", "/imports", object{"walletId": wallet, "file": encoded(c.file)})
			require.Equal(t, c.format, done["format"])
			require.EqualValues(t, 1, done["imported"])
			require.EqualValues(t, 1, w.call(201, "POST", "/imports", object{"walletId": wallet, "file": encoded(c.file)})["duplicates"])
		})
	}
}

func TestFilesThatCannotBeImported(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	archived := text(w.call(201, "POST", "/wallets", object{"name": "Old", "type": "cash", "currency": "EUR"}), "id")
	w.call(204, "DELETE", "/wallets/"+archived, nil)
	var many strings.Builder
	many.WriteString("Date,Payee,Amount\n")
	for i := range 5001 {
		fmt.Fprintf(&many, "2026-11-02,Shop %d,-1.%02d\n", i, i%100)
	}
	for name, c := range map[string]struct {
		status int
		change object
	}{
		"no base64":               {422, object{"file": "%%%"}},
		"nothing":                 {422, object{"file": ""}},
		"a picture":               {422, object{"file": encoded("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")}},
		"days in two ways":        {422, object{"file": encoded("Date,Payee,Amount\n01/02/2026,A,-1.00\n03/04/2026,B,-2.00\n")}},
		"a mapping of no column":  {422, object{"mapping": object{"delimiter": ",", "date": "Day", "dateLayout": "YYYY-MM-DD", "amount": "Amount", "decimalMark": "."}}},
		"more rows than go in":    {422, object{"file": encoded(many.String())}},
		"an archived wallet":      {422, object{"walletId": archived}},
		"an unknown format":       {422, object{"format": "pdf"}},
		"more than a request may": {413, object{"file": encoded(strings.Repeat("a,b,c\n", 1<<20))}},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			body := object{"walletId": wallet, "file": encoded("Date,Payee,Amount\n2026-11-02,A,-1.00\n")}
			for field, value := range c.change {
				body[field] = value
			}
			w.call(c.status, "POST", "/imports", body)
		})
	}
	w.t = t
	require.Empty(t, w.call(200, "GET", "/imports", nil)["items"])
	require.Empty(t, w.call(200, "GET", "/transactions", nil)["items"])
	preview := w.call(200, "POST", "/imports/preview", object{"walletId": wallet, "file": encoded("Date,Payee,Amount\n01/02/2026,A,-1.00\n03/04/2026,B,-2.00\n")})
	require.NotEmpty(t, preview["ambiguities"], "a person decides")
}

// TestQuestionsAreAnswered imports files that leave something open: a mapping that only
// repeats what was proposed answers nothing.
func TestQuestionsAreAnswered(t *testing.T) {
	w := newWorld(t)
	account := w.join()
	card := text(w.call(201, "POST", "/wallets", object{"name": "Card", "type": "credit", "currency": "EUR"}), "id")
	for name, c := range map[string]struct {
		wallet, file, field string
		proposed, other     any
		day, balance        string // as proposed
	}{
		"dates that are read in two ways": {account, "Date,Amount,Text\n01/02/2026,-1.50,a\n", "dateLayout", "DD/MM/YYYY", "MM/DD/YYYY", "2026-02-01", "-1.50"},
		"signs of a card's statement":     {card, "Date,Amount,Text\n2026-02-13,3.00,b\n2026-02-14,-5.00,c\n", "inverted", nil, true, "2026-02-13", "-2.00"},
	} {
		t.Run(name, func(t *testing.T) {
			send := func(status int, path string, more object) object {
				body := object{"walletId": c.wallet, "file": encoded(c.file)}
				maps.Copy(body, more)
				return w.call(status, "POST", path, body)
			}
			asked := func(preview object) (fields []any) {
				for _, a := range preview["ambiguities"].([]any) {
					fields = append(fields, a.(object)["field"])
				}
				return fields
			}
			preview := send(200, "/imports/preview", nil)
			require.Equal(t, []any{c.field}, asked(preview))
			mapping := preview["mapping"].(object)
			require.Equal(t, c.proposed, mapping[c.field])
			for _, more := range []object{{}, {"mapping": mapping}, {"mapping": mapping, "answered": []string{"date"}}} {
				require.Contains(t, send(422, "/imports", more)["detail"], "mapping."+c.field)
			}
			require.Equal(t, []any{c.field}, asked(send(200, "/imports/preview", object{"mapping": mapping})))

			changed := maps.Clone(mapping)
			changed[c.field] = c.other
			require.Empty(t, asked(send(200, "/imports/preview", object{"mapping": changed})))
			w.call(204, "DELETE", "/imports/"+text(send(201, "/imports", object{"mapping": changed}), "id"), nil)

			kept := object{"mapping": mapping, "answered": []string{c.field}}
			require.Empty(t, asked(send(200, "/imports/preview", kept)))
			id := text(send(201, "/imports", kept), "id")
			require.Equal(t, c.balance, w.balance(c.wallet))
			brought := w.call(200, "GET", "/transactions?import="+id, nil)["items"].([]any)
			require.Equal(t, c.day, brought[len(brought)-1].(object)["date"])
		})
	}
}

func TestAsManyRowsAsGoIn(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	var many strings.Builder
	many.WriteString("Date,Payee,Amount\n")
	for i := range 5000 {
		fmt.Fprintf(&many, "2026-%02d-%02d,Shop %d,-1.%02d\n", 1+i%10, 1+i%28, i, i%100)
	}
	body := object{"walletId": wallet, "file": encoded(many.String())}
	done := w.call(201, "POST", "/imports", body)
	require.EqualValues(t, 5000, done["imported"])
	var events int
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT count(DISTINCT payload->'data'->>'transactionId') FROM outbox WHERE payload->>'type' = 'transaction.created'").Scan(&events))
	require.Equal(t, 5000, events)
	require.EqualValues(t, 5000, w.call(201, "POST", "/imports", body)["duplicates"])
	w.call(204, "DELETE", "/imports/"+text(done, "id"), nil)
	require.Equal(t, "0.00", w.balance(wallet))
}
