package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"

	"github.com/wealth-companion/companion/app/core/apperror"
)

// Conversation speaks with a language model through the sidecar: which model,
// and with what key, is the component's affair.
type Conversation struct {
	Name   string // the component
	Client *http.Client
}

// maxAnswer bounds what is read of a model's answer, in bytes.
const maxAnswer = 64 << 10

var errSilent = errors.New("the model said nothing")

// Converse gives the model its orders and a text to apply them to, and returns
// its answer.
func (c Conversation) Converse(ctx context.Context, orders, text string) (string, error) {
	type part struct {
		Text string `json:"text"`
	}
	type message struct {
		Content []part `json:"content"`
	}
	body, err := json.Marshal(map[string]any{
		"inputs": []any{map[string]any{"scrubPii": false, "messages": []any{
			map[string]message{"ofSystem": {[]part{{orders}}}},
			map[string]message{"ofUser": {[]part{{text}}}},
		}}},
		"temperature": 0,
	})
	if err != nil {
		return "", err
	}
	address := url.URL{Scheme: "http", Host: sidecarHTTP(), Path: "/v1.0-alpha2/conversation/" + c.Name + "/converse"}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.Client.Do(request)
	if err != nil {
		return "", fmt.Errorf("conversation %s: %w", c.Name, apperror.WithoutAddress(err))
	}
	defer func() { _ = response.Body.Close() }()
	answered, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("conversation %s: %w", c.Name, err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("conversation %s: %s%s", c.Name, response.Status, errorCode(answered))
	}
	var answer struct {
		Outputs []struct {
			Choices []struct {
				Message struct {
					Content string `json:"content"`
				} `json:"message"`
			} `json:"choices"`
		} `json:"outputs"`
	}
	if err := json.Unmarshal(answered, &answer); err != nil {
		return "", fmt.Errorf("conversation %s: %w", c.Name, err)
	}
	for _, output := range answer.Outputs {
		for _, choice := range output.Choices {
			if choice.Message.Content != "" {
				return choice.Message.Content, nil
			}
		}
	}
	return "", fmt.Errorf("conversation %s: %w", c.Name, errSilent)
}

// errorCode is the sidecar's code of a failure. Its message is left out: it may hold
// the provider's, and that the prompt, which holds a person's figures.
func errorCode(answer []byte) string {
	var failure struct {
		ErrorCode string `json:"errorCode"`
	}
	if json.Unmarshal(answer, &failure) != nil || !code.MatchString(failure.ErrorCode) {
		return ""
	}
	return ": " + failure.ErrorCode
}

var code = regexp.MustCompile(`^[A-Z0-9_]{1,60}$`)
