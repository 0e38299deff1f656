package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/store/pagination"
)

type acceptTransfer struct {
	Keyed
	Body ledger.TransferPair
}

type rejectTransfer struct{ Body ledger.TransferPair }

func (r routes) transfers() {
	own(r, operation{http.MethodGet, "/transfers/suggestions", "suggestTransfers", "Expenses and income that are probably one transfer between the caller's wallets, the latest 200, among the latest 2,500 of four months", 0, 0},
		func(ctx context.Context, user uuid.UUID, _ *struct{}) (pagination.List[ledger.TransferSuggestion], error) {
			return whole(r.api.Ledger.SuggestTransfers(ctx, user))
		})
	own(r, operation{http.MethodPost, "/transfers/accept", "acceptTransfer", "Make one transfer of an expense and an income", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *acceptTransfer) (ledger.Transaction, error) {
			return r.api.Ledger.AcceptTransfer(ctx, user, in.Body)
		})
	own(r, operation{http.MethodPost, "/transfers/reject", "rejectTransfer", "Have two transactions not be suggested as one transfer again", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, in *rejectTransfer) (nothing, error) {
			return nothing{}, r.api.Ledger.RejectTransfer(ctx, user, in.Body)
		})
	own(r, operation{http.MethodPost, "/transfers/{id}/undo", "undoTransfer", "Make two transactions again of a transfer that was made of them; id names either", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (ledger.Transaction, error) {
			return r.api.Ledger.UndoTransfer(ctx, user, in.id())
		})
}
