package rules

import (
	"fmt"

	"github.com/wealth-companion/companion/app/core/event"
)

// Routes whose answers take long by design: they wait for something to happen, read or write
// whole files, or ask another's server. They are regular expressions.
const (
	slowRoutes = "/api/v1/(live|alerts/wait|account|account/export|imports|imports/preview|rates/import|demo|auth/oidc/.+)"
	slowPages  = "GET /live|POST /welcome/demo|GET /settings/export|POST /settings/(demo|delete)"
)

// Objectives lists what has to work how well, in the order of what people notice first.
func Objectives() []Objective {
	return []Objective{
		availability(event.Backend, "API", "the API", 99.9),
		latency(event.Backend, "API", "the API", slowRoutes, 99),
		availability(event.Web, "Web", "the pages", 99.9),
		latency(event.Web, "Web", "the pages", slowPages, 99),
		availability(event.MCP, "MCP", "people's assistants (MCP)", 99.9),
		{
			Name: "alerts-in-time", Alert: "AlertsLate", Service: event.Notification, Goal: 95,
			Of: "alerts", Bad: "reached people more than 5 s after what they are about was accepted",
			all: `sum(rate(event_handled_since_accepted_seconds_count{topic="notification.alert.sent"}[5m]))`,
			bad: `(sum(rate(event_handled_since_accepted_seconds_count{topic="notification.alert.sent"}[5m])) - sum(rate(event_handled_since_accepted_seconds_bucket{topic="notification.alert.sent",le="5"}[5m])))`,
		},
	}
}

// availability is that of a service's HTTP: what is answered with 5xx is bad.
func availability(service, short, of string, goal float64) Objective {
	count := fmt.Sprintf(`sum(rate(http_request_duration_seconds_count{service=%q%%s}[5m]))`, service)
	return Objective{
		Name: service + "-availability", Alert: short + "Errors", Service: service, Goal: goal,
		Of: "requests to " + of, Bad: "failed",
		all: fmt.Sprintf(count, ""), bad: fmt.Sprintf(count, `,status=~"5.."`),
	}
}

// latency is that of a service's HTTP: what took more than a second is bad. Of what failed the
// other objective tells.
func latency(service, short, of, except string, goal float64) Objective {
	where := fmt.Sprintf(`service=%q,route!~%q,status!~"5.."`, service, except)
	all := fmt.Sprintf(`sum(rate(http_request_duration_seconds_count{%s}[5m]))`, where)
	return Objective{
		Name: service + "-latency", Alert: short + "Slow", Service: service, Goal: goal,
		Of: "requests to " + of, Bad: "took more than a second",
		all: all, bad: fmt.Sprintf(`(%s - sum(rate(http_request_duration_seconds_bucket{%s,le="1"}[5m])))`, all, where),
	}
}
