package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/app/finance/imports"
	"github.com/wealth-companion/companion/app/store/pagination"
)

type previewImport struct{ Body imports.File }

type newImport struct {
	Keyed
	Body imports.New
}

func (r routes) imports() {
	own(r, operation{http.MethodPost, "/imports/preview", "previewImport", "What a bank's statement (CSV, OFX, CAMT, MT940, QIF) would bring; nothing is imported", 0, limits.MaxFileBody},
		func(ctx context.Context, user uuid.UUID, in *previewImport) (imports.Preview, error) {
			return r.api.Imports.Preview(ctx, user, in.Body)
		})
	own(r, operation{http.MethodPost, "/imports", "createImport", "Import a bank's statement, at most 5,000 rows", http.StatusCreated, limits.MaxFileBody},
		func(ctx context.Context, user uuid.UUID, in *newImport) (imports.Import, error) {
			return r.api.Imports.Import(ctx, user, in.Body)
		})
	own(r, operation{http.MethodGet, "/imports", "listImports", "The caller's imports, newest first", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *Paged) (pagination.List[imports.Import], error) {
			p, err := in.request()
			if err != nil {
				return pagination.List[imports.Import]{}, err
			}
			return r.api.Imports.List(ctx, user, p)
		})
	own(r, operation{http.MethodGet, "/imports/{id}", "getImport", "One import", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (imports.Import, error) {
			return r.api.Imports.Get(ctx, user, in.id())
		})
	own(r, operation{http.MethodDelete, "/imports/{id}", "undoImport", "Delete the transactions that an import brought", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (nothing, error) {
			return nothing{}, r.api.Imports.Undo(ctx, user, in.id())
		})
}
