package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/finance/task"
	"github.com/wealth-companion/companion/app/store/pagination"
)

type newTask struct {
	Keyed
	Body task.New
}

type editTask struct {
	One
	Conditional
	Body task.Change
}

type listTasks struct {
	Paged
	State string `query:"state" enum:"open,done,all" default:"all"`
}

// act is a request to do something with one thing, which needs no body.
type act struct {
	One
	IdempotencyKey string `header:"Idempotency-Key" doc:"A UUID, a new one for each new request: sent again with the same within 24 hours, it is carried out once" format:"uuid"`
}

func (a act) idempotencyKey() (string, []byte) { return a.IdempotencyKey, nil }

func (r routes) tasks() {
	own(r, operation{http.MethodGet, "/tasks", "listTasks", "The caller's tasks, newest first", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *listTasks) (pagination.List[task.Task], error) {
			p, err := in.request()
			if err != nil {
				return pagination.List[task.Task]{}, err
			}
			var done *bool
			if in.State != "all" {
				is := in.State == "done"
				done = &is
			}
			return r.api.Tasks.List(ctx, user, done, p)
		})
	own(r, operation{http.MethodPost, "/tasks", "createTask", "Note something to do", http.StatusCreated, 0},
		func(ctx context.Context, user uuid.UUID, in *newTask) (task.Task, error) {
			return r.api.Tasks.Create(ctx, user, in.Body)
		})
	own(r, operation{http.MethodGet, "/tasks/{id}", "getTask", "One task", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (task.Task, error) {
			return r.api.Tasks.Get(ctx, user, in.id())
		})
	own(r, operation{http.MethodPatch, "/tasks/{id}", "editTask", "Change a task", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *editTask) (task.Task, error) {
			return r.api.Tasks.Update(ctx, user, in.id(), in.IfMatch, in.Body)
		})
	own(r, operation{http.MethodPost, "/tasks/{id}/complete", "completeTask", "Tick a task off", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *act) (task.Task, error) {
			return r.api.Tasks.Complete(ctx, user, in.id())
		})
	own(r, operation{http.MethodDelete, "/tasks/{id}", "deleteTask", "Remove a task", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (nothing, error) {
			return nothing{}, r.api.Tasks.Delete(ctx, user, in.id())
		})
}
