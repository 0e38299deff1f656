//go:build integration

package rest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTransfersAcrossCurrencies imports both sides of a transfer from two banks that keep
// other currencies.
func TestTransfersAcrossCurrencies(t *testing.T) {
	w := newWorld(t)
	euros := w.join()
	dollars := w.wallet("Dollars", "savings", "USD")
	day := time.Now().UTC().AddDate(0, 0, -9)
	on := func(later int) string { return day.AddDate(0, 0, later).Format(time.DateOnly) }
	out := w.call(201, "POST", "/imports", importing(euros, "Date,Payee,Amount\n"+on(0)+",Exchange,-500.00\n"+on(1)+",Kiosk,-61.72\n")(nil))
	in := w.call(201, "POST", "/imports", importing(dollars, "Date,Payee,Amount\n"+on(1)+",From abroad,537.31\n"+on(1)+",Fee,-1.00\n")(nil))
	sides := object{}
	for name, id := range map[string]object{"outId": out, "inId": in} {
		for _, one := range w.call(200, "GET", "/transactions?import="+text(id, "id"), nil)["items"].([]any) {
			if amount := one.(object)["amount"]; amount == "500.00" || amount == "537.31" {
				sides[name] = one.(object)["id"]
			}
		}
	}
	require.Empty(t, w.suggestions(), "without a rate nothing says that they belong together")
	w.call(200, "PUT", "/rates", object{"date": on(-2), "base": "EUR", "quote": "USD", "rate": "1.50"})
	require.Empty(t, w.suggestions(), "nor by a rate that is far off")
	w.call(200, "PUT", "/rates", object{"date": on(-1), "base": "EUR", "quote": "USD", "rate": "1.08"})
	found := w.suggestions()
	require.Len(t, found, 1)
	one := found[0].(object)
	require.Equal(t, []any{sides["outId"], sides["inId"]}, []any{one["out"].(object)["id"], one["in"].(object)["id"]})
	require.Contains(t, one["reason"], "540.00 USD at the known rate")

	transfer := w.call(200, "POST", "/transfers/accept", sides)
	require.Equal(t, []any{"transfer", "500.00", "EUR", "537.31"}, []any{transfer["type"], transfer["amount"], transfer["currency"], transfer["toAmount"]})
	require.Equal(t, []string{"-561.72", "536.31"}, []string{w.balance(euros), w.balance(dollars)}, "each wallet has what its bank says")

	// What is sent later than what came is no transfer of it, and a change of one amount
	// alone must not turn money into another currency.
	id := text(transfer, "id")
	w.call(422, "PATCH", "/transactions/"+id, object{"toWalletId": euros})
	other := w.wallet("Yen", "savings", "JPY")
	w.call(422, "PATCH", "/transactions/"+id, object{"toWalletId": other})
	require.Equal(t, []string{"-561.72", "536.31"}, []string{w.balance(euros), w.balance(dollars)})

	// Each bank's statement is known again.
	require.EqualValues(t, 2, w.call(200, "POST", "/imports/preview", importing(euros, "Date,Payee,Amount\n"+on(0)+",Exchange,-500.00\n"+on(1)+",Kiosk,-61.72\n")(nil))["duplicates"])
	require.EqualValues(t, 2, w.call(200, "POST", "/imports/preview", importing(dollars, "Date,Payee,Amount\n"+on(1)+",From abroad,537.31\n"+on(1)+",Fee,-1.00\n")(nil))["duplicates"])

	w.call(200, "POST", "/transfers/"+id+"/undo", nil)
	require.Equal(t, []string{"-561.72", "536.31"}, []string{w.balance(euros), w.balance(dollars)})
	require.Empty(t, w.suggestions(), "what was undone is not suggested again")
	w.call(200, "POST", "/transfers/accept", sides)
	w.call(204, "DELETE", "/imports/"+text(in, "id"), nil)
	require.Equal(t, []string{"-561.72", "0.00"}, []string{w.balance(euros), w.balance(dollars)}, "the other side is an expense again")

	// Entered at once, a transfer across currencies needs what arrives.
	entry := object{"walletId": euros, "toWalletId": dollars, "amount": "100", "type": "transfer"}
	w.call(422, "POST", "/transactions", entry)
	entry["toAmount"] = "108.004"
	w.call(422, "POST", "/transactions", entry)
	entry["toAmount"] = "108"
	w.call(201, "POST", "/transactions", entry)
	require.Equal(t, []string{"-661.72", "108.00"}, []string{w.balance(euros), w.balance(dollars)})
}
