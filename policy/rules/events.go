package rules

import (
	"slices"
	"strings"
)

// eventDriven is principle 2: event-driven through Dapr pub/sub. Services know no
// broker, and what the brokers acknowledged outlives any one of them.
var eventDriven = []Rule{
	{
		Name:        "no-brokers-in-services",
		Principle:   EventDriven,
		Description: "Services know neither brokers nor caches: they publish and subscribe through their sidecars.",
		Remedy:      "take the setting out, and have the service ask its sidecar by the component's name",
		resource: func(r Resource) []Violation {
			var f found
			for _, s := range r.serviceSettings() {
				if isBroker(s.name) || brokerAddress.MatchString(s.value) {
					f.add("the service is given a broker's or a cache's setting (%s)", s.name)
				}
			}
			return f
		},
	},
	{
		Name:        "three-replicas-of-events",
		Principle:   EventDriven,
		Description: "Every event is on three brokers, and acknowledged when two have it.",
		Remedy:      "set replication factors to 3 or more, min.insync.replicas to 2 or more and below the replication factor, and three brokers or more",
		resource:    replicated,
	},
	{
		Name:        "quotas-of-users",
		Principle:   EventDriven,
		Description: "No user of Kafka's can take the brokers from the others: each has quotas of what it publishes, reads and asks.",
		Remedy:      "set spec.quotas of the KafkaUser: producerByteRate, consumerByteRate and requestPercentage",
		resource: func(r Resource) []Violation {
			var f found
			for _, o := range r.objects {
				if o.kind != "KafkaUser" || o.partial {
					continue
				}
				for _, quota := range []string{"producerByteRate", "consumerByteRate", "requestPercentage"} {
					value := o.spec("quotas", quota)
					if n, is := number(value); !unknown(value) && !unknown(o.spec("quotas")) && (!is || n <= 0) {
						f.add("the user has no quota %s", quota)
					}
				}
			}
			return f
		},
	},
	{
		Name:        "subscriptions-with-dead-letters",
		Principle:   EventDriven,
		Description: "Every subscription has a topic for dead letters and names the service that it is for.",
		Remedy:      "set spec.deadLetterTopic to dlq.<topic>, and scopes to the service's Dapr app id",
		resource: func(r Resource) []Violation {
			var f found
			for _, o := range r.objects {
				if o.kind != "Subscription" {
					continue
				}
				letters, topic := o.spec("deadLetterTopic"), o.spec("topic")
				switch {
				case unknown(letters):
				case text(letters) == "":
					f.add("the subscription has no topic for dead letters")
				case text(letters) == text(topic):
					f.add("the dead letters go to the subscribed topic itself, and come back for ever")
				}
				if scopes := o.fields["scopes"]; len(texts(scopes)) == 0 && !hasUnknown(scopes) {
					f.add("the subscription is every service's: it has no scopes")
				}
			}
			return f
		},
	},
}

// replicated looks at brokers' defaults, at pools of brokers and at topics.
func replicated(r Resource) []Violation {
	var f found
	atLeast := func(what string, value any, least float64, required bool) {
		if unknown(value) {
			return
		}
		n, is := number(value)
		if !is && required {
			f.add("%s is not set", what)
		}
		if !is && value != nil {
			f.add("%s is no number", what)
		}
		if is && n < least {
			f.add("%s is %v", what, n)
		}
	}
	for _, o := range r.objects {
		switch o.kind {
		case "Kafka":
			if o.spec("kafka") == nil {
				continue // of another vendor's
			}
			config := o.spec("kafka", "config")
			if unknown(config) {
				continue
			}
			for _, setting := range []struct {
				key   string
				least float64
			}{
				{"default.replication.factor", 3}, {"min.insync.replicas", 2}, {"offsets.topic.replication.factor", 3},
				{"transaction.state.log.replication.factor", 3}, {"transaction.state.log.min.isr", 2},
			} {
				atLeast(setting.key, at(config, setting.key), setting.least, !o.partial)
			}
			if yes(at(config, "unclean.leader.election.enable")) {
				f.add("a broker that lags may lead (unclean.leader.election.enable), which loses acknowledged events")
			}
			if setting := at(config, "auto.create.topics.enable"); !unknown(setting) && setting != false && text(setting) != "false" && !o.partial {
				f.add("topics are created by whoever writes (auto.create.topics.enable)")
			}
			atLeast("the number of brokers", o.spec("kafka", "replicas"), 3, false)
		case "KafkaNodePool":
			if slices.Contains(texts(o.spec("roles")), "broker") {
				atLeast("the number of brokers", o.spec("replicas"), 3, true)
			}
		case "KafkaTopic":
			atLeast("the topic's replication factor", o.spec("replicas"), 3, false)
			atLeast("the topic's min.insync.replicas", at(o.spec("config"), "min.insync.replicas"), 2, false)
		}
	}
	return f
}

// isBroker tells by its name that a setting is a broker's or a cache's.
func isBroker(name string) bool {
	words := words(name)
	return slices.ContainsFunc(words, func(word string) bool {
		return slices.Contains([]string{"kafka", "redis", "valkey", "rabbitmq", "nats", "broker", "brokers", "amqp", "zookeeper"}, word)
	}) || strings.Contains(strings.Join(words, " "), "bootstrap server")
}
