//go:build integration

package rest

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

// text reads a field that is a string.
func text(answer object, field string) string {
	its, _ := answer[field].(string)
	return its
}

func (w *world) balance(wallet string) string {
	w.t.Helper()
	return text(w.call(200, "GET", "/wallets/"+wallet, nil), "balance")
}

func TestAWalletHoldsWhatItsTransactionsMoved(t *testing.T) {
	w := newWorld(t)
	main := w.join()
	card := text(w.call(201, "POST", "/wallets", object{"name": "Card", "type": "credit", "currency": "EUR", "openingBalance": "-120.5"}), "id")
	dollars := text(w.call(201, "POST", "/wallets", object{"name": "Dollars", "type": "savings", "currency": "USD"}), "id")
	require.Equal(t, "-120.50", w.balance(card))

	post := func(body object) object { return w.call(201, "POST", "/transactions", body) }
	post(object{"walletId": main, "amount": "1000", "type": "income", "category": "salary"})
	spent := post(object{"walletId": main, "amount": "12.34", "type": "expense", "category": "groceries"})
	moved := post(object{"walletId": main, "toWalletId": card, "amount": "100", "type": "transfer"})
	require.Equal(t, "transfer", moved["category"])
	post(object{"walletId": main, "toWalletId": dollars, "amount": "200", "toAmount": "216.68", "type": "transfer"})
	post(object{"walletId": main, "amount": "50", "type": "transfer"}) // to an account that is not kept here
	require.Equal(t, "637.66", w.balance(main))
	require.Equal(t, "-20.50", w.balance(card))
	require.Equal(t, "216.68", w.balance(dollars))

	w.call(204, "DELETE", "/transactions/"+text(spent, "id"), nil)
	w.call(204, "DELETE", "/transactions/"+text(moved, "id"), nil)
	require.Equal(t, "750.00", w.balance(main))
	require.Equal(t, "-120.50", w.balance(card))
	items := w.call(200, "GET", "/wallets", nil)["items"].([]any)
	require.Len(t, items, 3)
	require.Equal(t, "750.00", items[0].(object)["balance"])

	created, _ := outbox[event.TransactionCreated](w, event.TypeTransactionCreated)
	require.Equal(t, dollars, created[3].ToWalletID.String())
	require.Equal(t, "216.68", created[3].ToAmount)
	require.Empty(t, created[2].ToAmount, "both wallets keep the same currency")
	require.Nil(t, created[4].ToWalletID)
}

func TestWalletsAreChangedAndArchived(t *testing.T) {
	w := newWorld(t)
	w.join()
	key := uuid.NewString()
	body := object{"name": "Purse", "type": "cash", "currency": "EUR"}
	made := w.call(201, "POST", "/wallets", body, "Idempotency-Key", key)
	id := text(made, "id")
	require.Equal(t, id, text(w.call(201, "POST", "/wallets", body, "Idempotency-Key", key), "id"))
	path := "/wallets/" + id
	before := w.header(path).Get("ETag")

	changed := w.call(200, "PATCH", path, object{"name": "Old purse", "openingBalance": "7.25"}, "If-Match", before)
	require.Equal(t, "7.25", changed["balance"])
	w.call(412, "PATCH", path, object{"name": "Purse"}, "If-Match", before)
	w.call(409, "PATCH", path, object{"name": "Main"})
	w.call(422, "PATCH", path, object{"openingBalance": "1e3"})
	w.call(200, "PATCH", path, object{"name": "Old purse"}) // no change

	spending := object{"walletId": id, "amount": "1", "type": "expense", "category": "other"}
	spent := w.call(201, "POST", "/transactions", spending)
	w.call(204, "DELETE", path, nil)
	w.call(204, "DELETE", path, nil)
	require.Contains(t, w.call(422, "POST", "/transactions", spending)["detail"], "archived")
	require.Len(t, w.call(200, "GET", "/wallets", nil)["items"], 1)
	require.Len(t, w.call(200, "GET", "/wallets?archived=true", nil)["items"], 2)
	require.Equal(t, "6.25", w.balance(id))
	page := w.call(200, "GET", "/dashboard", nil)
	require.Len(t, page["wallets"], 2, "what net worth is made of is shown")
	require.Equal(t, object{"currency": "EUR", "amount": "6.25"}, page["total"], "what it holds stays in the net worth")
	w.call(200, "PATCH", "/transactions/"+text(spent, "id"), object{"amount": "7.25"}) // what it has can be put right
	require.Len(t, w.call(200, "GET", "/dashboard", nil)["wallets"], 1, "it holds nothing any more")
	w.call(200, "PATCH", "/transactions/"+text(spent, "id"), object{"amount": "2"})
	w.call(201, "POST", "/wallets", object{"name": "Old purse", "type": "cash", "currency": "EUR"})
	w.call(409, "POST", path+"/restore", nil)
	w.call(200, "PATCH", path, object{"name": "Older purse"})
	w.call(200, "POST", path+"/restore", nil)
	w.call(201, "POST", "/transactions", spending)

	events, keys := outbox[event.WalletChanged](w, event.TypeWalletChanged)
	var told []string
	for i, e := range events {
		if e.WalletID.String() == id {
			require.Equal(t, id, keys[i], "the topic is compacted by wallet")
			told = append(told, e.Name+" "+e.OpeningBalance)
			if e.Deleted {
				told = append(told, "archived")
			}
		}
	}
	require.Equal(t, []string{"Purse 0.00", "Old purse 7.25", "deleted 7.25", "archived", "deleted 7.25", "archived", "Older purse 7.25"}, told)
}

func TestCategoriesKeepTheirSlug(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	made := w.call(201, "POST", "/categories", object{"name": "Pets & co", "kind": "expense"})
	require.Equal(t, "pets-co", made["slug"])
	path := "/categories/" + text(made, "id")
	renamed := w.call(200, "PATCH", path, object{"name": "Animals"}, "If-Match", w.header(path).Get("ETag"))
	require.Equal(t, "Animals", renamed["name"])
	require.Equal(t, "pets-co", renamed["slug"])
	w.call(412, "PATCH", path, object{"name": "Beasts"}, "If-Match", `"0"`)

	spending := object{"walletId": wallet, "amount": "1", "type": "expense", "category": "pets-co"}
	spent := w.call(201, "POST", "/transactions", spending)
	w.call(204, "DELETE", path, nil)
	w.call(422, "POST", "/transactions", spending)
	w.call(422, "POST", "/budgets", object{"category": "pets-co", "amount": "1", "currency": "EUR", "month": "2026-11"})
	w.call(200, "PATCH", "/transactions/"+text(spent, "id"), object{"amount": "2"})
	require.Len(t, w.call(200, "GET", "/categories", nil)["items"], 12)
	require.Len(t, w.call(200, "GET", "/categories?archived=true", nil)["items"], 13)
	w.call(409, "POST", "/categories", object{"name": "pets co", "kind": "expense"})
	w.call(200, "POST", path+"/restore", nil)
	w.call(201, "POST", "/transactions", spending)

	w.call(422, "POST", "/categories", object{"name": "Transfer", "kind": "expense"})
	for _, item := range w.call(200, "GET", "/categories", nil)["items"].([]any) {
		if text(item.(object), "slug") == "other" {
			w.call(422, "DELETE", "/categories/"+text(item.(object), "id"), nil)
		}
	}
}
