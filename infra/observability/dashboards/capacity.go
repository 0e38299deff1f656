package dashboards

// capacity is what is paid for, what is asked for, and what is used of it.
func capacity() board {
	// The service of a container is its name; sidecars have one name in all pods.
	const services = `{namespace="companion",container!="",container!="POD"}`
	const any = `{container!="",container!="POD"}`
	return board{
		uid: "capacity", title: "Cost and capacity",
		description: "Nodes are what costs: how much of them is used, by whom, and how services follow their load. The month's cost is in the policy report of each plan.",
		rows: []row{
			{"Nodes", []panel{
				{
					title: "Processor time used", unit: share, steps: []step{{0.9, red}},
					description: "By node, of what it has. Pods follow their load until the pool is as large as it may become.",
					queries:     []query{{sum(rate("node_cpu_usage_seconds_total"), "node") + " / " + sum("machine_cpu_cores", "node"), "{{node}}"}},
				},
				{
					title: "Processor time asked for", unit: share, steps: []step{{0.9, amber}},
					description: "By node: what its containers ask for, of what it has. A pod that asks for more than is left starts on no node.",
					queries:     []query{{sum("container_spec_cpu_shares"+any, "node") + " / 1024 / " + sum("machine_cpu_cores", "node"), "{{node}}"}},
				},
				{
					title: "Memory used", unit: share, steps: []step{{0.85, red}},
					description: "By node, of what it has. At the end of it containers are killed.",
					queries:     []query{{sum("node_memory_working_set_bytes", "node") + " / " + sum("machine_memory_bytes", "node"), "{{node}}"}},
				},
			}},
			{"Who uses it", []panel{
				{
					title: "Processor time, by namespace", unit: cores, kind: stacked, width: 12,
					description: "Of all containers.",
					queries:     []query{{sum(rate("container_cpu_usage_seconds_total"+any), "namespace"), "{{namespace}}"}},
				},
				{
					title: "Memory, by namespace", unit: bytes, kind: stacked, width: 12,
					description: "Of all containers.",
					queries:     []query{{sum("container_memory_working_set_bytes"+any, "namespace"), "{{namespace}}"}},
				},
				{
					title: "Processor time of the application", unit: cores, kind: stacked, width: 6,
					description: "By service; daprd is that of all sidecars.",
					queries:     []query{{sum(rate("container_cpu_usage_seconds_total"+services), "container"), "{{container}}"}},
				},
				{
					title: "Asked for by the application", unit: cores, kind: stacked, width: 6,
					description: "Much more than it uses is paid for nothing; much less, and pods take it from one another.",
					queries:     []query{{sum("container_spec_cpu_shares"+services, "container") + " / 1024", "{{container}}"}},
				},
				{
					title: "Memory of the application", unit: bytes, kind: stacked, width: 6,
					description: "By service; daprd is that of all sidecars.",
					queries:     []query{{sum("container_memory_working_set_bytes"+services, "container"), "{{container}}"}},
				},
				{
					title: "Memory, of the limit", unit: share, width: 6, steps: []step{{0.9, red}},
					description: "The ten containers of the cluster that are closest to being killed.",
					queries: []query{{ten(most("container_memory_working_set_bytes"+any, "namespace", "pod", "container") + " / (" +
						most("container_spec_memory_limit_bytes"+any, "namespace", "pod", "container") + " > 0)"), "{{pod}} {{container}}"}},
				},
			}},
			{"Services follow their load", []panel{
				{
					title: "Pods", unit: count,
					description: "By service. The backend, the pages and the assistants' server become more and fewer by themselves.",
					queries:     []query{{sum(`up{endpoint="operations"}`, "job"), "{{job}}"}},
				},
				{
					title: "Processor time of a pod", unit: cores,
					description: "On average, of the service's own container: what the autoscalers look at (companion:services.*.autoscaling.cpu).",
					queries: []query{{"avg by (container) (" + sum(rate(`container_cpu_usage_seconds_total{namespace="companion",container!="",container!="POD",container!="daprd"}`),
						"container", "pod") + ")", "{{container}}"}},
				},
				{
					title: "Memory of a pod", unit: bytes,
					description: "On average, of the service's own container (companion:services.*.autoscaling.memory).",
					queries: []query{{"avg by (container) (" + sum(`container_memory_working_set_bytes{namespace="companion",container!="",container!="POD",container!="daprd"}`,
						"container", "pod") + ")", "{{container}}"}},
				},
			}},
			{"Volumes and killed containers", []panel{
				{
					title: "Volumes, how full", unit: share, width: 12, steps: []step{{0.8, red}}, empty: "The volumes' driver does not say.",
					description: "By claim. Kafka's and Prometheus' remove the oldest before they are full.",
					queries:     []query{{"max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes / kubelet_volume_stats_capacity_bytes)", "{{namespace}}/{{persistentvolumeclaim}}"}},
				},
				{
					title: "Killed for memory in an hour", unit: count, width: 12, steps: []step{{1, red}},
					description: "Containers that reached their limit, by namespace.",
					queries:     []query{{sum("increase(container_oom_events_total"+any+"[1h])", "namespace"), "{{namespace}}"}},
				},
			}},
		},
	}
}
