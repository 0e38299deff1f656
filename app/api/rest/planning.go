package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/finance/budget"
	"github.com/wealth-companion/companion/app/store/pagination"
)

type newBudget struct {
	Keyed
	Body budget.New
}

type editBudget struct {
	One
	Conditional
	Body budget.Change
}

type copyBudgets struct {
	Keyed
	Body budget.Copy
}

type listBudgets struct {
	Month string `query:"month" doc:"YYYY-MM; without it, all months" maxLength:"7"`
}

func (r routes) budgets() {
	own(r, operation{http.MethodGet, "/budgets", "listBudgets", "The caller's budgets and how they stand, the newest month first; of more than 1,000 the older months are asked for one by one", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *listBudgets) (pagination.List[budget.Budget], error) {
			return whole(r.api.Budgets.List(ctx, user, in.Month))
		})
	own(r, operation{http.MethodPost, "/budgets", "createBudget", "Make a budget", http.StatusCreated, 0},
		func(ctx context.Context, user uuid.UUID, in *newBudget) (budget.Budget, error) {
			return r.api.Budgets.Create(ctx, user, in.Body)
		})
	own(r, operation{http.MethodPost, "/budgets/copy", "copyBudgets", "Take the budgets of a month over into another, but those that it has", http.StatusCreated, 0},
		func(ctx context.Context, user uuid.UUID, in *copyBudgets) (pagination.List[budget.Budget], error) {
			return whole(r.api.Budgets.Copy(ctx, user, in.Body))
		})
	own(r, operation{http.MethodGet, "/budgets/{id}", "getBudget", "One budget and how it stands", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (budget.Budget, error) {
			return r.api.Budgets.Get(ctx, user, in.id())
		})
	own(r, operation{http.MethodPut, "/budgets/{id}", "editBudget", "Change a budget; what is left out stays", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *editBudget) (budget.Budget, error) {
			return r.api.Budgets.Update(ctx, user, in.id(), in.IfMatch, in.Body)
		})
	own(r, operation{http.MethodDelete, "/budgets/{id}", "deleteBudget", "Remove a budget", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (nothing, error) {
			return nothing{}, r.api.Budgets.Delete(ctx, user, in.id())
		})
}
