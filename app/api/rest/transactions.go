package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/store/pagination"
)

type newTransaction struct {
	Keyed
	Body ledger.NewTransaction
}

type editTransaction struct {
	One
	Conditional
	Body ledger.Edit
}

// SearchTransactions narrows a list of transactions.
type SearchTransactions struct {
	Paged
	Text     string `query:"q" maxLength:"200" doc:"Words, each to be found somewhere in the description, in whatever case"`
	Wallet   string `query:"wallet" format:"uuid" doc:"A wallet; of transfers, at either end"`
	Category string `query:"category" maxLength:"50" doc:"The slug of a category"`
	Type     string `query:"type" enum:"income,expense,transfer"`
	Tag      string `query:"tag" maxLength:"30"`
	Import   string `query:"import" format:"uuid" doc:"Those that an import brought"`
	From     string `query:"from" maxLength:"40" doc:"A day (2026-11-01), on which transactions count by their date, or a time (RFC 3339); included"`
	Until    string `query:"until" maxLength:"40" doc:"Such a day, included, or a time, not included"`
	Min      string `query:"min" maxLength:"20" doc:"The smallest amount, a decimal string" example:"10.00"`
	Max      string `query:"max" maxLength:"20" doc:"The largest amount, a decimal string"`
	Deleted  bool   `query:"deleted" doc:"Those that are deleted, instead of the others"`
}

// filter is what is searched for. Ids are checked by their format.
func (s SearchTransactions) filter() ledger.Filter {
	return ledger.Filter{
		Text: s.Text, Wallet: optionalID(s.Wallet), Category: s.Category, Type: s.Type, Tag: s.Tag, Import: optionalID(s.Import),
		From: s.From, Until: s.Until, Min: s.Min, Max: s.Max, Deleted: s.Deleted,
	}
}

func optionalID(text string) *uuid.UUID {
	if text == "" {
		return nil
	}
	id := uuid.MustParse(text)
	return &id
}

func (r routes) transactions() {
	own(r, operation{http.MethodGet, "/transactions", "listTransactions", "The caller's transactions, newest first; search and filters narrow them. One request looks through 10,000 transactions: where there are more, a page may end early, with lookedBackTo, and nextCursor goes on", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *SearchTransactions) (pagination.List[ledger.Transaction], error) {
			p, err := in.request()
			if err != nil {
				return pagination.List[ledger.Transaction]{}, err
			}
			return r.api.Ledger.Search(ctx, user, in.filter(), p)
		})
	own(r, operation{http.MethodPost, "/transactions", "postTransaction", "Record a transaction, or a transfer between wallets", http.StatusCreated, 0},
		func(ctx context.Context, user uuid.UUID, in *newTransaction) (ledger.Transaction, error) {
			return r.api.Ledger.Post(ctx, user, in.Body)
		})
	own(r, operation{http.MethodGet, "/transactions/{id}", "getTransaction", "One transaction, deleted ones too", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (ledger.Transaction, error) {
			return r.api.Ledger.Get(ctx, user, in.id())
		})
	own(r, operation{http.MethodPatch, "/transactions/{id}", "editTransaction", "Change a transaction; what is left out stays", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *editTransaction) (ledger.Transaction, error) {
			return r.api.Ledger.Update(ctx, user, in.id(), in.IfMatch, in.Body)
		})
	own(r, operation{http.MethodDelete, "/transactions/{id}", "deleteTransaction", "Delete a transaction; it can be restored", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, in *OneSeen) (nothing, error) {
			_, err := r.api.Ledger.Delete(ctx, user, in.id(), in.IfMatch)
			return nothing{}, err
		})
	own(r, operation{http.MethodPost, "/transactions/{id}/restore", "restoreTransaction", "Take back the deletion of a transaction", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *OneSeen) (ledger.Transaction, error) {
			return r.api.Ledger.Restore(ctx, user, in.id(), in.IfMatch)
		})
}
