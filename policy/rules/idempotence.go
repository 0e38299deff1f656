package rules

import (
	"slices"
	"strings"
	"time"
)

// idempotent is principle 9: events idempotent. An event may come twice, and must not be
// lost in between: it is kept and tried again, and its id is remembered for as long.
var idempotent = []Rule{
	{
		Name:        "events-kept-for-seven-days",
		Principle:   Idempotent,
		Description: "Events are kept for seven days or more, as long as their ids are remembered: so long they can be replayed.",
		Remedy:      "set the retention to 7 days or more (604800000 ms, 168 hours), or -1",
		resource:    kept,
	},
	{
		Name:        "events-delivered-again",
		Principle:   Idempotent,
		Description: "A consumer starts at the oldest event that is kept, and gets again what it did not accept.",
		Remedy:      `set the component's initialOffset to "oldest" and consumeRetryEnabled to "true"`,
		resource: func(r Resource) []Violation {
			var f found
			for _, o := range r.objects {
				if o.kind != "Component" || o.partial || text(o.spec("type")) != "pubsub.kafka" || hasUnknown(o.spec("metadata")) {
					continue
				}
				for _, wanted := range []struct{ name, value string }{{"initialOffset", "oldest"}, {"consumeRetryEnabled", "true"}} {
					settings := each(o.spec("metadata"))
					set := slices.ContainsFunc(settings, func(entry map[string]any) bool {
						return text(entry["name"]) == wanted.name && (text(entry["value"]) == wanted.value || wanted.value == "true" && yes(entry["value"]) || unknown(entry["value"]))
					})
					if !set {
						f.add("%s is not %q", wanted.name, wanted.value)
					}
				}
			}
			return f
		},
	},
	{
		Name:        "consumers-in-groups",
		Principle:   Idempotent,
		Description: "The pods of a service share its events: one of them gets each.",
		Remedy:      "set the component's consumerGroup (or consumerID) to the service's name",
		resource: func(r Resource) []Violation {
			var f found
			for _, o := range r.objects {
				if o.kind != "Component" || o.partial || !strings.HasPrefix(text(o.spec("type")), "pubsub.") || hasUnknown(o.spec("metadata")) {
					continue
				}
				grouped := slices.ContainsFunc(each(o.spec("metadata")), func(entry map[string]any) bool {
					name := text(entry["name"])
					return (name == "consumerGroup" || name == "consumerID") && (text(entry["value"]) != "" || unknown(entry["value"]))
				})
				if !grouped {
					f.add("every pod gets every event: the component has no consumer group")
				}
			}
			return f
		},
	},
}

const week = 7 * 24 * time.Hour

// kept looks at the retention of topics and at the brokers' default.
func kept(r Resource) []Violation {
	var f found
	shorter := func(what string, value any, unit time.Duration) {
		n, is := number(value)
		if is && n >= 0 && n*float64(unit) < float64(week) {
			f.add("%s keeps events for %s only", what, (time.Duration(n*float64(unit)) / time.Minute * time.Minute).String())
		}
	}
	for _, o := range r.objects {
		switch o.kind {
		case "KafkaTopic":
			shorter("retention.ms", at(o.spec("config"), "retention.ms"), time.Millisecond)
		case "Kafka":
			config := o.spec("kafka", "config")
			for key, unit := range map[string]time.Duration{"log.retention.ms": time.Millisecond, "log.retention.minutes": time.Minute, "log.retention.hours": time.Hour} {
				shorter(key, at(config, key), unit)
			}
			if n, is := number(at(config, "log.retention.bytes")); is && n >= 0 {
				f.add("log.retention.bytes drops events by their size, however young")
			}
		}
	}
	slices.SortFunc(f, func(a, b Violation) int { return strings.Compare(a.What, b.What) })
	return f
}
