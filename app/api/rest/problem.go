package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/people/openid"
	"github.com/wealth-companion/companion/app/service/requests"
	"github.com/wealth-companion/companion/app/store/db"
)

// problem is RFC 9457's answer to a request that failed.
type problem struct {
	Type          string    `json:"type"`
	Title         string    `json:"title"`
	Status        int       `json:"status"`
	Detail        string    `json:"detail"`
	CorrelationID string    `json:"correlationId" doc:"What the log knows the request by"`
	Errors        []invalid `json:"errors,omitempty"`

	retryAfter time.Duration // 0: as usual for the status
}

// invalid is one field that is wrong.
type invalid struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

func (p *problem) Error() string             { return p.Detail }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders are what a caller's library acts on.
func (p *problem) GetHeaders() http.Header {
	if p.retryAfter > 0 {
		return http.Header{"Retry-After": {strconv.Itoa(int(p.retryAfter.Seconds()))}}
	}
	switch p.Status {
	case http.StatusServiceUnavailable:
		return http.Header{"Retry-After": {"5"}}
	case http.StatusTooManyRequests:
		return http.Header{"Retry-After": {strconv.Itoa(int(window.Seconds()))}}
	case http.StatusUnauthorized:
		return http.Header{"Www-Authenticate": {`Bearer realm="wealth-companion"`}}
	default:
		return nil
	}
}

// What huma itself finds wrong with a request is told as a problem of ours.
func init() {
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := fromHuma(status, message, errs)
		if ctx != nil {
			p.CorrelationID = tracing.From(ctx.Context()).CorrelationID
			for name, values := range p.GetHeaders() {
				ctx.SetHeader(name, values[0])
			}
		}
		return p
	}
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return fromHuma(status, message, errs)
	}
}

// unread is what huma says of a body that breaks off, as if that were the service's
// failure.
const unread = "cannot read request body"

const brokenOff = "the body broke off, or is not as its headers announced it"

func fromHuma(status int, message string, errs []error) *problem {
	if status == http.StatusInternalServerError && message == unread {
		status, message = http.StatusBadRequest, brokenOff
	}
	p := &problem{Type: "about:blank", Status: status, Detail: message}
	for _, err := range errs {
		var detail *huma.ErrorDetail
		if !errors.As(err, &detail) {
			continue
		}
		if strings.HasPrefix(detail.Location, "path.") {
			p.Status = http.StatusNotFound // an id that is none names nothing
		}
		one, named := refusalOf(detail)
		if named && p.Status == http.StatusBadRequest {
			p.Status = http.StatusUnprocessableEntity // it can be read, but not be meant
		}
		p.Errors = append(p.Errors, one)
	}
	switch {
	case p.Status == http.StatusInternalServerError:
		p.Detail = internal
	case p.Status == http.StatusNotFound:
		p.Errors = nil
		p.Detail = "there is nothing of that id"
	case len(p.Errors) > 0:
		p.Detail = p.Errors[0].Field + ": " + p.Errors[0].Reason
	}
	p.Title = http.StatusText(p.Status)
	return p
}

// refusalOf takes apart where something is wrong and why. named tells whether it is
// one field and not the body as a whole.
func refusalOf(detail *huma.ErrorDetail) (one invalid, named bool) {
	place, field, inside := strings.Cut(detail.Location, ".")
	reason := cmp.Or(parameterWords[detail.Message], detail.Message)
	part, because, marked := strings.Cut(reason, fieldMark)
	switch {
	case marked && inside:
		return invalid{field + "." + part, because}, true
	case marked:
		return invalid{part, because}, true
	case inside:
		return invalid{field, reason}, true
	default:
		return invalid{place, reason}, false
	}
}

// status is an error that is HTTP's own.
type status struct {
	code   int
	detail string
}

func (s status) Error() string { return s.detail }

// refuse answers a request that failed outside of huma. What is not the
// caller's fault is logged, and told to the caller without its inside.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := describe(r.Context(), err)
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	if p.Status >= 500 && r.Context().Err() == nil {
		a.Log.ErrorContext(r.Context(), "request failed", "method", requests.Method(r.Method), "path", routeOf(r), "error", err)
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // fails only when the caller has gone
}

const internal = "something went wrong on our side; quote correlationId when you tell us of it"

func describe(ctx context.Context, err error) *problem {
	p := &problem{Type: "about:blank", Detail: err.Error(), CorrelationID: tracing.From(ctx).CorrelationID}
	var field apperror.Invalid
	var own status
	var busy later
	var often account.TooOften
	switch {
	case errors.As(err, &often):
		p.Status, p.retryAfter = http.StatusTooManyRequests, often.After
	case errors.As(err, &field):
		p.Status = http.StatusUnprocessableEntity
		p.Errors = []invalid{{field.Field, field.Reason}}
	case errors.As(err, &busy):
		p.Status, p.retryAfter = busy.code, busy.wait
	case errors.As(err, &own):
		p.Status = own.code
	case errors.Is(err, apperror.ErrNotFound):
		p.Status = http.StatusNotFound
	case errors.Is(err, apperror.ErrConflict):
		p.Status = http.StatusConflict
	case errors.Is(err, apperror.ErrStale):
		p.Status = http.StatusPreconditionFailed
	case errors.Is(err, apperror.ErrUnauthorized):
		p.Status = http.StatusUnauthorized
	case errors.Is(err, account.ErrUnverified), errors.Is(err, account.ErrStaleLogin):
		p.Status = http.StatusForbidden
	case errors.Is(err, account.ErrLink):
		p.Status = http.StatusConflict
	case errors.Is(err, apperror.ErrBusy), errors.Is(err, openid.ErrAway):
		p.Status = http.StatusServiceUnavailable
	case db.Orphan(err, "user_id"):
		// The access token of a deleted account, which goes on for a while.
		p.Status, p.Detail = http.StatusUnauthorized, "this account has been deleted"
	case db.Unwritable(err):
		p.Status, p.Detail = http.StatusUnprocessableEntity, "a text has a character that cannot be kept, such as NUL"
	case db.Transient(err), errors.Is(err, context.DeadlineExceeded):
		p.Status, p.Detail = http.StatusServiceUnavailable, "the database does not answer now: try again in a while, with the same Idempotency-Key if there was one"
	default:
		p.Status, p.Detail = http.StatusInternalServerError, internal
	}
	p.Title = http.StatusText(p.Status)
	return p
}
