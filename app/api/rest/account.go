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

	"github.com/wealth-companion/companion/app/core/calendar"
)

// exportPath is of an answer that takes its time.
const exportPath = base + "/account/export"

// How slowly an export may be read: after a while at the beginning, at this rate
// from its beginning on, which a telephone on a train manages. A place among the
// exports is not held for less.
const (
	exportGrace = 10 * time.Second
	exportRate  = 64 << 10 // bytes a second
)

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
			if err := r.api.guard().Password(ctx, callerOf(ctx).Session); err != nil {
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
	user := callerOf(ctx).user
	wants, err := r.api.Preferences.Get(ctx, user)
	if err != nil {
		return nil, err
	}
	today := calendar.Day(time.Now(), calendar.ZoneOrUTC(wants.Timezone)).Format(time.DateOnly)
	write, err := r.api.Exports.Start(ctx, user)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		ctx := h.Context()
		h.SetHeader("Content-Type", "application/json")
		h.SetHeader("Content-Disposition", fmt.Sprintf(`attachment; filename="wealth-companion-%s.json"`, today))
		h.SetStatus(http.StatusOK)
		to, is := h.BodyWriter().(http.ResponseWriter)
		if !is {
			panic("an export cannot be written piece by piece")
		}
		out := &paced{to: to, control: http.NewResponseController(to), began: time.Now()}
		defer func() { _ = out.control.SetWriteDeadline(time.Now().Add(writeTime)) }() // of the last bytes
		if err := write(ctx, out); err != nil {
			r.api.Log.WarnContext(ctx, "an export broke off", "error", err)
			panic(http.ErrAbortHandler) // so that half of it does not look like all of it
		}
	}}, nil
}

// paced writes to a reader who must keep up with exportRate, and must take each
// piece within writeTime.
type paced struct {
	to      io.Writer
	control *http.ResponseController
	began   time.Time
	written int64
}

func (p *paced) Write(piece []byte) (int, error) {
	if err := p.control.SetWriteDeadline(p.deadline(len(piece), time.Now())); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := p.to.Write(piece)
	p.written += int64(n)
	return n, err
}

// deadline is when the next piece must be taken.
func (p *paced) deadline(piece int, now time.Time) time.Time {
	kept := p.began.Add(exportGrace + time.Duration(p.written+int64(piece))*time.Second/exportRate)
	if soon := now.Add(writeTime); soon.Before(kept) {
		return soon
	}
	return kept
}
