package rules

// events is about what people do not see until something is missing.
func events() Group {
	return groupOf("events", EventsDashboard,
		alert{
			name: "OutboxStuck", severity: Page, service: "{{ $labels.service }}", lasts: "1m",
			expr:        `max by (service) (outbox_oldest_event_age_seconds) > 120`,
			summary:     "an event of {{ $labels.service }} has waited for {{ $value | humanizeDuration }} to be published",
			description: "Kafka, the sidecar or the broker's rights: what is entered is kept, but nobody hears of it, and no alert comes.",
		},
		alert{
			name: "OutboxDeep", severity: Ticket, service: "{{ $labels.service }}", lasts: "15m",
			expr:        `max by (service) (outbox_waiting_events) > 10000`,
			summary:     "{{ $value }} events of {{ $labels.service }} wait to be published",
			description: "More is written than published: alerts are late for everybody.",
		},
		alert{
			// Of each topic that is published on, every consumer handles something. The offset is for
			// those that are on their way.
			name: "EventsNotHandled", severity: Page, service: "{{ $labels.service }}", lasts: "5m",
			expr: `sum by (service, topic) (increase(events_handled_total{outcome=~"handled|duplicate|refused|dead|drill"}[10m])) == 0
and on (topic)
sum by (topic) (increase(events_published_total[10m] offset 2m)) > 0`,
			summary:     "{{ $labels.service }} handles nothing of {{ $labels.topic }}, on which events are published",
			description: "Its sidecar, its group at the broker or its database: events wait, and nothing is lost.",
		},
		alert{
			// Also where only one of many partitions stands, behind an event that nobody handles.
			name: "PartitionStands", severity: Page, service: "{{ $labels.consumergroup }}", lasts: "5m",
			expr: `max by (consumergroup, topic, partition) (min_over_time(kafka_consumergroup_lag[10m])) > 0
and
max by (consumergroup, topic, partition) (changes(kafka_consumergroup_current_offset[10m])) == 0`,
			summary:     "{{ $labels.consumergroup }} has stood still in {{ $labels.topic }}/{{ $labels.partition }} for a quarter of an hour: {{ $value }} events wait",
			description: "What people did whose events are in that partition is not looked at: their insights and alerts do not come.",
		},
		alert{
			name: "ConsumersBehind", severity: Ticket, service: "{{ $labels.consumergroup }}", lasts: "15m",
			// Each pod of the exporter says the same.
			expr:        `sum by (consumergroup) (max by (consumergroup, topic, partition) (kafka_consumergroup_lag)) > 10000`,
			summary:     "{{ $value }} events wait for {{ $labels.consumergroup }}",
			description: "More is published than it handles, or it works off what an outage left: everybody's insights are late.",
		},
		alert{
			name: "EventsLate", severity: Ticket, service: "{{ $labels.service }}", lasts: "15m",
			expr: `histogram_quantile(0.95, sum by (service, topic, le) (rate(event_handled_after_seconds_bucket[10m]))) > 60
and
sum by (service, topic) (increase(event_handled_after_seconds_count[10m])) > 20`,
			summary:     "{{ $labels.service }} handles events of {{ $labels.topic }} {{ $value | humanizeDuration }} after they were made (P95)",
			description: "More comes than is handled: people's insights are late.",
		},
		alert{
			// What companionctl validate poisons on purpose has the outcome drill. A sidecar counts from
			// its first event on, which no increase shows.
			name: "DeadLetters", severity: Ticket, service: "{{ $labels.service }}{{ $labels.app_id }}",
			expr: `sum by (service, topic) (increase(events_handled_total{outcome=~"refused|dead"}[1h])) > 0
or
sum by (service, topic) (increase(outbox_dead_lettered_total[1h])) > 0
or
(sum by (app_id, topic) (dapr_component_pubsub_ingress_count{process_status="drop"}) - (sum by (app_id, topic) (dapr_component_pubsub_ingress_count{process_status="drop"} offset 1h) or 0 * sum by (app_id, topic) (dapr_component_pubsub_ingress_count{process_status="drop"}))) > 0`,
			summary:     "events of {{ $labels.topic }} are dead letters of {{ $labels.service }}{{ $labels.app_id }}",
			description: "Somebody's insight or alert will not come unless the cause is mended and the events are replayed, within 7 days.",
		},
		alert{
			name: "DeadLettersMany", severity: Page, service: "{{ $labels.service }}",
			expr: `sum by (service) (increase(events_handled_total{outcome=~"refused|dead"}[15m])) > 10
and
sum by (service) (increase(events_handled_total{outcome=~"refused|dead"}[15m])) / sum by (service) (increase(events_handled_total{outcome=~"handled|duplicate|refused|dead"}[15m])) > 0.02`,
			summary:     "{{ $value | humanize }} events of {{ $labels.service }} became dead letters within 15 minutes",
			description: "A release or a publisher breaks the contract of events: go back to the release before, then replay.",
		},
	)
}
