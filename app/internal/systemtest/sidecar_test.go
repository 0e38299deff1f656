//go:build integration

package systemtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/stack"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
)

// showing is a POST request that shows a token, or without when it is empty.
func showing(t *testing.T, url, token string, body []byte) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", event.ContentType)
	if token != "" {
		request.Header.Set("dapr-api-token", token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(raw)
}

// strangers reach the ports between a service and its sidecar, which in a pod are on
// loopback: neither takes anything from them.
func strangers(t *testing.T, s *stack.Stack, b books) {
	transaction := func() (string, []byte) {
		e, err := event.New(t.Context(), event.Backend, event.TypeTransactionCreated, uuid.NewString(), event.TransactionCreated{
			TransactionID: uuid.New(), UserID: uuid.New(), Amount: "12.50", Currency: "EUR", Type: event.Expense, Category: "groceries",
			WalletID: uuid.New(), Timestamp: time.Now().UTC(),
		})
		require.NoError(t, err)
		raw, err := json.Marshal(e)
		require.NoError(t, err)
		return e.ID, raw
	}
	handled := func(id string) int {
		return one[int](t, b, "SELECT count(*) FROM analytics.inbox WHERE event_id = $1", id)
	}
	id, raw := transaction()
	hand := "http://" + s.AppChannel(event.Analytics) + sidecar.Events + "finance.transaction.created"
	for _, token := range []string{"", "guessed", s.SidecarToken(event.Analytics), s.AppToken(event.Banking)} {
		status, answer := showing(t, hand, token, raw)
		require.Equal(t, http.StatusUnauthorized, status, answer)
	}
	require.Zero(t, handled(id), "it was not handed in")
	status, answer := showing(t, hand, s.AppToken(event.Analytics), raw)
	require.Equal(t, http.StatusOK, status, answer)
	require.Equal(t, 1, handled(id), "by the token it was refused, not for what it is")

	for _, service := range append(event.Services(), event.MCP) {
		for _, path := range []string{"/dapr/subscribe", "/events/anything", "/api/v1/wallets", "/mcp"} {
			status, answer := showing(t, "http://"+s.AppChannel(service)+path, "", nil)
			require.Equal(t, http.StatusUnauthorized, status, "%s%s: %s", service, path, answer)
		}
		for _, token := range []string{"", "guessed", s.AppToken(service)} {
			status, answer := showing(t, "http://127.0.0.1:"+s.SidecarPort(service)+"/v1.0/publish/"+sidecar.PubSub(service)+"/ai.insight.generated", token, raw)
			require.Equal(t, http.StatusUnauthorized, status, "%s: %s", service, answer)
		}
	}
	s.As(t, event.Backend)
	t.Setenv(sidecar.APIToken, "guessed")
	publisher, err := bus.NewPublisher(sidecar.PubSub(event.Backend))
	require.NoError(t, err)
	defer publisher.Close()
	require.ErrorContains(t, publisher.Publish(t.Context(), "finance.transaction.created", "x", raw), "Unauthenticated")
}

// foreignTopics has each service try every topic by its own sidecar, with its own token.
func foreignTopics(t *testing.T, s *stack.Stack) {
	var topics []string
	for _, topic := range event.Catalogue() {
		topics = append(topics, topic.Name, topic.DeadLetter())
	}
	refused := 0
	for _, service := range event.Services() {
		publish := func(topic string) (int, string) {
			return showing(t, "http://127.0.0.1:"+s.SidecarPort(service)+"/v1.0/publish/"+sidecar.PubSub(service)+"/"+topic, s.SidecarToken(service), []byte(`{}`))
		}
		own := event.WrittenBy(service)
		for _, topic := range append(topics, "no.topic.of.the.catalogue") {
			if slices.Contains(own, topic) {
				continue
			}
			status, answer := publish(topic)
			require.Equal(t, http.StatusForbidden, status, "%s publishes on %s: %s", service, topic, answer)
			refused++
		}
		letters := own[slices.IndexFunc(own, func(topic string) bool { return strings.HasPrefix(topic, "dlq.") })]
		status, answer := publish(letters)
		require.Equal(t, http.StatusNoContent, status, "%s publishes on %s: %s", service, letters, answer)
	}
	require.Greater(t, refused, 80)
	s.As(t, event.Banking)
	publisher, err := bus.NewPublisher(sidecar.PubSub(event.Banking))
	require.NoError(t, err)
	defer publisher.Close()
	var forbidden *bus.RefusedError
	require.ErrorAs(t, publisher.Publish(t.Context(), "finance.budget.exceeded", "x", []byte(`{}`)), &forbidden)
	require.ErrorAs(t, publisher.PublishAll(t.Context(), "finance.budget.exceeded", []bus.Message{{Key: "x", Payload: []byte(`{}`)}}), &forbidden)
	require.True(t, forbidden.Topic)

	const curious, own, foreign = "curious", "finance.goal.changed", "account.mail.requested"
	s.Bare(curious, sidecar.Topics{Subscribes: []string{own}}, stack.Bulk{}, http.NotFoundHandler(), sidecar.Subscription(curious, event.Topic{Name: foreign}))
	log := func() string {
		raw, err := os.ReadFile(s.Log(stack.Sidecar(curious)))
		require.NoError(t, err)
		return string(raw)
	}
	require.Eventually(t, func() bool {
		return strings.Contains(log(), "subscription to topic '"+foreign+"' on pubsub '"+sidecar.PubSub(curious)+"' is not allowed")
	}, 30*time.Second, 100*time.Millisecond)
	require.NotContains(t, log(), "subscription to topic '"+own+"'")
}
