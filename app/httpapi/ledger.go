package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/ledger"
	"github.com/wealth-companion/companion/app/page"
)

type newWallet struct {
	Keyed
	Body ledger.NewWallet
}

func (r routes) wallets() {
	own(r, operation{http.MethodGet, "/wallets", "listWallets", "The caller's wallets, oldest first", 0, 0},
		func(ctx context.Context, user uuid.UUID, _ *struct{}) (page.List[ledger.Wallet], error) {
			return whole(r.api.Ledger.Wallets(ctx, user))
		})
	own(r, operation{http.MethodPost, "/wallets", "createWallet", "Make a wallet", http.StatusCreated, 0},
		func(ctx context.Context, user uuid.UUID, in *newWallet) (ledger.Wallet, error) {
			return r.api.Ledger.CreateWallet(ctx, user, in.Body)
		})
}

type newCategory struct {
	Keyed
	Body ledger.NewCategory
}

func (r routes) categories() {
	own(r, operation{http.MethodGet, "/categories", "listCategories", "The caller's categories, by name", 0, 0},
		func(ctx context.Context, user uuid.UUID, _ *struct{}) (page.List[ledger.Category], error) {
			return whole(r.api.Ledger.Categories(ctx, user))
		})
	own(r, operation{http.MethodPost, "/categories", "createCategory", "Make a category", http.StatusCreated, 0},
		func(ctx context.Context, user uuid.UUID, in *newCategory) (ledger.Category, error) {
			return r.api.Ledger.CreateCategory(ctx, user, in.Body)
		})
}

type newTransaction struct {
	Keyed
	Body ledger.NewTransaction
}

type editTransaction struct {
	One
	Conditional
	Body ledger.Edit
}

func (r routes) transactions() {
	own(r, operation{http.MethodGet, "/transactions", "listTransactions", "The caller's transactions, newest first", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *Paged) (page.List[ledger.Transaction], error) {
			p, err := in.request()
			if err != nil {
				return page.List[ledger.Transaction]{}, err
			}
			return r.api.Ledger.Transactions(ctx, user, p)
		})
	own(r, operation{http.MethodPost, "/transactions", "postTransaction", "Record a transaction", http.StatusCreated, 0},
		func(ctx context.Context, user uuid.UUID, in *newTransaction) (ledger.Transaction, error) {
			return r.api.Ledger.Post(ctx, user, in.Body)
		})
	own(r, operation{http.MethodGet, "/transactions/{id}", "getTransaction", "One transaction", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (ledger.Transaction, error) {
			return r.api.Ledger.Get(ctx, user, in.id())
		})
	own(r, operation{http.MethodPatch, "/transactions/{id}", "editTransaction", "Change a transaction", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *editTransaction) (ledger.Transaction, error) {
			return r.api.Ledger.Update(ctx, user, in.id(), in.IfMatch, in.Body)
		})
}
