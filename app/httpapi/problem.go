package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/wealth-companion/companion/app/db"
	"github.com/wealth-companion/companion/app/fault"
	"github.com/wealth-companion/companion/app/trail"
)

// problem is RFC 9457's answer to a request that failed.
type problem struct {
	Type          string    `json:"type"`
	Title         string    `json:"title"`
	Status        int       `json:"status"`
	Detail        string    `json:"detail"`
	CorrelationID string    `json:"correlationId"` // what the log knows it by
	Errors        []invalid `json:"errors,omitempty"`
}

// invalid is one field that is wrong.
type invalid struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// status is an error that is HTTP's own.
type status struct {
	code   int
	detail string
}

func (s status) Error() string { return s.detail }

// refuse answers a request that failed. What is not the caller's fault is
// logged, and told to the caller without its inside.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := describe(err)
	p.CorrelationID = trail.From(r.Context()).CorrelationID
	switch p.Status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="wealth-companion"`)
	}
	if p.Status >= 500 && r.Context().Err() == nil {
		a.Log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	write(w, p.Status, "application/problem+json", p)
}

func describe(err error) problem {
	p := problem{Type: "about:blank", Detail: err.Error()}
	var field fault.Invalid
	var own status
	switch {
	case errors.As(err, &field):
		p.Status = http.StatusUnprocessableEntity
		p.Errors = []invalid{{field.Field, field.Reason}}
	case errors.As(err, &own):
		p.Status = own.code
	case errors.Is(err, fault.ErrNotFound):
		p.Status = http.StatusNotFound
	case errors.Is(err, fault.ErrConflict):
		p.Status = http.StatusConflict
	case errors.Is(err, fault.ErrUnauthorized):
		p.Status = http.StatusUnauthorized
	case db.Away(err), errors.Is(err, context.DeadlineExceeded):
		p.Status, p.Detail = http.StatusServiceUnavailable, "the database does not answer now: try again in a while, with the same Idempotency-Key if there was one"
	default:
		p.Status, p.Detail = http.StatusInternalServerError, "something went wrong on our side; quote correlationId when you tell us of it"
	}
	p.Title = http.StatusText(p.Status)
	return p
}
