// Package apperror names the ways in which a request can be wrong, so that the
// domain can say what happened without knowing of HTTP.
package apperror

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
)

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

// said is an error of a kind in words of its own.
type said struct {
	text        string
	kind, cause error
}

// Say returns an error of a kind, such as ErrUnauthorized, that says the formatted
// sentence and nothing else: what happened and what the person can do.
func Say(kind error, format string, args ...any) error {
	return said{text: fmt.Sprintf(format, args...), kind: kind}
}

// Because is Say with the cause, which only logs show: it speaks of what people need
// not know.
func Because(cause, kind error, format string, args ...any) error {
	return said{fmt.Sprintf(format, args...), kind, cause}
}

func (s said) Error() string { return s.text }

func (s said) Unwrap() []error {
	if s.cause == nil {
		return []error{s.kind}
	}
	return []error{s.kind, s.cause}
}

// LogValue is the sentence with its cause.
func (s said) LogValue() slog.Value {
	if s.cause == nil {
		return slog.StringValue(s.text)
	}
	return slog.StringValue(s.text + ": " + s.cause.Error())
}

// WithoutAddress is the error of an HTTP client without the address that it occurred
// at. Addresses hold what people search for, and secrets; errors are logged.
func WithoutAddress(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
