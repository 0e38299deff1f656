package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/tracing"
)

// Backend asks the application's API on behalf of a person, with their own
// access token: what they may not do there, they may not do here.
type Backend struct {
	URL    *url.URL // what /api/v1 follows
	Client *http.Client
}

// call is a request to the API.
type call struct {
	method, path string
	query        url.Values
	body         any
	once         string // Idempotency-Key
	ifMatch      string
	dryRun       bool
}

// answer is what the API answers.
type answer struct {
	body     map[string]any
	etag     string
	replayed bool // a change that was made before, under the same Idempotency-Key
}

// errAway: the API is not reached, or its answer is not one.
var errAway = errors.New("the application does not answer now: try again in a while")

// errUnauthorized: the access token is not valid or no longer.
var errUnauthorized = errors.New("the access token is not valid, or no longer: log in again")

// maxAnswer is more than any answer of the API has, in bytes.
const maxAnswer = 4 << 20

// ask carries a call out. An error is in words for the assistant.
func (b *Backend) ask(ctx context.Context, token string, c call) (answer, error) {
	var payload io.Reader
	if c.body != nil {
		raw, err := json.Marshal(c.body)
		if err != nil {
			return answer{}, err
		}
		payload = bytes.NewReader(raw)
	}
	address := b.URL.JoinPath("api/v1", c.path)
	address.RawQuery = c.query.Encode()
	request, err := http.NewRequestWithContext(ctx, c.method, address.String(), payload)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if c.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range map[string]string{"Idempotency-Key": c.once, "If-Match": c.ifMatch} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	if c.dryRun {
		request.Header.Set("Dry-Run", "true")
	}
	request.Header.Set("X-Correlation-Id", tracing.From(ctx).CorrelationID)
	response, err := b.Client.Do(request)
	if err != nil {
		return answer{}, apperror.Because(apperror.WithoutAddress(err), errAway, "%s", errAway.Error())
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, apperror.Because(err, errAway, "the application's answer broke off: look whether the change was made, if this was one")
	}
	if response.StatusCode == http.StatusUnauthorized {
		return answer{}, errUnauthorized
	}
	if response.StatusCode >= 300 {
		return answer{}, refusal(response.StatusCode, raw)
	}
	if c.dryRun && response.Header.Get("Dry-Run") != "true" {
		return answer{}, errors.New("the application did not rehearse the change: look whether it was made")
	}
	got := answer{map[string]any{}, response.Header.Get("ETag"), response.Header.Get("Idempotency-Replayed") == "true"}
	if len(raw) == 0 {
		return got, nil
	}
	// Numbers stay as they are written: none may become a float on its way.
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&got.body); err != nil {
		return answer{}, apperror.Because(err, errAway, "the application's answer cannot be read: look whether the change was made, if this was one")
	}
	return got, nil
}

// refusal tells what the API's problem document says.
func refusal(status int, raw []byte) error {
	var problem struct {
		Detail string `json:"detail"`
		Errors []struct {
			Field  string `json:"field"`
			Reason string `json:"reason"`
		} `json:"errors"`
	}
	if json.Unmarshal(raw, &problem) != nil || problem.Detail == "" {
		return fmt.Errorf("the application answered with %d %s", status, http.StatusText(status))
	}
	var fields []string
	for _, one := range problem.Errors {
		fields = append(fields, one.Field+": "+one.Reason)
	}
	if len(fields) > 0 {
		return errors.New(strings.Join(fields, "; "))
	}
	return errors.New(problem.Detail)
}
