package rules

import (
	"fmt"
	"strings"
)

// DaprParts are the parts of Dapr's control plane, as the scraping names them.
var DaprParts = []string{"dapr-operator", "dapr-placement-server", "dapr-scheduler-server", "dapr-sentry", "dapr-sidecar-injector"}

// platform is about what will be noticed if nobody does something.
func platform() Group {
	var missing []string
	for _, part := range DaprParts {
		// absent() of a comparison has no labels: without its name one part would hide the others.
		missing = append(missing, fmt.Sprintf(`label_replace(absent(up{job=%[1]q} == 1), "job", %[1]q, "", "")`, part))
	}
	return groupOf("platform", DaprDashboard,
		alert{
			name: "DaprDown", severity: Ticket, lasts: "10m", expr: strings.Join(missing, "\nor\n"),
			summary:     "{{ $labels.job }} of Dapr's control plane does not answer",
			description: "Pods that run go on. New ones do not start without the injector and the operator; certificates of sidecars end within a day without sentry.",
		},
		alert{
			name: "DaprAuthorityEnds", severity: Ticket,
			expr:        `min(dapr_sentry_issuercert_expiry_timestamp) - time() < 21 * 86400`,
			summary:     "the issuer of the sidecars' certificates ends in {{ $value | humanizeDuration }}",
			description: "The CronJob dapr-authority renews it sixty days before: it fails. Without it no sidecar speaks to another.",
		},
		alert{
			name: "KafkaUnderReplicated", severity: Ticket, dashboard: EventsDashboard, lasts: "15m",
			expr:        `count(max by (topic, partition) (kafka_topic_partition_under_replicated_partition) > 0) > 0`,
			summary:     "{{ $value }} partitions have fewer replicas than they should",
			description: "A broker is away or behind. Nothing is lost; when another one goes, events are no longer taken and wait in the outbox.",
		},
		alert{
			// Whatever a certificate's lifetime, cert-manager renews it at a time of its own.
			name: "CertificateNotRenewed", severity: Ticket, dashboard: EdgeDashboard, lasts: "1h",
			expr: `time() - certmanager_certificate_renewal_timestamp_seconds > 6 * 3600
or
certmanager_certificate_ready_status{condition="True"} == 0`,
			summary:     "cert-manager does not renew {{ $labels.exported_namespace }}/{{ $labels.name }}",
			description: "It goes on until it ends: two thirds of a certificate's life are over when it is renewed.",
		},
		alert{
			name: "CertificateEnds", severity: Page, dashboard: EdgeDashboard,
			expr: `certmanager_certificate_expiration_timestamp_seconds - time() < 3 * 86400
and
time() - certmanager_certificate_renewal_timestamp_seconds > 6 * 3600`,
			summary:     "the certificate {{ $labels.exported_namespace }}/{{ $labels.name }} ends in {{ $value | humanizeDuration }}",
			description: "Then browsers show a warning instead of the pages (the edge's), or services lose their cache (Redis').",
		},
		alert{
			name: "RowsNotRemoved", severity: Ticket, dashboard: DatabaseDashboard, service: "{{ $labels.service }}", lasts: "1h",
			expr:        `max by (service, table) (retention_overdue_seconds) > 86400`,
			summary:     "old rows of {{ $labels.service }}'s table {{ $labels.table }} are not removed",
			description: "The database grows, and keeps what people were promised to be removed.",
		},
	)
}

// monitoring is about those who watch.
func monitoring() Group {
	return groupOf("monitoring", MonitoringDashboard,
		alert{
			name: "TargetDown", severity: Ticket, lasts: "15m",
			expr:        `count by (job) (up == 0) > 0`,
			summary:     "{{ $value }} of the targets {{ $labels.job }} cannot be scraped",
			description: "What it would tell is not known, and alerts about it do not come.",
		},
		alert{
			name: "AlertingBroken", severity: Ticket, lasts: "10m",
			expr: `increase(prometheus_rule_evaluation_failures_total[10m]) > 0
or
increase(prometheus_notifications_dropped_total[10m]) > 0`,
			summary:     "Prometheus does not evaluate all rules, or loses alerts",
			description: "Alerts do not come, whatever happens.",
		},
	)
}
