package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/view"
)

// errTooLarge says that a form sends more than any that a person fills in.
var errTooLarge = &backend.Error{Problem: backend.Problem{Status: http.StatusRequestEntityTooLarge, Detail: "too large"}}

// read reads fields of a form as they were typed, without the spaces around them.
func read(r *http.Request, names ...string) (view.Form, error) {
	f := view.Form{Values: map[string]string{}, Wrong: map[string]string{}}
	if err := r.ParseForm(); err != nil {
		return f, errTooLarge
	}
	for _, name := range names {
		f.Values[name] = strings.TrimSpace(r.PostForm.Get(name))
	}
	f.Key = f.Values["key"]
	return f, nil
}

// refused puts what the API refused beside the fields of the form and reports whether there was
// something that the person can correct. fields are the form's names of the API's fields, where
// they differ.
func (s *Server) refused(f *view.Form, v *visit, err error, fields map[string]string) bool {
	var refusal *backend.Error
	if !errors.As(err, &refusal) {
		return false
	}
	switch refusal.Status {
	case http.StatusTooManyRequests:
		f.Problem = v.locale.Text.TooOften
		return true
	case http.StatusConflict, http.StatusUnprocessableEntity, http.StatusForbidden:
	default:
		return false
	}
	placed := false
	for _, one := range refusal.Errors {
		name := one.Field
		if its, differs := fields[name]; differs {
			name = its
		}
		if _, has := f.Values[name]; has || name == "password" {
			f.Wrong[name], placed = one.Reason, true
		}
	}
	if !placed {
		f.Problem, f.ProblemLang = refusal.Detail, "en"
	}
	f.Key = newKey() // another request than the one that was refused
	return true
}
