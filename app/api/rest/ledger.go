package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/store/pagination"
)

// Archived is how a caller asks for what is archived too.
type Archived struct {
	Archived bool `query:"archived" doc:"Archived ones too"`
}

// OneSeen names a thing in the path, and the state in which the caller saw it.
type OneSeen struct {
	One
	Conditional
}

type newWallet struct {
	Keyed
	Body ledger.NewWallet
}

type editWallet struct {
	One
	Conditional
	Body ledger.WalletEdit
}

func (r routes) wallets() {
	own(r, operation{http.MethodGet, "/wallets", "listWallets", "The caller's wallets and what they hold, oldest first", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *Archived) (pagination.List[ledger.Wallet], error) {
			return whole(r.api.Ledger.Wallets(ctx, user, in.Archived))
		})
	own(r, operation{http.MethodPost, "/wallets", "createWallet", "Make a wallet", http.StatusCreated, 0},
		func(ctx context.Context, user uuid.UUID, in *newWallet) (ledger.Wallet, error) {
			return r.api.Ledger.CreateWallet(ctx, user, in.Body)
		})
	own(r, operation{http.MethodGet, "/wallets/{id}", "getWallet", "One wallet and what it holds", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (ledger.Wallet, error) {
			return r.api.Ledger.Wallet(ctx, user, in.id())
		})
	own(r, operation{http.MethodPatch, "/wallets/{id}", "editWallet", "Change a wallet; what is left out stays", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *editWallet) (ledger.Wallet, error) {
			return r.api.Ledger.UpdateWallet(ctx, user, in.id(), in.IfMatch, in.Body)
		})
	own(r, operation{http.MethodDelete, "/wallets/{id}", "archiveWallet", "Archive a wallet: it keeps its transactions and takes no new ones", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, in *OneSeen) (nothing, error) {
			_, err := r.api.Ledger.ArchiveWallet(ctx, user, in.id(), in.IfMatch)
			return nothing{}, err
		})
	own(r, operation{http.MethodPost, "/wallets/{id}/restore", "restoreWallet", "Take a wallet out of the archive", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *OneSeen) (ledger.Wallet, error) {
			return r.api.Ledger.RestoreWallet(ctx, user, in.id(), in.IfMatch)
		})
}

type newCategory struct {
	Keyed
	Body ledger.NewCategory
}

type editCategory struct {
	One
	Conditional
	Body ledger.CategoryEdit
}

func (r routes) categories() {
	own(r, operation{http.MethodGet, "/categories", "listCategories", "The caller's categories, by kind and name", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *Archived) (pagination.List[ledger.Category], error) {
			return whole(r.api.Ledger.Categories(ctx, user, in.Archived))
		})
	own(r, operation{http.MethodPost, "/categories", "createCategory", "Make a category", http.StatusCreated, 0},
		func(ctx context.Context, user uuid.UUID, in *newCategory) (ledger.Category, error) {
			return r.api.Ledger.CreateCategory(ctx, user, in.Body)
		})
	own(r, operation{http.MethodGet, "/categories/{id}", "getCategory", "One category", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (ledger.Category, error) {
			return r.api.Ledger.Category(ctx, user, in.id())
		})
	own(r, operation{http.MethodPatch, "/categories/{id}", "renameCategory", "Give a category another name; its slug stays", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *editCategory) (ledger.Category, error) {
			return r.api.Ledger.RenameCategory(ctx, user, in.id(), in.IfMatch, in.Body)
		})
	own(r, operation{http.MethodDelete, "/categories/{id}", "archiveCategory", "Archive a category: nothing new is filed under it", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, in *OneSeen) (nothing, error) {
			_, err := r.api.Ledger.ArchiveCategory(ctx, user, in.id(), in.IfMatch)
			return nothing{}, err
		})
	own(r, operation{http.MethodPost, "/categories/{id}/restore", "restoreCategory", "Take a category out of the archive", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *OneSeen) (ledger.Category, error) {
			return r.api.Ledger.RestoreCategory(ctx, user, in.id(), in.IfMatch)
		})
}
