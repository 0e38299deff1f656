package dashboards

import "github.com/wealth-companion/companion/infra/observability/rules"

// edge is what the Internet meets: NGINX and the certificates.
func edge() board {
	const requests = "http_request_duration_seconds"
	const here = `{namespace="nginx-gateway",container!="",container!="POD"}`
	// NGINX's metrics come from stub_status, which not every build of it has.
	const none = "This NGINX has no metrics."
	return board{
		uid: rules.EdgeDashboard, title: "Edge",
		description: "NGINX behind the load balancer, what it leads to, and the certificates.",
		rows: []row{
			{"What comes in", []panel{
				{
					title: "Requests, by who answers them", unit: aSecond, kind: stacked,
					description: "As the services count them. What NGINX refuses by itself (limits of an address, of sizes) is in its log.",
					queries:     []query{{sum(rate(requests+`_count{service=~"backend|web|mcp"}`), "service"), "{{service}}"}},
				},
				{
					title: "Refused for coming too often", unit: aSecond, empty: "Nobody came too often.",
					description: "429 of the services' own limits.",
					queries:     []query{{sum(rate(requests+`_count{status="429"}`), "service"), "{{service}}"}},
				},
				{
					title: "Requests that fail", unit: share, empty: "No requests within the last minutes.",
					description: "Answered with 5xx by a service: its dashboard says on which route.",
					queries:     []query{{shareOf(rate(requests+`_count{status=~"5.."}`), rate(requests+"_count"), "service"), "{{service}}"}},
				},
			}},
			{"NGINX", []panel{
				{
					title: "Connections", unit: count, kind: stacked, empty: none,
					description: "Of clients, by what they do; waiting ones are idle.",
					queries: []query{
						{sum("nginx_gateway_fabric_connections_reading"), "reading"},
						{sum("nginx_gateway_fabric_connections_writing"), "writing"},
						{sum("nginx_gateway_fabric_connections_waiting"), "waiting"},
					},
				},
				{
					title: "Connections not taken", unit: aSecond, empty: none,
					description: "Accepted and not handled: NGINX has as many connections as it may.",
					queries:     []query{{sum(rate("nginx_gateway_fabric_connections_accepted")) + " - " + sum(rate("nginx_gateway_fabric_connections_handled")), "not taken"}},
				},
				{
					title: "Configuration", unit: count, empty: none, steps: []step{{1, red}},
					description: "Reloads that failed within an hour, and pods that run an old configuration: routes are not what they should be.",
					queries: []query{
						{sum("increase(nginx_gateway_fabric_nginx_reload_errors_total[1h])"), "failed reloads"},
						{sum("nginx_gateway_fabric_nginx_stale_config"), "old configuration"},
					},
				},
				{
					title: "Processor time", unit: cores,
					description: "By container: nginx itself, and the controller that configures it.",
					queries:     []query{{sum(rate("container_cpu_usage_seconds_total"+here), "pod", "container"), "{{pod}} {{container}}"}},
				},
				{
					title: "Memory", unit: bytes,
					description: "By container.",
					queries:     []query{{sum("container_memory_working_set_bytes"+here, "pod", "container"), "{{pod}} {{container}}"}},
				},
				{
					title: "Network", unit: bytesRate,
					description: "In and out of NGINX's pods, both to clients and to services.",
					queries: []query{
						{sum(rate(`container_network_receive_bytes_total{namespace="nginx-gateway"}`), "pod"), "{{pod}} in"},
						{sum(rate(`container_network_transmit_bytes_total{namespace="nginx-gateway"}`), "pod"), "{{pod}} out"},
					},
				},
			}},
			{"Certificates", []panel{
				{
					title: "How long certificates last", unit: seconds, kind: numbers, width: columns, steps: []step{{lowest, red}, {3 * 86400, amber}, {7 * 86400, green}},
					description: "cert-manager renews each when two thirds of its time are over: CertificateNotRenewed, CertificateEnds.",
					queries:     []query{{"min by (exported_namespace, name) (certmanager_certificate_expiration_timestamp_seconds) - time()", "{{exported_namespace}}/{{name}}"}},
				},
			}},
		},
	}
}
