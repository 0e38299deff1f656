// Package apperror names the ways in which a request can be wrong, so that the
// domain can say what happened without knowing of HTTP.
package apperror

import "errors"

// What the domain refuses.
var (
	ErrNotFound     = errors.New("not found")
	ErrConflict     = errors.New("already exists")
	ErrUnauthorized = errors.New("not authorized")
	// ErrBusy: there is more to do than can be done at the moment.
	ErrBusy = errors.New("try again in a while")
	// ErrStale: somebody else has changed the thing since the caller read it.
	ErrStale = errors.New("has been changed since it was read: read it again, then change it")
)

// Invalid says which field of a request is wrong, and why.
type Invalid struct {
	Field, Reason string
}

func (e Invalid) Error() string { return e.Field + ": " + e.Reason }
