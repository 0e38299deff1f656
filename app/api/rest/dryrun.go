package rest

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/wealth-companion/companion/app/store/db"
)

// dryRunHeader asks for a change to be checked in full and not made.
const dryRunHeader = "Dry-Run"

// rehearsable are the resources whose changes may be rehearsed: all that such a
// change does, it does in one database transaction.
var rehearsable = map[string]bool{"wallets": true, "categories": true, "transactions": true, "budgets": true, "goals": true, "tasks": true}

// rehearses tells whether an operation takes the header Dry-Run.
func (o operation) rehearses() bool {
	resource, _, _ := strings.Cut(strings.Trim(o.path, "/"), "/")
	return o.method != "GET" && rehearsable[resource]
}

// dryRunParameter declares the header of an operation that takes it.
var dryRunParameter = &huma.Param{
	Name: dryRunHeader, In: "header",
	Description: "true: check everything, answer as if it had been done, and leave all as it was. The answer has the header too",
	Schema:      &huma.Schema{Type: huma.TypeString, Enum: []any{"true"}},
}

// rehearsal returns the context of a request that may be a dry run. One that the
// operation cannot make is refused: who asks for a dry run must not get the change.
func rehearsal(takes bool, ctx huma.Context) (huma.Context, error) {
	request, _ := humachi.Unwrap(ctx)
	values := request.Header.Values(dryRunHeader)
	switch {
	case len(values) == 0:
		return ctx, nil
	case !takes:
		return ctx, &huma.ErrorDetail{Location: "header." + dryRunHeader, Message: "is not possible here: leave it out"}
	case len(values) > 1 || values[0] != "true":
		return ctx, &huma.ErrorDetail{Location: "header." + dryRunHeader, Message: "must be true, once, or left out"}
	}
	ctx.SetHeader(dryRunHeader, "true")
	return huma.WithContext(ctx, db.DryRun(ctx.Context())), nil
}
