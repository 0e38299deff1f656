package dashboards

import "github.com/wealth-companion/companion/infra/observability/rules"

// The labels of deliveries that are worked off, and of those that come again.
const (
	done  = `outcome=~"handled|duplicate|refused|dead|drill"`
	again = `outcome=~"failed|postponed"`
	lost  = `outcome=~"refused|dead"`
)

// eventFlow follows events hop by hop: written, published, handled, and what is left behind.
func eventFlow() board {
	return board{
		uid: rules.EventsDashboard, title: "Event flow",
		description: "From the database of whom an event is written by, over its sidecar and Kafka, to those who handle it.",
		rows: []row{
			{"Written, and not yet published", []panel{
				{
					title: "Events that wait", unit: count, steps: []step{{10000, amber}},
					description: "In the outbox, of each service: deep after an import or an outage. 100000 stands for that many or more.",
					queries:     []query{{most("outbox_waiting_events", "service"), "{{service}}"}},
				},
				{
					title: "The oldest of them", unit: seconds, steps: []step{{120, red}},
					description: "Grows by a second each second when nothing is published: OutboxStuck.",
					queries:     []query{{most("outbox_oldest_event_age_seconds", "service"), "{{service}}"}},
				},
				{
					title: "Lanes that wait for another attempt", unit: count, empty: "No attempt has failed since the services started.",
					description: "A lane is a topic and a key: its events stay in order, so that one that fails holds up those behind it.",
					queries:     []query{{most("outbox_blocked_lanes", "service", "topic"), "{{service}} {{topic}}"}},
				},
			}},
			{"Published", []panel{
				{
					title: "Events that the broker took", unit: events, kind: stacked,
					description: "By topic.",
					queries:     []query{{ten(sum(rate("events_published_total"), "topic")), "{{topic}}"}},
				},
				{
					title: "How long the sidecar takes to publish", unit: millis, empty: "Nothing was published within the last minutes.",
					description: "95 of 100 events, and of batches of them, by service: Kafka's part of the way.",
					queries: []query{
						{quantile(0.95, "dapr_component_pubsub_egress_latencies", "", "app_id"), "{{app_id}}"},
						{quantile(0.95, "dapr_component_pubsub_egress_bulk_latencies", "", "app_id"), "{{app_id}}, batches"},
					},
				},
				{
					title: "What the broker refused", unit: events,
					description: "An event or its topic: missing rights, or too large. Then it is put on the dead letters.",
					queries: []query{
						{sum(rate("outbox_refused_total"), "service"), "{{service}}"},
						{sum(rate("outbox_dead_lettered_total"), "service"), "{{service}}, dead-lettered"},
					},
				},
			}},
			{"Handled", []panel{
				{
					title: "Events worked off, by service", unit: events, kind: stacked,
					description: "Handled, known already, or dead-lettered. A service that stays at nothing while events are published: EventsNotHandled.",
					queries:     []query{{sum(rate("events_handled_total{"+done+"}"), "service"), "{{service}}"}},
				},
				{
					title: "Events worked off, by topic", unit: events, kind: stacked,
					description: "Each counts once for every service that it goes to.",
					queries:     []query{{ten(sum(rate("events_handled_total{"+done+"}"), "topic")), "{{topic}}"}},
				},
				{
					title: "Deliveries that come again", unit: events,
					description: "They failed, or wait for the database to be back. After three attempts an event is a dead letter.",
					queries:     []query{{sum(rate("events_handled_total{"+again+"}"), "service", "outcome"), "{{service}}: {{outcome}}"}},
				},
			}},
			{"At the broker", []panel{
				{
					title: "Events that wait, by service", unit: count, kind: stacked, steps: []step{{10000, amber}},
					description: "Of all topics that it handles: ConsumersBehind. On compacted topics an upper bound.",
					queries:     []query{{sum(most("kafka_consumergroup_lag", "consumergroup", "topic", "partition"), "consumergroup"), "{{consumergroup}}"}},
				},
				{
					title: "Readers of a service", unit: count,
					description: "Sidecars' subscriptions that have joined its group. At nothing, events wait: its sidecars do not reach the broker.",
					queries:     []query{{most("kafka_consumergroup_members", "consumergroup"), "{{consumergroup}}"}},
				},
				{
					title: "Partitions with too few replicas", unit: count, steps: []step{{1, amber}},
					description: "A broker is away or behind: KafkaUnderReplicated.",
					queries:     []query{{sum(most("kafka_topic_partition_under_replicated_partition", "topic", "partition")), "partitions"}},
				},
			}},
			{"How long it takes", []panel{
				{
					title: "From made to handled", unit: seconds, width: 12, steps: []step{{60, red}}, empty: "Nothing was handled within the last minutes.",
					description: "95 of 100 events, by who handles them: outbox, sidecar, Kafka, sidecar and the handler together. More than a minute: EventsLate.",
					queries:     []query{{quantile(0.95, "event_handled_after_seconds", "", "service"), "{{service}}"}},
				},
				{
					title: "From accepted to handled", unit: seconds, width: 12, empty: "Nothing was handled within the last minutes.",
					description: "95 of 100 events, by topic, from the request on that they follow from: each further topic is a hop further.",
					queries:     []query{{ten(quantile(0.95, "event_handled_since_accepted_seconds", "", "topic")), "{{topic}}"}},
				},
			}},
			{"Left behind", []panel{
				{
					title: "Dead letters in an hour", unit: count, steps: []step{{1, amber}},
					description: "By who could not handle them and topic. `companionctl dlq list` says why.",
					queries: []query{
						{ten(sum("increase(events_handled_total{"+lost+"}[1h])", "service", "topic")), "{{service}} {{topic}}"},
					},
				},
				{
					title: "Dropped by sidecars", unit: count, empty: "No sidecar has dropped anything since it started.",
					description: "Messages that no attempt could deliver, since the sidecar started: on the dead letters too.",
					queries:     []query{{sum(`dapr_component_pubsub_ingress_count{process_status="drop"}`, "app_id", "topic"), "{{app_id}} {{topic}}"}},
				},
				{
					title: "Refused on purpose", unit: count,
					description: "What `companionctl validate` poisons to see that it is dead-lettered. No alert looks at it.",
					queries:     []query{{sum(`increase(events_handled_total{outcome="drill"}[1h])`, "service"), "{{service}}"}},
				},
			}},
		},
	}
}
