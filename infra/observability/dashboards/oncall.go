package dashboards

import (
	"fmt"

	"github.com/wealth-companion/companion/infra/observability/rules"
)

// onCall is what somebody opens who was woken.
func onCall() board {
	var left, burn []query
	for _, o := range rules.Objectives() {
		left = append(left, query{fmt.Sprintf("1 - %s / %g", o.Ratio("30d"), o.Budget()), o.Name})
		burn = append(burn, query{fmt.Sprintf("%s / %g", o.Ratio("1h"), o.Budget()), o.Name})
	}
	const requests = "http_request_duration_seconds"
	return board{
		uid: "on-call", title: "On call",
		description: "What people notice, what burns, and what fires. Each alert has an entry in the runbook: " + rules.Runbook,
		rows: []row{
			{"What fires", []panel{
				{
					title: "Alerts that fire", unit: count, kind: list, width: 16, empty: "Nothing fires.",
					description: "Each with its entry in the runbook, under its name. severity page: people notice it now; ticket: for the next working day.",
					queries:     []query{{`sum by (alertname, severity, service, topic, job, pod) (ALERTS{alertstate="firing"})`, ""}},
				},
				{
					title: "Targets that are not read", unit: count, kind: numbers, width: 4, steps: []step{{1, amber}},
					description: "What they would say is not known: TargetDown in the runbook.",
					queries:     []query{{"count(up == 0) or vector(0)", "not read"}},
				},
				{
					title: "Restarts in an hour", unit: count, kind: numbers, width: 4, steps: []step{{1, amber}, {3, red}},
					description: "Of our services' processes: ServiceRestarts in the runbook.",
					queries:     []query{{`sum(changes(process_start_time_seconds{endpoint="operations"}[1h]))`, "restarts"}},
				},
			}},
			{"Objectives", []panel{
				{
					title: "What is left of the budget of errors", unit: share, kind: numbers, width: columns, empty: "No requests yet.",
					description: "Of what may go wrong in 30 days, or in as many as Prometheus keeps. Below nothing the objective is missed.",
					steps:       []step{{lowest, red}, {0, amber}, {0.25, green}}, queries: left,
				},
				{
					title: "How fast it burns", unit: burning, width: 12, steps: []step{{6, amber}, {14.4, red}}, empty: "No requests within the last hour.",
					description: "Over an hour. At 1 the budget lasts for 30 days exactly; at 6 and 14.4 somebody is woken.",
					queries:     burn,
				},
				{
					title: "From accepted to alert", unit: seconds, width: 12, steps: []step{{5, red}}, empty: "No alert was due.",
					description: "How long after a transaction was accepted its alert reached people; the goal is 5 s for 95 of 100.",
					queries: []query{
						{quantile(0.5, "event_handled_since_accepted_seconds", `{topic="notification.alert.sent"}`), "half of them"},
						{quantile(0.95, "event_handled_since_accepted_seconds", `{topic="notification.alert.sent"}`), "95 of 100"},
					},
				},
			}},
			{"Requests", []panel{
				{
					title: "Requests", unit: aSecond, kind: stacked,
					description: "To the API, the pages and people's assistants.",
					queries:     []query{{sum(rate(requests+"_count"), "service"), "{{service}}"}},
				},
				{
					title: "Requests that fail", unit: share, empty: "No requests within the last minutes.",
					description: "Answered with 5xx: the service's dashboard says on which route.",
					queries:     []query{{shareOf(rate(requests+`_count{status=~"5.."}`), rate(requests+"_count"), "service"), "{{service}}"}},
				},
				{
					title: "How long 95 of 100 take", unit: seconds, steps: []step{{1, red}}, empty: "No requests within the last minutes.",
					description: "Without those that wait for something to happen (/live, /alerts/wait).",
					queries:     []query{{quantile(0.95, requests, `{route!~".*/(live|alerts/wait)"}`, "service"), "{{service}}"}},
				},
			}},
			{"Behind the requests", []panel{
				{
					title: "Oldest event that waits to be published", unit: seconds, steps: []step{{120, red}},
					description: "Grows while Kafka or a sidecar is away; nothing is lost: OutboxStuck.",
					queries:     []query{{most("outbox_oldest_event_age_seconds", "service"), "{{service}}"}},
				},
				{
					title: "Dead letters in an hour", unit: count, steps: []step{{1, amber}},
					description: "Events that nobody handles any more until they are replayed: DeadLetters.",
					queries: []query{
						{sum(`increase(events_handled_total{outcome=~"refused|dead"}[1h])`, "service"), "{{service}}"},
						{sum("increase(outbox_dead_lettered_total[1h])", "service"), "{{service}}, not published"},
					},
				},
				{
					title: "Pods", unit: count,
					description: "That answer. More of a service: it follows its load.",
					queries:     []query{{sum(`up{endpoint="operations"}`, "job"), "{{job}}"}},
				},
			}},
		},
	}
}
