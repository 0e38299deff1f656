package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/finance/goal"
	"github.com/wealth-companion/companion/app/store/pagination"
)

type newGoal struct {
	Keyed
	Body goal.New
}

type editGoal struct {
	One
	Conditional
	Body goal.Change
}

type listGoals struct {
	Status string `query:"status" enum:"active,reached,abandoned" doc:"Without it, all of them"`
}

type newContribution struct {
	One
	Keyed
	Body goal.NewContribution
}

type listContributions struct {
	One
	Paged
}

func (r routes) goals() {
	own(r, operation{http.MethodGet, "/goals", "listGoals", "The caller's goals and how far they are, oldest first", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *listGoals) (pagination.List[goal.Goal], error) {
			return whole(r.api.Goals.List(ctx, user, in.Status))
		})
	own(r, operation{http.MethodPost, "/goals", "createGoal", "Set a goal to save for", http.StatusCreated, 0},
		func(ctx context.Context, user uuid.UUID, in *newGoal) (goal.Goal, error) {
			return r.api.Goals.Create(ctx, user, in.Body)
		})
	own(r, operation{http.MethodGet, "/goals/{id}", "getGoal", "One goal and how far it is", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (goal.Goal, error) {
			return r.api.Goals.Get(ctx, user, in.id())
		})
	own(r, operation{http.MethodPatch, "/goals/{id}", "editGoal", "Change a goal, give it up or take it up again", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *editGoal) (goal.Goal, error) {
			return r.api.Goals.Update(ctx, user, in.id(), in.IfMatch, in.Body)
		})
	own(r, operation{http.MethodDelete, "/goals/{id}", "deleteGoal", "Remove a goal and its contributions", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (nothing, error) {
			return nothing{}, r.api.Goals.Delete(ctx, user, in.id())
		})
	own(r, operation{http.MethodGet, "/goals/{id}/contributions", "listContributions", "What was put aside for a goal and taken out, newest first", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *listContributions) (pagination.List[goal.Contribution], error) {
			p, err := in.request()
			if err != nil {
				return pagination.List[goal.Contribution]{}, err
			}
			return r.api.Goals.Contributions(ctx, user, in.id(), p)
		})
	own(r, operation{http.MethodPost, "/goals/{id}/contributions", "contribute", "Put money aside for a goal, or take some out", http.StatusCreated, 0},
		func(ctx context.Context, user uuid.UUID, in *newContribution) (goal.Contributed, error) {
			return r.api.Goals.Contribute(ctx, user, in.id(), in.Body)
		})
}
