package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/google/uuid"
)

// The bounds on requests that carry a file, of a replica. What one of them takes at
// most is bounded too (limits.MaxFileBody, imports.MaxRows), so that together these
// bound the memory of all.
const (
	uploadsInAll   = 8 // whose bodies are read or wait, one a user
	uploadsAtWork  = 2 // that are parsed and carried out
	uploadPatience = 20 * time.Second
	uploadRead     = 20 * time.Second // for the body to arrive
	uploadRetry    = 5 * time.Second  // after which one that was refused may come again
)

// uploads admits requests that carry a file. A slow sender holds one of many places
// and none of those where work is done.
type uploads struct {
	mu       sync.Mutex
	users    map[uuid.UUID]bool // whose file is taken in
	admitted chan struct{}
	atWork   chan struct{}
}

func newUploads() *uploads {
	return &uploads{users: map[uuid.UUID]bool{}, admitted: make(chan struct{}, uploadsInAll), atWork: make(chan struct{}, uploadsAtWork)}
}

// later is a refusal that does not hold for long.
type later struct {
	status
	wait time.Duration // until it may be sent again
}

var (
	errUploadOfOwn = later{status{http.StatusTooManyRequests, "another file of yours is being taken in: send this one when that is done"}, uploadRetry}
	errUploads     = later{status{http.StatusServiceUnavailable, "many files are being taken in now: send yours again in a few seconds, with the same Idempotency-Key if there was one"}, uploadRetry}
)

// enter has a user's request wait for a place among those whose bodies are read.
// leave must be called when it succeeds.
func (u *uploads) enter(ctx context.Context, user uuid.UUID) error {
	u.mu.Lock()
	its := u.users[user]
	u.users[user] = true
	u.mu.Unlock()
	if its {
		return errUploadOfOwn
	}
	if err := wait(ctx, u.admitted); err != nil {
		u.forget(user)
		return err
	}
	return nil
}

func (u *uploads) leave(user uuid.UUID) {
	<-u.admitted
	u.forget(user)
}

func (u *uploads) forget(user uuid.UUID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.users, user)
}

// wait takes a place as soon as there is one; those who wait take turns.
func wait(ctx context.Context, places chan<- struct{}) error {
	limited, cancel := context.WithTimeout(ctx, uploadPatience)
	defer cancel()
	select {
	case places <- struct{}{}:
		return nil
	case <-limited.Done():
		return errUploads
	}
}

// uploaded admits a request that carries a file, reads its body and hands it on as
// soon as there is a place to work at. It needs an authenticated caller.
func (r routes) uploaded(most int64) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		request, w := humachi.Unwrap(ctx)
		user := callerOf(ctx.Context()).user
		refuse := func(err error) {
			w.Header().Set("Connection", "close") // the rest of the body is not read
			r.api.refuse(w, request, err)
		}
		if request.ContentLength > most {
			refuse(tooLarge(most))
			return
		}
		if err := r.uploads.enter(ctx.Context(), user); err != nil {
			refuse(err)
			return
		}
		defer r.uploads.leave(user)
		body, err := readUpload(w, request, most)
		if err == nil {
			err = wait(ctx.Context(), r.uploads.atWork)
		}
		if err != nil {
			refuse(err)
			return
		}
		defer func() { <-r.uploads.atWork }()
		request.Body = io.NopCloser(body)
		next(ctx)
	}
}

func tooLarge(most int64) error {
	return status{http.StatusRequestEntityTooLarge, fmt.Sprintf("the request has more than %d bytes, the most that it may have here: split the file", most)}
}

// readUpload reads a body within its bounds of size and time.
func readUpload(w http.ResponseWriter, request *http.Request, most int64) (*bytes.Buffer, error) {
	deadline := http.NewResponseController(w)
	_ = deadline.SetReadDeadline(time.Now().Add(uploadRead)) // a recorder in tests has none
	var body bytes.Buffer
	if request.ContentLength > 0 {
		body.Grow(int(request.ContentLength) + bytes.MinRead)
	}
	_, err := body.ReadFrom(http.MaxBytesReader(w, request.Body, most))
	// The deadline must not end the work that follows: the server watches the
	// connection meanwhile, and cancels the request when reading from it fails.
	_ = deadline.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return &body, nil
	case errors.As(err, &large):
		return nil, tooLarge(most)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, status{http.StatusRequestTimeout, fmt.Sprintf("the body did not arrive within %d seconds: send it again over a faster connection", int(uploadRead.Seconds()))}
	default:
		return nil, status{http.StatusBadRequest, brokenOff}
	}
}
