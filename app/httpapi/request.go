package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/fault"
	"github.com/wealth-companion/companion/app/page"
)

// maxBody is more than any request needs.
const maxBody = 1 << 20

// body reads a request's JSON object. Fields that are not known are refused: a
// misspelt one would be lost without a word.
func body[T any](r *http.Request) (T, error) {
	var value T
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return value, status{http.StatusUnsupportedMediaType, "the body must be of Content-Type application/json"}
	}
	decoder := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&value); err != nil {
		return value, malformed(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return value, status{http.StatusBadRequest, "the body must be one JSON object, and nothing after it"}
	}
	return value, nil
}

func malformed(err error) error {
	var large *http.MaxBytesError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &large):
		return status{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body must have at most %d bytes", large.Limit)}
	case errors.As(err, &kind) && kind.Field != "":
		return fault.Invalid{Field: kind.Field, Reason: fmt.Sprintf("must be a JSON %s, not a %s", jsonKind(kind), kind.Value)}
	}
	// encoding/json has no type for this one.
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fault.Invalid{Field: strings.Trim(field, `"`), Reason: "is not a field of this request"}
	}
	return status{http.StatusBadRequest, "the body is not the JSON that is expected: " + strings.TrimPrefix(err.Error(), "json: ")}
}

// jsonKind names what was expected as JSON names it; amounts, ids and times are
// strings there.
func jsonKind(err *json.UnmarshalTypeError) string {
	if err.Type.Kind().String() == "string" || err.Type.PkgPath() != "" {
		return "string"
	}
	return err.Type.Kind().String()
}

// pageOf reads ?limit= and ?cursor=.
func pageOf(r *http.Request) (page.Request, error) {
	limit := page.DefaultLimit
	if text := r.URL.Query().Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil {
			return page.Request{}, fault.Invalid{Field: "limit", Reason: "must be a number"}
		}
	}
	return page.Parse(limit, r.URL.Query().Get("cursor"))
}

// idOf reads the id in the path. One that is none names nothing.
func idOf(r *http.Request) (uuid.UUID, error) {
	text := chi.URLParam(r, "id")
	id, err := uuid.Parse(text)
	if err != nil {
		return id, fmt.Errorf("%q: %w", text, fault.ErrNotFound)
	}
	return id, nil
}

// idempotencyKey reads the header of that name; nil without one.
func idempotencyKey(r *http.Request) (*uuid.UUID, error) {
	text := r.Header.Get("Idempotency-Key")
	if text == "" {
		return nil, nil
	}
	key, err := uuid.Parse(text)
	if err != nil {
		return nil, fault.Invalid{Field: "Idempotency-Key", Reason: "must be a UUID, a new one for each new transaction"}
	}
	return &key, nil
}
