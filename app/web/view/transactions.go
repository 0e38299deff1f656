package view

import (
	"cmp"
	"net/url"
	"slices"
	"time"

	"github.com/wealth-companion/companion/app/web/backend"
)

// Transactions is a page of the list of transactions.
type Transactions struct {
	Search       map[string]string
	Problem      string // of the search
	Items        []backend.Transaction
	LookedBackTo *time.Time // the search ended before the end of the list
	Older        string     // address of the next page; empty: there is none
	Wallets      []backend.Wallet
	Categories   []backend.Category
	Today        string
	// Done is what has just been done to Changed: recorded, changed, removed, restored.
	Done    string
	Changed *backend.Transaction
}

// day is the transactions of one day.
type day struct {
	date  string
	items []backend.Transaction
}

// days groups transactions, which come newest first, by the day on which they count.
func (t Transactions) days() (all []day) {
	for _, one := range t.Items {
		date := one.Date.String()
		if len(all) == 0 || all[len(all)-1].date != date {
			all = append(all, day{date: date})
		}
		last := &all[len(all)-1]
		last.items = append(last.items, one)
	}
	return all
}

// with is the address of the search with one field otherwise; an empty value takes it out.
func (t Transactions) with(pairs ...string) string {
	query := url.Values{}
	for name, value := range t.Search {
		query.Set(name, value)
	}
	for i := 0; i < len(pairs); i += 2 {
		query.Del(pairs[i])
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	if len(query) == 0 {
		return "/transactions"
	}
	return "/transactions?" + query.Encode()
}

// link is a search that one click away.
type link struct {
	name, address string
	on            bool
}

// links are searches that people often want.
func (t Transactions) links(p Page) []link {
	today, err := time.Parse(time.DateOnly, t.Today)
	if err != nil {
		return nil
	}
	first := today.AddDate(0, 0, 1-today.Day())
	month := func(name string, from time.Time) link {
		a, b := from.Format(time.DateOnly), from.AddDate(0, 1, -1).Format(time.DateOnly)
		if t.Search["from"] == a && t.Search["until"] == b {
			return link{name, t.with("from", "", "until", ""), true}
		}
		return link{name, t.with("from", a, "until", b), false}
	}
	toggle := func(name, field, value string) link {
		if t.Search[field] == value {
			return link{name, t.with(field, ""), true}
		}
		return link{name, t.with(field, value), false}
	}
	return []link{
		month(p.Text.ThisMonth, first), month(p.Text.LastMonth, first.AddDate(0, -1, 0)),
		toggle(p.Text.Expenses, "type", "expense"), toggle(p.Text.Income, "type", "income"), toggle(p.Text.Transfers, "type", "transfer"),
		toggle(p.Text.Deleted, "deleted", "yes"),
	}
}

// amountOf writes what a transaction moved with its sign; transfers have none.
func (p Page) amountOf(t backend.Transaction) string {
	switch t.Type {
	case backend.TransactionTypeExpense:
		return p.Signed("-"+t.Amount, t.Currency)
	case backend.TransactionTypeIncome:
		return p.Signed(t.Amount, t.Currency)
	default:
		return p.Amount(t.Amount, t.Currency)
	}
}

// titleOf is what a transaction is called.
func (p Page) titleOf(t backend.Transaction) string {
	return cmp.Or(t.Description, p.category(t.Category))
}

// place is where a transaction's money moved.
func (p Page) place(t backend.Transaction, wallets []backend.Wallet) string {
	name := walletName(wallets, t.WalletId)
	if t.ToWalletId != nil {
		return name + " → " + walletName(wallets, *t.ToWalletId)
	}
	return name
}

func walletName(wallets []backend.Wallet, id string) string {
	for _, w := range wallets {
		if w.Id == id {
			return w.Name
		}
	}
	return ""
}

// walletOptions are the wallets in use, and the one that is chosen.
func walletOptions(wallets []backend.Wallet, chosen string) (all []Option) {
	for _, w := range wallets {
		if w.ArchivedAt == nil || w.Id == chosen {
			all = append(all, Option{w.Id, w.Name + " (" + w.Currency + ")"})
		}
	}
	return all
}

// categoryOptions are the categories of a kind in use, and the one that is chosen, by name.
func (p Page) categoryOptions(categories []backend.Category, kind backend.CategoryKind, chosen string) (all []Option) {
	for _, c := range categories {
		if c.Kind == kind && (c.ArchivedAt == nil || c.Slug == chosen) {
			all = append(all, Option{c.Slug, p.category(c.Slug)})
		}
	}
	slices.SortStableFunc(all, func(a, b Option) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// descriptions are those of the list, each once, to be suggested.
func (t Transactions) descriptions() (all []string) {
	for _, one := range t.Items {
		if one.Description != "" && !slices.Contains(all, one.Description) {
			all = append(all, one.Description)
		}
	}
	return all
}

// told is the sentence about what has just been done.
func (t Transactions) told(p Page) string {
	what := map[string]string{"recorded": p.Text.Recorded, "changed": p.Text.Changed, "removed": p.Text.Removed, "restored": p.Text.Restored}[t.Done]
	return what + " " + p.titleOf(*t.Changed) + ", " + p.amountOf(*t.Changed)
}

// undo is where what has just been done is undone; "": it is not so simply.
func (t Transactions) undo() string {
	switch t.Done {
	case "recorded":
		return "/transactions/" + t.Changed.Id + "/delete"
	case "removed":
		return "/transactions/" + t.Changed.Id + "/restore"
	default:
		return ""
	}
}

// Budgets is a month of budgets.
type Budgets struct {
	Month, This, Before, After string
	Items                      []backend.Budget
	Categories                 []backend.Category
	Currencies                 []string
}
