package dashboards

import "github.com/wealth-companion/companion/infra/observability/rules"

// monitoring is what watches, watched.
func monitoring() board {
	return board{
		uid: rules.MonitoringDashboard, title: "What watches",
		description: "Prometheus and Alertmanager: what they read, what they keep, and whether alerts go out.",
		rows: []row{
			{"Reading", []panel{
				{
					title: "Targets", unit: count, kind: stacked,
					description: "Pods and nodes that answer, by job.",
					queries:     []query{{sum("up", "job"), "{{job}}"}},
				},
				{
					title: "Samples of a reading", unit: count,
					description: "The ten targets with most. One with more than companion:observability.sampleLimit is not read at all.",
					queries:     []query{{ten("max by (job, endpoint) (scrape_samples_scraped)"), "{{job}} {{endpoint}}"}},
				},
				{
					title: "How long a reading takes", unit: seconds,
					description: "The ten slowest targets.",
					queries:     []query{{ten("max by (job, endpoint) (scrape_duration_seconds)"), "{{job}} {{endpoint}}"}},
				},
			}},
			{"Keeping", []panel{
				{
					title: "Series", unit: count,
					description: "That Prometheus has in memory: what decides how much it takes.",
					queries:     []query{{sum("prometheus_tsdb_head_series"), "series"}},
				},
				{
					title: "Samples", unit: events,
					description: "That it takes in.",
					queries:     []query{{sum(rate("prometheus_tsdb_head_samples_appended_total")), "samples"}},
				},
				{
					title: "On its volume", unit: bytes, kind: stacked,
					description: "At seven tenths of the volume the oldest go.",
					queries: []query{
						{sum("prometheus_tsdb_storage_blocks_bytes"), "blocks"},
						{sum("prometheus_tsdb_wal_storage_size_bytes"), "log of what is newest"},
					},
				},
			}},
			{"Telling", []panel{
				{
					title: "Alerts at Alertmanager", unit: count,
					description: "By state; suppressed ones are silenced, or told of by another.",
					queries:     []query{{sum("alertmanager_alerts", "state"), "{{state}}"}},
				},
				{
					title: "Notifications", unit: events,
					description: "To whoever is on call, by the way they take, and those that failed.",
					queries: []query{
						{sum(rate("alertmanager_notifications_total"), "integration"), "{{integration}}"},
						{sum(rate("alertmanager_notifications_failed_total"), "integration"), "{{integration}}, failed"},
					},
				},
				{
					title: "Rules and alerts that are lost", unit: events, steps: []step{{0.001, red}},
					description: "Rules that are not evaluated, and alerts that Prometheus does not get rid of: AlertingBroken.",
					queries: []query{
						{sum(rate("prometheus_rule_evaluation_failures_total")), "rules"},
						{sum(rate("prometheus_notifications_dropped_total")), "alerts"},
					},
				},
			}},
			{"What it takes", []panel{
				{
					title: "Processor time", unit: cores, width: 12, kind: stacked,
					description: "By container.",
					queries:     []query{{sum(rate(`container_cpu_usage_seconds_total{namespace="observability",container!="",container!="POD"}`), "container"), "{{container}}"}},
				},
				{
					title: "Memory", unit: bytes, width: 12, kind: stacked,
					description: "By container.",
					queries:     []query{{sum(`container_memory_working_set_bytes{namespace="observability",container!="",container!="POD"}`, "container"), "{{container}}"}},
				},
			}},
		},
	}
}
