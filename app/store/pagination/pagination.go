// Package pagination cuts lists, newest first, into pages that stay right while rows
// are added: a cursor is the place of the last row seen, not a count.
package pagination

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/apperror"
)

// The sizes of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// Request is what a caller asks for: Limit rows after a place in the list.
type Request struct {
	Limit int
	At    *time.Time // nil: from the start
	ID    *uuid.UUID
}

// List is a page, and where the next one starts.
type List[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"nextCursor"`
	Truncated  bool    `json:"truncated,omitempty" doc:"true: there are more than one answer holds; narrow what you ask for"`
	// LookedBackTo is set where a page ends before it is full, because enough was looked through.
	LookedBackTo *time.Time `json:"lookedBackTo,omitempty" doc:"Present when the page ends early, or is empty, because one request looks through so much only: what is older than this was not looked at yet; nextCursor goes on there"`
}

// Cursor writes a place in a list.
func Cursor(at time.Time, id uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString([]byte(at.UTC().Format(time.RFC3339Nano) + "|" + id.String()))
}

// Parse reads a place that Cursor wrote into a request for limit rows.
func Parse(limit int, cursor string) (Request, error) {
	if limit < 1 || limit > MaxLimit {
		return Request{}, apperror.Invalid{Field: "limit", Reason: "must be from 1 to 200"}
	}
	request := Request{Limit: limit}
	if cursor == "" {
		return request, nil
	}
	wrong := apperror.Invalid{Field: "cursor", Reason: "is not one that this API gave"}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return Request{}, wrong
	}
	first, second, _ := strings.Cut(string(raw), "|")
	at, err := time.Parse(time.RFC3339Nano, first)
	if err != nil {
		return Request{}, wrong
	}
	id, err := uuid.Parse(second)
	if err != nil {
		return Request{}, wrong
	}
	request.At, request.ID = &at, &id
	return request, nil
}

// Of makes a page of rows that were read with one more than the limit, which
// tells whether there is a next page.
func Of[T any](rows []T, limit int, place func(T) (time.Time, uuid.UUID)) List[T] {
	list := List[T]{Items: rows}
	if list.Items == nil {
		list.Items = []T{}
	}
	if len(rows) > limit {
		list.Items = rows[:limit]
		cursor := Cursor(place(rows[limit-1]))
		list.NextCursor = &cursor
	}
	return list
}

// GoOn has a page that is not full end at a place up to which rows were looked
// through, so that the next one goes on after it.
func (l *List[T]) GoOn(at time.Time, id uuid.UUID) {
	cursor := Cursor(at, id)
	at = at.UTC()
	l.NextCursor, l.LookedBackTo = &cursor, &at
}
