package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/service/requests"
	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/view"
)

// errNotFound says that there is nothing at an address.
var errNotFound = errors.New("there is nothing at this address")

// errLoggedOut says that a page is a person's own, and nobody is logged in, or no longer.
var errLoggedOut = errors.New("nobody is logged in")

// answer tells a person of an error that no form shows.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	text := v.locale.Text
	status := backend.Status(err)
	switch {
	case errors.Is(r.Context().Err(), context.Canceled):
		return // the browser has gone
	case r.URL.Path == livePath:
		// No page: it would be taken for events, at once and again and again.
		s.Log.WarnContext(r.Context(), "a live connection is refused", "error", err)
		w.WriteHeader(liveStatus(err))
	case errors.Is(err, errLoggedOut), status == http.StatusUnauthorized:
		s.Sessions.Clear(w)
		query := url.Values{"next": {here(r)}}
		if v.session != nil {
			query.Set("ended", "")
		}
		s.redirect(w, r, "/login?"+query.Encode())
	case errors.Is(err, errNotFound), status == http.StatusNotFound:
		s.fail(w, r, v, http.StatusNotFound, text.NotFoundTitle, text.NotFoundText)
	case status == http.StatusRequestEntityTooLarge:
		s.fail(w, r, v, status, text.FailedTitle, text.TooLong)
	case status == http.StatusTooManyRequests:
		s.fail(w, r, v, status, text.UnavailableTitle, text.TooOften)
	case errors.Is(err, backend.ErrUnavailable):
		s.Log.WarnContext(r.Context(), "a page without the API", "error", err)
		w.Header().Set("Retry-After", "5")
		s.fail(w, r, v, http.StatusServiceUnavailable, text.UnavailableTitle, text.UnavailableText)
	default:
		s.Log.ErrorContext(r.Context(), "request failed", "method", requests.Method(r.Method), "error", err)
		s.fail(w, r, v, http.StatusInternalServerError, text.FailedTitle, text.FailedText)
	}
}

// liveStatus has the browser come again later, and ever later.
func liveStatus(err error) int {
	if errors.Is(err, errLoggedOut) || backend.Status(err) == http.StatusUnauthorized {
		return http.StatusUnauthorized
	}
	if _, invalid := errors.AsType[apperror.Invalid](err); invalid {
		return http.StatusBadRequest
	}
	return http.StatusServiceUnavailable
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, v *visit, status int, title, explanation string) {
	reference := ""
	if status >= http.StatusInternalServerError {
		reference = tracing.From(r.Context()).CorrelationID
	}
	_ = show(w, r, status, view.Failure(v.page(r, "", title), title, explanation, reference)) // fails only when the browser has gone
}

// redirect leads to another page of this site. A request of htmx is led there as a whole.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request, to string) {
	if r.Header.Get("HX-Request") != "" {
		w.Header().Set("HX-Redirect", to)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
