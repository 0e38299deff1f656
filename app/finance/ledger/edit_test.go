package ledger

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/money"
)

// partial is an edit by its fields' names.
type partial map[string]string

func (p partial) edit() Edit {
	text := func(field string) *string {
		if value, has := p[field]; has {
			return &value
		}
		return nil
	}
	id := func(field string) *uuid.UUID {
		if value, has := p[field]; has {
			parsed := uuid.MustParse(value)
			return &parsed
		}
		return nil
	}
	return Edit{
		WalletID: id("walletId"), ToWalletID: id("toWalletId"), Amount: text("amount"), ToAmount: text("toAmount"), Type: text("type"), Category: text("category"),
	}
}

// entered returns a transaction as a person may have entered it, or false where
// these fields make none.
func entered(wallets map[uuid.UUID]end, n NewTransaction) (Transaction, bool) {
	at := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	n.Timestamp = &at
	made, err := n.transaction(at)
	return made, err == nil && made.place(wallets, nil) == nil
}

// Every subset of the fields that say how much money goes where, on every kind of
// transaction, over currencies: no amount may come to stand in a currency for
// which nobody entered it, what is refused names a field, and naming the fields
// that are asked for leads to an answer.
func TestPartialEditsNeverMoveAnAmountIntoAnotherCurrency(t *testing.T) {
	ids := map[string]uuid.UUID{}
	wallets := map[uuid.UUID]end{}
	for _, name := range []string{"EUR 1", "EUR 2", "USD 1", "USD 2", "JPY 1"} {
		ids[name] = uuid.New()
		wallets[ids[name]] = end{currency: name[:3]}
	}
	values := map[string][]string{
		"walletId": {ids["EUR 1"].String(), ids["EUR 2"].String(), ids["USD 1"].String(), ids["JPY 1"].String()},
		"amount":   {"108", "7"}, "toAmount": {"108", "9000"},
		"type": {event.Expense, event.Income, event.Transfer},
	}
	values["toWalletId"] = values["walletId"]
	var edits []partial
	var build func(fields []string, so partial)
	build = func(fields []string, so partial) {
		if len(fields) == 0 {
			edits = append(edits, maps.Clone(so))
			return
		}
		build(fields[1:], so)
		for _, value := range values[fields[0]] {
			so[fields[0]] = value
			build(fields[1:], so)
			delete(so, fields[0])
		}
	}
	build(slices.Sorted(maps.Keys(values)), partial{})

	states, taken, asked := 0, 0, 0
	for _, from := range ids {
		for _, to := range append(slices.Collect(maps.Values(ids)), uuid.Nil) {
			for _, kind := range values["type"] {
				n := NewTransaction{WalletID: from, Amount: "100", Type: kind, Category: "other"}
				if kind == event.Transfer {
					n.Category = ""
					if to != uuid.Nil {
						n.ToWalletID = &to
					}
					if to != uuid.Nil && wallets[to].currency != wallets[from].currency {
						n.ToAmount = "108"
					}
				} else if to != uuid.Nil {
					continue
				}
				before, possible := entered(wallets, n)
				if !possible {
					continue
				}
				states++
				for _, p := range edits {
					if check(t, before, p, wallets) {
						taken++
					} else {
						asked++
					}
				}
			}
		}
	}
	t.Logf("%d edits of each of %d transactions: %d taken, %d refused or asked back", len(edits), states, taken, asked)
	require.Greater(t, taken, 1000)
	require.Greater(t, asked, 1000)
}

// check tries one edit, and tells whether it was taken as it is.
func check(t *testing.T, before Transaction, p partial, wallets map[uuid.UUID]end) bool {
	at := time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC)
	what := func() string {
		return fmt.Sprintf("%s %s %s → %v (arrives %v), edit %v", before.Type, before.Amount, before.Currency, before.ToWalletID, before.ToAmount, p)
	}
	arrives := func(x Transaction) (money.Amount, string) {
		if x.ToWalletID == nil {
			return money.Amount{}, ""
		}
		if x.ToAmount != nil {
			return *x.ToAmount, wallets[*x.ToWalletID].currency
		}
		return x.Amount, wallets[*x.ToWalletID].currency
	}
	after := before
	err := after.edit(p.edit(), wallets, at)
	if err == nil {
		if _, named := p["amount"]; !named {
			require.Equal(t, before.Currency, after.Currency, what())
			require.Equal(t, before.Amount.String(), after.Amount.String(), what())
		}
		_, wasIn := arrives(before)
		is, in := arrives(after)
		if in != "" && in != after.Currency && p["toAmount"] == "" {
			was, _ := arrives(before)
			require.Equal(t, wasIn, in, "what arrives is in a currency for which nobody entered it: %s", what())
			require.Equal(t, was.String(), is.String(), what())
			require.Equal(t, before.Amount.String(), after.Amount.String(), "another amount leaves and the same arrives: %s", what())
		}
		if in == after.Currency {
			require.Equal(t, after.Amount.String(), is.String(), what())
		}
		n := NewTransaction{WalletID: after.WalletID, ToWalletID: after.ToWalletID, Amount: after.Amount.String(), Type: after.Type, Category: after.Category}
		if after.ToAmount != nil {
			n.ToAmount = after.ToAmount.String()
		}
		_, possible := entered(wallets, n)
		require.True(t, possible, "it could not have been entered: %s", what())
		return true
	}
	// Whoever names what is asked for gets on.
	complete := maps.Clone(p)
	for range 4 {
		var wrong apperror.Invalid
		require.True(t, errors.As(err, &wrong), "%v: %s", err, what())
		if _, named := complete[wrong.Field]; named {
			return false // what was named makes no sense: asked for by itself
		}
		switch wrong.Field {
		case "amount":
			complete["amount"] = "55"
		case "toAmount":
			complete["toAmount"] = "66"
		case "category":
			complete["category"] = "other"
		default:
			return false
		}
		after = before
		if err = after.edit(complete.edit(), wallets, at); err == nil {
			return false
		}
	}
	require.NoError(t, err, what())
	return false
}

func TestWhatAnEditOfATransferAsksFor(t *testing.T) {
	euros, purse, dollars, yen := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	wallets := map[uuid.UUID]end{euros: {currency: "EUR"}, purse: {currency: "EUR"}, dollars: {currency: "USD"}, yen: {currency: "JPY"}}
	before, possible := entered(wallets, NewTransaction{WalletID: euros, ToWalletID: &dollars, Amount: "100", ToAmount: "108", Type: event.Transfer})
	require.True(t, possible)
	for name, c := range map[string]struct {
		edit  partial
		field string // "": the edit is taken
		money string // amount, currency, what arrives
	}{
		"nothing":                               {partial{}, "", "100.00 EUR 108.00"},
		"to yen instead of dollars":             {partial{"toWalletId": yen.String()}, "toAmount", ""},
		"to yen, with what arrives":             {partial{"toWalletId": yen.String(), "toAmount": "16000"}, "", "100.00 EUR 16000.00"},
		"another amount":                        {partial{"amount": "50"}, "toAmount", ""},
		"the same amount in other words":        {partial{"amount": "100.0"}, "", "100.00 EUR 108.00"},
		"another amount, with what arrives":     {partial{"amount": "50", "toAmount": "54"}, "", "50.00 EUR 54.00"},
		"only what arrives":                     {partial{"toAmount": "107"}, "", "100.00 EUR 107.00"},
		"from another wallet of the currency":   {partial{"walletId": purse.String()}, "", "100.00 EUR 108.00"},
		"from yen":                              {partial{"walletId": yen.String()}, "amount", ""},
		"from yen, with what leaves":            {partial{"walletId": yen.String(), "amount": "16000"}, "toAmount", ""},
		"from yen, with both":                   {partial{"walletId": yen.String(), "amount": "16000", "toAmount": "108"}, "", "16000.00 JPY 108.00"},
		"to a wallet of the same currency":      {partial{"toWalletId": purse.String()}, "", "100.00 EUR <nil>"},
		"with what arrives cleared":             {partial{"toAmount": ""}, "toAmount", ""},
		"the other way round":                   {partial{"walletId": dollars.String(), "toWalletId": euros.String()}, "amount", ""},
		"an expense after all":                  {partial{"type": event.Expense, "category": "other"}, "", "100.00 EUR <nil>"},
		"an expense with what arrives, as well": {partial{"type": event.Expense, "category": "other", "toAmount": "1"}, "toAmount", ""},
	} {
		t.Run(name, func(t *testing.T) {
			after := before
			err := after.edit(c.edit.edit(), wallets, time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC))
			if c.field != "" {
				var wrong apperror.Invalid
				require.ErrorAs(t, err, &wrong)
				require.Equal(t, c.field, wrong.Field)
				return
			}
			require.NoError(t, err)
			arrives := "<nil>"
			if after.ToAmount != nil {
				arrives = after.ToAmount.String()
			}
			require.Equal(t, c.money, fmt.Sprint(after.Amount, " ", after.Currency, " ", arrives))
		})
	}
}
