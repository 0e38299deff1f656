package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/overview/demo"
)

func (r routes) demo() {
	own(r, operation{http.MethodGet, "/demo", "getDemo", "Whether the account holds demo data", 0, 0},
		func(ctx context.Context, user uuid.UUID, _ *struct{}) (demo.Demo, error) {
			return r.api.Demos.Of(ctx, user)
		})
	own(r, operation{http.MethodPost, "/demo", "fillDemo", "Fill an empty account with some months of a household", http.StatusCreated, 0},
		func(ctx context.Context, user uuid.UUID, _ *keyed) (demo.Demo, error) {
			return r.api.Demos.Fill(ctx, user)
		})
	own(r, operation{http.MethodDelete, "/demo", "removeDemo", "Take the demo data out, and all that was booked in its wallets", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, _ *struct{}) (nothing, error) {
			return nothing{}, r.api.Demos.Remove(ctx, user)
		})
}
