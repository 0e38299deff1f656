package companion

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/infra/kube"
)

const (
	stateStore  = "state"
	secretStore = "kubernetes-secrets"
)

// pubsub names the component by which a service reaches Kafka: one a service,
// since each has a user of its own.
func pubsub(service string) string { return "events-" + service }

// newComponents makes what the sidecars read when they start. The pods depend
// on all of it: a sidecar that starts without a component does not publish.
func newComponents(ctx *pulumi.Context, args Args, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) ([]pulumi.Resource, error) {
	objects := []kube.Object{
		component(secretStore, "secretstores.kubernetes", nil, nil),
		component(stateStore, "state.redis", []any{
			entry("redisHost", args.Redis),
			reference("redisPassword", "redis", "password"),
			entry("keyPrefix", "name"),
		}, nil),
		{
			APIVersion: "dapr.io/v1alpha1", Kind: "Configuration", Name: "companion",
			Fields: map[string]any{"spec": map[string]any{
				"tracing": map[string]any{"samplingRate": "1"},
				"metric":  map[string]any{"enabled": true},
			}},
		},
		resiliency(),
	}
	for _, service := range Names() {
		objects = append(objects, kafkaComponent(service, args.Kafka.Bootstrap))
		for _, topic := range event.ConsumedBy(service) {
			objects = append(objects, subscription(service, topic))
		}
	}
	var made []pulumi.Resource
	for _, object := range objects {
		object.Namespace = namespace
		resource, err := kube.NewObject(ctx, object, opts...)
		if err != nil {
			return nil, err
		}
		made = append(made, resource)
	}
	return made, nil
}

func component(name, kind string, metadata []any, scopes []any) kube.Object {
	fields := map[string]any{
		"spec": map[string]any{"type": kind, "version": "v1", "metadata": metadata},
		"auth": map[string]any{"secretStore": secretStore},
	}
	if metadata == nil {
		fields["spec"] = map[string]any{"type": kind, "version": "v1", "metadata": []any{}}
	}
	if name == secretStore {
		delete(fields, "auth")
	}
	if scopes != nil {
		fields["scopes"] = scopes
	}
	return kube.Object{APIVersion: "dapr.io/v1alpha1", Kind: "Component", Name: name, Fields: fields}
}

func entry(name string, value any) map[string]any {
	return map[string]any{"name": name, "value": value}
}

func reference(name, secret, key string) map[string]any {
	return map[string]any{"name": name, "secretKeyRef": map[string]any{"name": secret, "key": key}}
}

func kafkaComponent(service, bootstrap string) kube.Object {
	return component(pubsub(service), "pubsub.kafka", []any{
		entry("brokers", bootstrap),
		entry("consumerGroup", service),
		entry("clientID", service),
		entry("authType", "password"),
		entry("saslUsername", service),
		reference("saslPassword", service+"-kafka", "password"),
		entry("saslMechanism", "SHA-512"),
		reference("caCert", "kafka-ca", "ca.crt"),
		// A new consumer starts at what is kept, not at what comes next.
		entry("initialOffset", "oldest"),
		// Resiliency decides on tries; the component itself must not give up.
		entry("consumeRetryEnabled", "true"),
		entry("consumeRetryInterval", "200ms"),
		entry("maxMessageBytes", "1048576"),
		entry("version", "4.0.0"),
	}, []any{service})
}

// subscription leads a topic's events to the service's handler, and what it
// cannot handle to the dead letters.
func subscription(service string, topic event.Topic) kube.Object {
	return kube.Object{
		APIVersion: "dapr.io/v2alpha1", Kind: "Subscription",
		Name: service + "-" + strings.ReplaceAll(topic.Name, ".", "-"),
		Fields: map[string]any{
			"spec": map[string]any{
				"topic":           topic.Name,
				"pubsubname":      pubsub(service),
				"deadLetterTopic": topic.DeadLetter(),
				"routes":          map[string]any{"default": "/events/" + topic.Name},
			},
			"scopes": []any{service},
		},
	}
}

// resiliency bounds the tries of a handler: three, and then the dead letters.
// Publishing is tried by the outbox, which gives up never.
func resiliency() kube.Object {
	components := map[string]any{
		stateStore: map[string]any{"outbound": map[string]any{"timeout": "quick", "retry": "briefly", "circuitBreaker": "store"}},
	}
	var scopes []any
	for _, service := range Names() {
		components[pubsub(service)] = map[string]any{"inbound": map[string]any{"timeout": "handler", "retry": "handler"}}
		scopes = append(scopes, service)
	}
	return kube.Object{
		APIVersion: "dapr.io/v1alpha1", Kind: "Resiliency", Name: "companion",
		Fields: map[string]any{
			"spec": map[string]any{
				"policies": map[string]any{
					"timeouts": map[string]any{"quick": "2s", "handler": "30s"},
					"retries": map[string]any{
						"briefly": map[string]any{"policy": "constant", "duration": "200ms", "maxRetries": 2},
						// Two more after the first: three tries.
						"handler": map[string]any{"policy": "exponential", "maxInterval": "5s", "maxRetries": 2},
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
