package dashboards

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/infra/observability/rules"
)

// ofService is a service's dashboard: its requests and events, its process, its sessions with
// the database and its sidecar, as far as it has them.
func ofService(service string) board {
	b := board{
		uid: rules.ServiceDashboard(service), title: "Service: " + service,
		description: "What the service " + service + " does, and what that takes.",
	}
	if slices.Contains([]string{event.Backend, event.Web, event.MCP}, service) {
		b.rows = append(b.rows, requestsOf(service))
	}
	publishes := slices.Contains(event.Services(), service)
	if publishes {
		b.rows = append(b.rows, eventsOf(service))
	}
	b.rows = append(b.rows, processOf(service))
	if publishes {
		b.rows = append(b.rows, sessionsOf(service))
	}
	b.rows = append(b.rows, sidecarOf(service))
	return b
}

func requestsOf(service string) row {
	const metric = "http_request_duration_seconds"
	its := func(more string) string { return fmt.Sprintf("{service=%q%s}", service, more) }
	return row{"Requests", []panel{
		{
			title: "Requests by route", unit: aSecond, kind: stacked,
			description: "The ten most frequent. Routes are patterns: {id} stands for any.",
			queries:     []query{{ten(sum(rate(metric+"_count"+its("")), "method", "route")), "{{method}} {{route}}"}},
		},
		{
			title: "Requests that fail, by route", unit: aSecond, empty: "No request has failed since the pods started.",
			description: "Answered with 5xx. One route only, since a release: go back to the release before.",
			queries:     []query{{ten(sum(rate(metric+"_count"+its(`,status=~"5.."`)), "method", "route", "status")), "{{status}} {{method}} {{route}}"}},
		},
		{
			title: "How long 95 of 100 take, by route", unit: seconds, steps: []step{{1, red}}, empty: "No requests within the last minutes.",
			description: "The ten slowest, without those that wait for something to happen.",
			queries:     []query{{ten(quantile(0.95, metric, its(`,route!~".*/(live|alerts/wait)"`), "method", "route")), "{{method}} {{route}}"}},
		},
		{
			title: "Requests by status", unit: aSecond, kind: stacked, width: 12,
			description: "4xx are the caller's: many of 429 are limits, many of 401 are guesses at passwords.",
			queries:     []query{{sum(rate(metric+"_count"+its("")), "status"), "{{status}}"}},
		},
		{
			title: "How long requests take", unit: seconds, width: 12, steps: []step{{1, red}}, empty: "No requests within the last minutes.",
			description: "Half, 95 and 99 of 100 requests to all routes, without those that wait for something to happen.",
			queries: []query{
				{quantile(0.5, metric, its(`,route!~".*/(live|alerts/wait)"`)), "half"},
				{quantile(0.95, metric, its(`,route!~".*/(live|alerts/wait)"`)), "95 of 100"},
				{quantile(0.99, metric, its(`,route!~".*/(live|alerts/wait)"`)), "99 of 100"},
			},
		},
	}}
}

func eventsOf(service string) row {
	its := func(more ...string) string {
		return "{" + strings.Join(append([]string{fmt.Sprintf("service=%q", service)}, more...), ",") + "}"
	}
	return row{"Events", []panel{
		{
			title: "Events worked off", unit: events, kind: stacked,
			description: "By topic.",
			queries:     []query{{sum(rate("events_handled_total"+its(done)), "topic"), "{{topic}}"}},
		},
		{
			title: "What came of deliveries", unit: events, kind: stacked,
			description: "duplicate: known already, and nothing was done. failed and postponed come again; refused and dead are dead letters.",
			queries:     []query{{sum(rate("events_handled_total"+its()), "outcome"), "{{outcome}}"}},
		},
		{
			title: "From made to handled", unit: seconds, empty: "Nothing was handled within the last minutes.",
			description: "95 of 100 events, by topic.",
			queries:     []query{{quantile(0.95, "event_handled_after_seconds", its(), "topic"), "{{topic}}"}},
		},
		{
			title: "Events published", unit: events, kind: stacked,
			description: "By topic.",
			queries:     []query{{sum(rate("events_published_total"+its()), "topic"), "{{topic}}"}},
		},
		{
			title: "Events that wait to be published", unit: count, steps: []step{{10000, amber}},
			description: "In its outbox.",
			queries:     []query{{"max(outbox_waiting_events" + its() + ")", "waiting"}},
		},
		{
			title: "The oldest of them", unit: seconds, steps: []step{{120, red}},
			description: "Grows by a second each second when nothing is published: OutboxStuck.",
			queries:     []query{{"max(outbox_oldest_event_age_seconds" + its() + ")", "oldest"}},
		},
	}}
}

func processOf(service string) row {
	process := fmt.Sprintf(`{job=%q,endpoint="operations"}`, service)
	container := fmt.Sprintf(`{namespace="companion",container=%q}`, service)
	return row{"Pods", []panel{
		{
			title: "Pods that answer", unit: count, width: 6, steps: []step{{lowest, red}, {1, green}},
			description: "None: ServiceDown.",
			queries:     []query{{"sum(up" + process + ")", "pods"}},
		},
		{
			title: "Restarts in an hour", unit: count, width: 6, steps: []step{{3, red}},
			description: "Of a pod's process: ServiceRestarts.",
			queries:     []query{{most("changes(process_start_time_seconds"+process+"[1h])", "pod"), "{{pod}}"}},
		},
		{
			title: "Processor time", unit: cores, width: 6,
			description: "By pod, and what a pod asks for. Those of which the backend, the pages and assistants' server have more follow it.",
			queries: []query{
				{sum(rate("process_cpu_seconds_total"+process), "pod"), "{{pod}}"},
				{"max(container_spec_cpu_shares" + container + ") / 1024", "asked for"},
			},
		},
		{
			title: "Memory", unit: bytes, width: 6,
			description: "By pod, and the limit at which the container is killed.",
			queries: []query{
				{sum("container_memory_working_set_bytes"+container, "pod"), "{{pod}}"},
				{"max(container_spec_memory_limit_bytes" + container + ")", "limit"},
			},
		},
		{
			title: "Heap", unit: bytes, width: 6,
			description: "What Go's heap holds: it grows and does not shrink where memory leaks.",
			queries:     []query{{sum("go_memstats_heap_inuse_bytes"+process, "pod"), "{{pod}}"}},
		},
		{
			title: "Goroutines", unit: count, width: 6,
			description: "Those that only become more wait for something that does not come.",
			queries:     []query{{sum("go_goroutines"+process, "pod"), "{{pod}}"}},
		},
		{
			title: "Pauses for garbage", unit: share, width: 6,
			description: "The share of time in which the process stood still for it.",
			queries:     []query{{sum(rate("go_gc_duration_seconds_sum"+process), "pod"), "{{pod}}"}},
		},
		{
			title: "Open files and connections", unit: share, width: 6, steps: []step{{0.8, red}},
			description: "Of as many as the process may have.",
			queries:     []query{{sum("process_open_fds"+process, "pod") + " / " + sum("process_max_fds"+process, "pod"), "{{pod}}"}},
		},
	}}
}

func sessionsOf(service string) row {
	its := fmt.Sprintf("{service=%q}", service)
	return row{"Sessions with the database", []panel{
		{
			title: "Sessions", unit: count, kind: stacked,
			description: "Of all pods, by what they do. All acquired: requests wait for one.",
			queries:     []query{{sum("db_pool_sessions"+its, "state"), "{{state}}"}},
		},
		{
			title: "Pools that are taken", unit: share, steps: []step{{0.9, red}},
			description: "By pod: the share of its sessions that are in use.",
			queries:     []query{{sum(fmt.Sprintf(`db_pool_sessions{service=%q,state="acquired"}`, service), "pod") + " / " + sum("db_pool_max_sessions"+its, "pod"), "{{pod}}"}},
		},
		{
			title: "How long is waited for a session", unit: seconds, empty: "No session was taken within the last minutes.",
			description: "Of each that is taken, on average: what does not come from the database's slowness comes from too few sessions.",
			queries:     []query{{sum(rate("db_pool_wait_seconds_total"+its), "pod") + " / (" + sum(rate("db_pool_acquired_total"+its), "pod") + " > 0)", "{{pod}}"}},
		},
	}}
}

func sidecarOf(service string) row {
	container := fmt.Sprintf(`{namespace="companion",container="daprd",pod=~"%s-.*"}`, service)
	return row{"Sidecars", []panel{
		{
			title: "Sidecars that answer", unit: count, width: 6,
			description: "One less than pods: SidecarDown.",
			queries:     []query{{fmt.Sprintf(`sum(up{job=%q,endpoint="dapr-metrics"})`, service), "sidecars"}},
		},
		{
			title: "Processor time", unit: cores, width: 6,
			description: "By pod.",
			queries:     []query{{sum(rate("container_cpu_usage_seconds_total"+container), "pod"), "{{pod}}"}},
		},
		{
			title: "Memory", unit: bytes, width: 6,
			description: "By pod, and the limit at which the sidecar is killed.",
			queries: []query{
				{sum("container_memory_working_set_bytes"+container, "pod"), "{{pod}}"},
				{"max(container_spec_memory_limit_bytes" + container + ")", "limit"},
			},
		},
		{
			title: "Calls of other services", unit: aSecond, width: 6, empty: "It has called nobody and nobody has called it.",
			description: "By whom it calls, and by who calls it.",
			queries: []query{
				{sum(rate(fmt.Sprintf("dapr_runtime_service_invocation_req_sent_total{app_id=%q}", service)), "dst_app_id"), "to {{dst_app_id}}"},
				{sum(rate(fmt.Sprintf("dapr_runtime_service_invocation_req_recv_total{app_id=%q}", service)), "src_app_id"), "from {{src_app_id}}"},
			},
		},
	}}
}
