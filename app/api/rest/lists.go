package rest

import (
	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/app/store/pagination"
)

// Paged is how a caller asks for a page of a list.
type Paged struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200" doc:"Rows of a page"`
	Cursor string `query:"cursor" doc:"nextCursor of the page before; without it, the first page" maxLength:"200"`
}

func (p Paged) request() (pagination.Request, error) { return pagination.Parse(p.Limit, p.Cursor) }

// One names a thing in the path.
type One struct {
	ID string `path:"id" format:"uuid"`
}

// id is checked by the format.
func (o One) id() uuid.UUID { return uuid.MustParse(o.ID) }

// whole is a list in one answer, which says when it is cut.
func whole[T any](items []T, err error) (pagination.List[T], error) {
	if items == nil {
		items = []T{}
	}
	list := pagination.List[T]{Items: items}
	if len(items) > limits.MaxOwned { // as queries read one more
		list.Items, list.Truncated = items[:limits.MaxOwned], true
	}
	return list, err
}
