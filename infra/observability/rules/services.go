package rules

import (
	"fmt"

	"github.com/wealth-companion/companion/app/core/event"
)

// Services lists the services of ours, as the scraping names them.
func Services() []string { return append(event.Services(), event.MCP, event.Web) }

// services is what is said of each service. Somebody looks for a service by its own name, and
// one whose pods are all gone has no series any more: so there is a rule for each.
func services() Group {
	var alerts []alert
	for _, service := range Services() {
		alerts = append(alerts, alert{
			name: "ServiceDown", severity: Page, dashboard: ServiceDashboard(service), service: service, lasts: "2m",
			expr:        fmt.Sprintf(`absent(up{job=%q,endpoint="operations"} == 1)`, service),
			summary:     "no pod of " + service + " answers",
			description: downMeans(service),
		})
	}
	return groupOf("services", ServiceDashboard("{{ $labels.job }}"), append(alerts,
		alert{
			name: "SidecarDown", severity: Ticket, service: "{{ $labels.job }}", lasts: "5m",
			expr:        `up{endpoint="dapr-metrics"} == 0`,
			summary:     "the sidecar of {{ $labels.pod }} does not answer",
			description: "The pod neither gets events nor publishes any; the service's other pods go on.",
		},
		alert{
			// The time at which a process began changes when its container restarts.
			name: "ServiceRestarts", severity: Ticket, service: "{{ $labels.job }}",
			expr:        `changes(process_start_time_seconds{endpoint="operations"}[1h]) > 2`,
			summary:     "{{ $labels.pod }} has restarted {{ $value }} times within an hour",
			description: "An event or a request may end the process: after three times an event is a dead letter.",
		},
	)...)
}

// downMeans says what people notice without the service.
func downMeans(service string) string {
	switch service {
	case event.Backend:
		return "Nothing can be entered or read, on pages and by assistants."
	case event.Web:
		return "There are no pages; the API goes on."
	case event.MCP:
		return "People's assistants reach nothing; pages go on."
	case event.Notification:
		return "Nobody gets alerts; they come when it is back."
	default:
		return "Its insights do not come; they come when it is back."
	}
}
