// Package backend is the application's API as the web calls it: a client generated from the
// API's OpenAPI document, and what every call carries.
package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/tracing"
)

// Caller is on whose behalf the API is called.
type Caller struct {
	Token   string // access token; empty: nobody's
	Address string // of the browser, by which the API limits attempts to log in
	Agent   string // User-Agent of the browser
}

type callerKey struct{}

// As returns a context whose calls are made on behalf of c.
func As(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// New returns a client of the API at an address, which /api/v1 follows.
func New(address *url.URL, client *http.Client) (*ClientWithResponses, error) {
	return NewClientWithResponses(address.String(), WithHTTPClient(client), WithRequestEditorFn(carry))
}

// carry adds to a request what every one carries.
func carry(ctx context.Context, r *http.Request) error {
	who, _ := ctx.Value(callerKey{}).(Caller)
	if who.Token != "" {
		r.Header.Set("Authorization", "Bearer "+who.Token)
	}
	if who.Address != "" {
		r.Header.Set("X-Forwarded-For", who.Address)
	}
	r.Header.Set("User-Agent", who.Agent)
	r.Header.Set("X-Correlation-Id", tracing.From(ctx).CorrelationID)
	return nil
}

// ErrUnavailable says that the API is not reached, or cannot answer now.
var ErrUnavailable = errors.New("the application does not answer now")

// Error is what the API refused.
type Error struct{ Problem }

func (e *Error) Error() string {
	return fmt.Sprintf("the API answered %d", e.Status) // its detail may tell of what a person entered
}

// Status returns the HTTP status of an error of the API; 0: err is none.
func Status(err error) int {
	var refused *Error
	if errors.As(err, &refused) {
		return int(refused.Problem.Status)
	}
	return 0
}

// answer is what all generated answers have.
type answer interface {
	comparable
	StatusCode() int
	GetBody() []byte
}

// Read returns an answer of success, or the error that it is: ErrUnavailable, or an *Error.
//
//	dashboard, err := backend.Read(api.DashboardWithResponse(ctx))
func Read[A answer](a A, err error) (A, error) {
	var none A
	switch {
	case err != nil:
		return none, apperror.Because(apperror.WithoutAddress(err), ErrUnavailable, "%s", ErrUnavailable.Error())
	case a.StatusCode() < http.StatusBadRequest:
		return a, nil
	}
	return none, refusal(a.StatusCode(), a.GetBody())
}

// maxProblem bounds a problem document, in bytes.
const maxProblem = 1 << 20

// Stream is Read for an answer that is read piece by piece. Of one of success the caller closes
// the body.
func Stream(a *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, apperror.Because(apperror.WithoutAddress(err), ErrUnavailable, "%s", ErrUnavailable.Error())
	}
	if a.StatusCode < http.StatusBadRequest {
		return a, nil
	}
	defer func() { _ = a.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(a.Body, maxProblem))
	if err != nil {
		return nil, apperror.Because(apperror.WithoutAddress(err), ErrUnavailable, "%s", ErrUnavailable.Error())
	}
	return nil, refusal(a.StatusCode, body)
}

// refusal reads the problem document (RFC 9457) of an answer.
func refusal(status int, body []byte) error {
	e := &Error{}
	if json.Unmarshal(body, &e.Problem) != nil || e.Status != int64(status) {
		// Not the API's own words: the sidecar's, when it does not reach the API.
		if status >= http.StatusInternalServerError {
			return apperror.Because(fmt.Errorf("status %d without a problem document", status), ErrUnavailable, "%s", ErrUnavailable.Error())
		}
		e.Problem = Problem{Status: int64(status), Title: http.StatusText(status), Detail: "status " + strconv.Itoa(status)}
	}
	if status == http.StatusServiceUnavailable {
		return apperror.Because(e, ErrUnavailable, "%s", ErrUnavailable.Error())
	}
	return e
}
