// Package sidecar is what Dapr's sidecars read: the components by which services
// reach Kafka and Redis, the subscriptions, and how often what is tried again.
// Production makes Kubernetes resources of it, and the tests files.
package sidecar

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wealth-companion/companion/app/core/event"
)

// Names of components that every service has.
const (
	StateStore  = "state"
	SecretStore = "kubernetes-secrets"
)

// The environment variables of a service and of its sidecar that have the tokens by which they
// know one another, as Dapr names them.
const (
	// APIToken is what the sidecar asks of whoever calls its API.
	APIToken = "DAPR_API_TOKEN"
	// AppToken is what the service asks of whoever calls its app channel.
	AppToken = "APP_API_TOKEN"
)

// Where a service takes the events of a topic, whose name follows: each alone, or
// several together. A program that knows the first only answers the second with
// "later", for it lies below it.
const (
	Events         = "/events/"
	EventsTogether = "/events/together/"
)

const (
	// MaxTogether is how many events are delivered together at most.
	MaxTogether = 100
	// TogetherWait is how long one may wait for others, where people wait for what comes of
	// it. It is longer than two deliveries of some ten events take, one from each partition:
	// once the time is over before a delivery ends, the sidecar chooses at random between it
	// and the next event, and half of all deliveries hold one event only
	// (docs/decisions/0022).
	TogetherWait = 100 * time.Millisecond
	// PatientWait is the same for the services of which nobody awaits anything at once
	// (docs/decisions/0024).
	PatientWait = time.Second
	// patientFetch is for how many bytes of new events such a service's consumer lets the
	// broker wait, up to the half second that is the client's default. Otherwise each
	// publication wakes every consumer, which costs the broker more than the events.
	patientFetch = 256 << 10
)

// patient reports whether nobody waits for what a service makes of an event: its findings
// are for the day, not for the moment. The others' requests have the processors then.
func patient(service string) bool { return service == event.Banking || service == event.Investment }

func togetherWait(service string) time.Duration {
	if patient(service) {
		return PatientWait
	}
	return TogetherWait
}

// PubSub names the component by which a service reaches Kafka: one a service,
// since each has a user of its own.
func PubSub(service string) string { return "events-" + service }

// Metrics is what sidecars count, for spec.metric of their Configuration. Without
// increasedCardinality: false, which Dapr 1.16 does not have as its default, each path of
// a call between services is a label, with the ids in it that a caller made up, for as
// long as the process lives.
func Metrics() map[string]any {
	return map[string]any{"enabled": true, "http": map[string]any{"increasedCardinality": false}}
}

// Resource is a resource of Dapr's. Values may be of any kind that its reader
// understands, such as outputs that are not known yet.
type Resource struct {
	APIVersion string
	Kind       string
	Name       string
	Fields     map[string]any // besides metadata
}

// Document is the resource as a file holds it.
func (r Resource) Document() map[string]any {
	document := map[string]any{"apiVersion": r.APIVersion, "kind": r.Kind, "metadata": map[string]any{"name": r.Name}}
	for field, value := range r.Fields {
		document[field] = value
	}
	return document
}

// Component is a component of that kind, for the services of scopes only, or
// for all without any.
func Component(name, kind string, metadata []any, scopes ...any) Resource {
	if metadata == nil {
		metadata = []any{}
	}
	fields := map[string]any{"spec": map[string]any{"type": kind, "version": "v1", "metadata": metadata}}
	if name != SecretStore {
		fields["auth"] = map[string]any{"secretStore": SecretStore}
	}
	if len(scopes) > 0 {
		fields["scopes"] = scopes
	}
	return Resource{APIVersion: "dapr.io/v1alpha1", Kind: "Component", Name: name, Fields: fields}
}

// Entry is a setting of a component.
func Entry(name string, value any) map[string]any {
	return map[string]any{"name": name, "value": value}
}

// Reference is a setting that is kept in a secret, whose name may be an output.
func Reference(name string, secret any, key string) map[string]any {
	return map[string]any{"name": name, "secretKeyRef": map[string]any{"name": secret, "key": key}}
}

// Redis is the state store of the services that are named, at host:port; with access. It is a
// cache: a sidecar starts without it too, and is started again by its service when that has
// found it missing (bus.Restorer). Dapr's client asks for the server's version first, without
// regard to the time that a component may take: with more time and more attempts the kubelet would
// end a sidecar that starts while Redis is silent, since it does not show a sign of life before.
func Redis(host any, access []any, services ...any) Resource {
	settings := append([]any{
		Entry("redisHost", host), Entry("keyPrefix", "name"),
		Entry("dialTimeout", "2s"), Entry("redisMaxRetries", "1"), Entry("redisMinRetryInterval", "100ms"),
	}, access...)
	store := Component(StateStore, "state.redis", settings, services...)
	store.Fields["spec"].(map[string]any)["ignoreErrors"] = true
	return store
}

// RedisUser is how sidecars show Redis who they are: by the user and the password in a
// secret, whose name may be an output, over TLS. Dapr does not verify the server's
// certificate.
func RedisUser(secret any) []any {
	return []any{
		Entry("enableTLS", "true"),
		Reference("redisUsername", secret, "username"),
		Reference("redisPassword", secret, "password"),
	}
}

// RedisPassword is for a Redis of a test's own, on loopback.
func RedisPassword(secret string) []any { return []any{Reference("redisPassword", secret, "password")} }

// Authenticated is how a service shows Kafka who it is: by the password in a secret, over
// TLS with a server whose authority is in another.
func Authenticated(service, secret, authority string) []any {
	return []any{
		Entry("authType", "password"),
		Entry("saslUsername", service),
		Reference("saslPassword", secret, "password"),
		Entry("saslMechanism", "SHA-512"),
		Reference("caCert", authority, "ca.crt"),
	}
}

// Anonymous is for a broker of a test's own, on loopback.
func Anonymous() []any { return []any{Entry("authType", "none")} }

// Topics are those that a service may publish on and subscribe to.
type Topics struct{ Publishes, Subscribes []string }

// TopicsOf are a service's, by the catalogue.
func TopicsOf(service string) Topics {
	return Topics{Publishes: event.WrittenBy(service), Subscribes: event.ReadBy(service)}
}

// scopes have the sidecar refuse a service every topic that is not its own. A service with no
// topic in a list would be free to use all but for protectedTopics.
func (t Topics) scopes(service string) []any {
	of := func(topics []string) string { return service + "=" + strings.Join(topics, ",") }
	all := slices.Concat(t.Publishes, t.Subscribes)
	slices.Sort(all)
	own := strings.Join(slices.Compact(all), ",")
	return []any{
		Entry("allowedTopics", own),
		Entry("protectedTopics", own),
		Entry("publishingScopes", of(t.Publishes)),
		Entry("subscriptionScopes", of(t.Subscribes)),
	}
}

// Kafka is a service's way to the brokers (host:port, separated by commas), and to its topics
// only.
func Kafka(service string, brokers any, access []any, topics Topics) Resource {
	settings := append([]any{
		Entry("brokers", brokers),
		Entry("consumerGroup", service),
		Entry("clientID", service),
	}, access...)
	settings = append(settings,
		// A new consumer starts at what is kept, not at what comes next.
		Entry("initialOffset", "oldest"),
		// Resiliency decides on attempts; the component itself must not give up.
		Entry("consumeRetryEnabled", "true"),
		Entry("consumeRetryInterval", "200ms"),
		Entry("maxMessageBytes", "1048576"),
		Entry("version", "4.0.0"),
	)
	if patient(service) {
		settings = append(settings, Entry("consumerFetchMin", strconv.Itoa(patientFetch)))
	}
	return Component(PubSub(service), "pubsub.kafka", append(settings, topics.scopes(service)...), service)
}

// Subscription leads a topic's events to the service's handler, and what is no
// event to the dead letters.
func Subscription(service string, topic event.Topic) Resource {
	spec := map[string]any{
		"topic":           topic.Name,
		"pubsubname":      PubSub(service),
		"deadLetterTopic": topic.DeadLetter(),
		"routes":          map[string]any{"default": Events + topic.Name},
	}
	if topic.Together {
		spec["routes"] = map[string]any{"default": EventsTogether + topic.Name}
		spec["bulkSubscribe"] = map[string]any{
			"enabled": true, "maxMessagesCount": MaxTogether, "maxAwaitDurationMs": int(togetherWait(service).Milliseconds()),
		}
	}
	return Resource{
		APIVersion: "dapr.io/v2alpha1", Kind: "Subscription",
		Name: service + "-" + strings.ReplaceAll(topic.Name, ".", "-"),
		Fields: map[string]any{
			"spec":   spec,
			"scopes": []any{service},
		},
	}
}

// Subscriptions are those of a service: one for each topic that it consumes.
func Subscriptions(service string) []Resource {
	var all []Resource
	for _, topic := range event.ConsumedBy(service) {
		all = append(all, Subscription(service, topic))
	}
	return all
}

// Resiliency says what sidecars attempt again. A delivery is attempted until the service
// accepts it: only the service can tell an event that it will never handle, which
// it dead-letters itself after some attempts (package bus), from a database that
// is unavailable or a service that is being started again. With attempts counted here, an
// outage of a few seconds would send good events to the dead letters.
// Publishing is attempted again by the outbox, which never gives up.
func Resiliency(services []string) Resource {
	components := map[string]any{
		StateStore: map[string]any{"outbound": map[string]any{"timeout": "quick", "retry": "briefly", "circuitBreaker": "store"}},
	}
	var scopes []any
	for _, service := range services {
		components[PubSub(service)] = map[string]any{"inbound": map[string]any{"timeout": "handler", "retry": "handler"}}
		scopes = append(scopes, service)
	}
	return Resource{
		APIVersion: "dapr.io/v1alpha1", Kind: "Resiliency", Name: "companion",
		Fields: map[string]any{
			"spec": map[string]any{
				"policies": map[string]any{
					"timeouts": map[string]any{"quick": "2s", "handler": "30s"},
					"retries": map[string]any{
						"briefly": map[string]any{"policy": "constant", "duration": "200ms", "maxRetries": 2},
						"handler": map[string]any{"policy": "exponential", "maxInterval": "2s", "maxRetries": -1},
					},
					"circuitBreakers": map[string]any{
						"store": map[string]any{"maxRequests": 1, "timeout": "10s", "trip": "consecutiveFailures > 5"},
					},
				},
				"targets": map[string]any{"components": components},
			},
			"scopes": scopes,
		},
	}
}
