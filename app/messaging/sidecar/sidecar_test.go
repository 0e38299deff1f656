package sidecar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

func TestEverySubscriptionHasDeadLetters(t *testing.T) {
	for _, topic := range event.Catalogue() {
		for _, service := range topic.Consumers {
			spec := Subscription(service, topic).Fields["spec"].(map[string]any)
			require.Equal(t, "dlq."+topic.Name, spec["deadLetterTopic"], "%s's subscription to %s", service, topic.Name)
		}
	}
}

func TestADeliveryIsTriedUntilTheServiceTakesIt(t *testing.T) {
	spec := Resiliency([]string{event.Backend}).Fields["spec"].(map[string]any)
	targets := spec["targets"].(map[string]any)["components"].(map[string]any)
	inbound := targets[PubSub(event.Backend)].(map[string]any)["inbound"].(map[string]any)
	policy := spec["policies"].(map[string]any)["retries"].(map[string]any)[inbound["retry"].(string)].(map[string]any)
	require.Equal(t, -1, policy["maxRetries"], "what is counted here dead-letters good events when the database is away")
}

func TestNewTransactionsAreDeliveredTogether(t *testing.T) {
	topic, _ := event.OfType(event.TypeTransactionCreated)
	spec := Subscription(event.Analytics, topic).Fields["spec"].(map[string]any)
	require.Equal(t, map[string]any{"default": EventsTogether + topic.Name}, spec["routes"])
	require.Equal(t, map[string]any{"enabled": true, "maxMessagesCount": MaxTogether, "maxAwaitDurationMs": 100}, spec["bulkSubscribe"])
	topic.Together = false
	spec = Subscription(event.Analytics, topic).Fields["spec"].(map[string]any)
	require.Equal(t, map[string]any{"default": Events + topic.Name}, spec["routes"])
	require.NotContains(t, spec, "bulkSubscribe")
}

func TestServicesThatNobodyWaitsForTakeTheirTime(t *testing.T) {
	topic, _ := event.OfType(event.TypeTransactionCreated)
	patience := Entry("consumerFetchMin", "262144")
	for service, patient := range map[string]bool{
		event.Analytics: false, event.Notification: false, event.Backend: false, event.Banking: true, event.Investment: true,
	} {
		settings := Kafka(service, "broker:9092", Anonymous(), TopicsOf(service)).Fields["spec"].(map[string]any)["metadata"]
		wait := Subscription(service, topic).Fields["spec"].(map[string]any)["bulkSubscribe"].(map[string]any)["maxAwaitDurationMs"]
		if patient {
			require.Contains(t, settings, patience, service)
			require.Equal(t, 1000, wait, service)
			continue
		}
		require.NotContains(t, settings, patience, service)
		require.Equal(t, 100, wait, service)
	}
}

func TestAServiceHasItsOwnTopicsOnly(t *testing.T) {
	settings := Kafka("banking", "broker:9092", Anonymous(), Topics{Publishes: []string{"b", "dlq.a"}, Subscribes: []string{"a"}}).Fields["spec"].(map[string]any)["metadata"]
	for name, want := range map[string]string{
		"allowedTopics": "a,b,dlq.a", "protectedTopics": "a,b,dlq.a", "publishingScopes": "banking=b,dlq.a", "subscriptionScopes": "banking=a",
	} {
		require.Contains(t, settings, Entry(name, want))
	}
	// Neither list is open to a service without topics.
	settings = Kafka("mcp", "broker:9092", Anonymous(), TopicsOf(event.MCP)).Fields["spec"].(map[string]any)["metadata"]
	require.Contains(t, settings, Entry("publishingScopes", "mcp="))
}
