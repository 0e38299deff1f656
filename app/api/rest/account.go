package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
)

// exportPath is of an answer that takes its time.
const exportPath = base + "/account/export"

// exportTime is how long an export may take to be written and read.
const exportTime = 5 * time.Minute

type deleteAccount struct {
	Body *struct {
		Password string `json:"password,omitempty" maxLength:"1000" doc:"Not needed by who has none and logged in less than 10 minutes ago"`
	}
}

func (r routes) account() {
	o := operation{http.MethodGet, "/account/export", "exportAccount", "Everything that is kept of the caller, as one JSON document", 0, 0}.huma()
	o.Description = "An object: exportedAt, user, and a list of objects for each kind of thing. The connection breaks off when something fails meanwhile, so a document that ends is complete."
	o.Security = []map[string][]string{{bearer: {}}}
	o.Middlewares = huma.Middlewares{r.authenticated}
	o.Errors = append(o.Errors, http.StatusUnauthorized, http.StatusTooManyRequests)
	o.Responses = map[string]*huma.Response{"200": {
		Description: "Everything",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}},
	}}
	declare(r, o, r.export)

	own(r, operation{http.MethodDelete, "/account", "deleteAccount", "Delete the account and everything that is kept of the caller", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, in *deleteAccount) (nothing, error) {
			if err := r.tried(user.String()); err != nil {
				return nothing{}, err
			}
			password := ""
			if in.Body != nil {
				password = in.Body.Password
			}
			return nothing{}, r.api.Accounts.Delete(ctx, callerOf(ctx).Caller, password)
		})
}

func (r routes) export(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	write, err := r.api.Exports.Start(ctx, callerOf(ctx).user)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		ctx, cancel := context.WithTimeout(h.Context(), exportTime)
		defer cancel()
		h.SetHeader("Content-Type", "application/json")
		h.SetHeader("Content-Disposition", fmt.Sprintf(`attachment; filename="wealth-companion-%s.json"`, time.Now().UTC().Format(time.DateOnly)))
		h.SetStatus(http.StatusOK)
		to, is := h.BodyWriter().(http.ResponseWriter)
		if !is {
			panic("an export cannot be written piece by piece")
		}
		out := patient{to, http.NewResponseController(to)}
		defer func() { _ = out.control.SetWriteDeadline(time.Time{}) }() // of what comes next on this connection
		if err := write(ctx, out); err != nil {
			r.api.Log.WarnContext(ctx, "an export broke off", "error", err)
			panic(http.ErrAbortHandler) // so that half of it does not look like all of it
		}
	}}, nil
}

// patient gives a slow reader time for each piece, and one that has stopped no more.
type patient struct {
	to      io.Writer
	control *http.ResponseController
}

func (p patient) Write(piece []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.to.Write(piece)
}
