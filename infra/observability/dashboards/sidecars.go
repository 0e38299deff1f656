package dashboards

import "github.com/wealth-companion/companion/infra/observability/rules"

// sidecars is Dapr: its control plane, and what sidecars do for the services.
func sidecars() board {
	const parts = `{namespace="dapr-system",container!="",container!="POD"}`
	return board{
		uid: rules.DaprDashboard, title: "Dapr",
		description: "The sidecars, by which services reach one another, Kafka and the state store, and their control plane.",
		rows: []row{
			{"Events", []panel{
				{
					title: "Published", unit: events, kind: stacked,
					description: "What sidecars handed to Kafka, by service: single events, and batches, of whose events Dapr keeps no count.",
					queries: []query{
						{sum(rate(`dapr_component_pubsub_egress_count{success="true"}`), "app_id"), "{{app_id}}"},
						{sum(rate(`dapr_component_pubsub_egress_bulk_count{success="true"}`), "app_id"), "{{app_id}}, batches"},
					},
				},
				{
					title: "Delivered", unit: events, kind: stacked,
					description: "Messages and batches of them that sidecars took from Kafka, by service and what became of them.",
					queries: []query{
						{sum(rate("dapr_component_pubsub_ingress_count"), "app_id", "process_status"), "{{app_id}}: {{process_status}}"},
						{sum(rate("dapr_component_pubsub_ingress_bulk_count"), "app_id", "process_status"), "{{app_id}}, batches: {{process_status}}"},
					},
				},
				{
					title: "How long deliveries take", unit: millis, empty: "Nothing was delivered within the last minutes.",
					description: "95 of 100, from the sidecar to the service and back: the handler's part of the way.",
					queries: []query{
						{quantile(0.95, "dapr_component_pubsub_ingress_latencies", "", "app_id"), "{{app_id}}"},
						{quantile(0.95, "dapr_component_pubsub_ingress_bulk_latencies", "", "app_id"), "{{app_id}}, batches"},
					},
				},
			}},
			{"Calls and state", []panel{
				{
					title: "Calls between services", unit: aSecond, kind: stacked, empty: "No service has called another since the sidecars started.",
					description: "By who calls whom.",
					queries:     []query{{sum(rate("dapr_runtime_service_invocation_req_sent_total"), "app_id", "dst_app_id"), "{{app_id}} → {{dst_app_id}}"}},
				},
				{
					title: "Calls that were blocked", unit: aSecond, empty: "No call was blocked.",
					description: "By who was called: access control lets callers be named only.",
					queries: []query{
						{sum(rate("dapr_runtime_acl_app_policy_action_blocked_total"), "app_id"), "{{app_id}}"},
						{sum(rate("dapr_runtime_acl_global_policy_action_blocked_total"), "app_id"), "{{app_id}}, of any"},
					},
				},
				{
					title: "State store", unit: millis, empty: "Nothing was read from or written to the state store.",
					description: "How long 95 of 100 operations take. Without it reads miss their cache, and nothing is lost.",
					queries:     []query{{quantile(0.95, "dapr_component_state_latencies", "", "operation"), "{{operation}}"}},
				},
			}},
			{"Attempts again", []panel{
				{
					title: "Policies that acted", unit: events, width: 12, empty: "No attempt was made again, no circuit was opened.",
					description: "Attempts made again, times out, circuits opened, by service and what it was about.",
					queries:     []query{{ten(sum(rate("dapr_resiliency_activations_total"), "app_id", "policy", "target")), "{{app_id}} {{policy}} {{target}}"}},
				},
				{
					title: "Components that failed to start", unit: count, width: 12, empty: "Every component started.",
					description: "By sidecar: what it does not reach, or credentials that are wrong.",
					queries:     []query{{sum("dapr_runtime_component_init_fail_total", "app_id", "component", "reason"), "{{app_id}} {{component}} {{reason}}"}},
				},
			}},
			{"Control plane", []panel{
				{
					title: "Parts that answer", unit: count, width: 6,
					description: "Pods of each part: DaprDown. Sidecars go on without; new pods wait.",
					queries:     []query{{sum(`up{job=~"dapr-.*"}`, "job"), "{{job}}"}},
				},
				{
					title: "Sidecars injected", unit: count, width: 6,
					description: "Since the injector started, and those that failed: such a pod has no sidecar.",
					queries: []query{
						{sum("dapr_injector_sidecar_injection_requests_total"), "asked for"},
						{sum("dapr_injector_sidecar_injection_failed_total"), "failed"},
					}, empty: "No pod has started since the injector did.",
				},
				{
					title: "Certificates of sidecars", unit: events, width: 6,
					description: "Signed by sentry; each lasts for a day.",
					queries: []query{
						{sum(rate("dapr_sentry_cert_sign_success_total")), "signed"},
						{sum(rate("dapr_sentry_cert_sign_failure_total")), "refused"},
					}, empty: "None was signed since sentry started.",
				},
				{
					title: "How long their authority lasts", unit: seconds, kind: numbers, width: 6, steps: []step{{lowest, red}, {21 * 86400, amber}, {60 * 86400, green}},
					description: "The CronJob dapr-authority renews it sixty days before: DaprAuthorityEnds.",
					queries:     []query{{"min(dapr_sentry_issuercert_expiry_timestamp) - time()", "lasts"}},
				},
			}},
			{"What it takes", []panel{
				{
					title: "Processor time of sidecars", unit: cores, width: 6, kind: stacked,
					description: "Of all pods of a service.",
					queries:     []query{{`label_replace(` + sum(rate(`container_cpu_usage_seconds_total{namespace="companion",container="daprd"}`), "pod") + `, "service", "$1", "pod", "(.+)-[a-z0-9]+-[a-z0-9]+")`, "{{service}}"}},
				},
				{
					title: "Memory of sidecars", unit: bytes, width: 6, kind: stacked,
					description: "By pod.",
					queries:     []query{{sum(`container_memory_working_set_bytes{namespace="companion",container="daprd"}`, "pod"), "{{pod}}"}},
				},
				{
					title: "Processor time of the control plane", unit: cores, width: 6, kind: stacked,
					description: "By part.",
					queries:     []query{{sum(rate("container_cpu_usage_seconds_total"+parts), "container"), "{{container}}"}},
				},
				{
					title: "Memory of the control plane", unit: bytes, width: 6, kind: stacked,
					description: "By part.",
					queries:     []query{{sum("container_memory_working_set_bytes"+parts, "container"), "{{container}}"}},
				},
			}},
		},
	}
}
