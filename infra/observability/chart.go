package observability

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/wealth-companion/companion/infra/kube"
)

// operatorApp is the label app of the operator's pods, as the chart sets it.
const operatorApp = "kube-prometheus-stack-operator"

// The most labels of a series, and the longest: labels come from what is watched.
const (
	labelLimit      = 60
	labelNameLimit  = 200
	labelValueLimit = 1024
	// targetLimit is the most targets of an endpoint of a monitor.
	targetLimit = 500
)

// chartValues are the program's, for kube-prometheus-stack. Of what the chart can install
// besides, Kubernetes' own parts are DigitalOcean's on DOKS, and out of reach; what nodes and
// containers take the kubelets say.
func chartValues(args *ObservabilityArgs, alerting string) map[string]any {
	off := map[string]any{"enabled": false}
	size, _ := retentionSize(args.Prometheus.Storage) // it was checked
	here := map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": kube.MetricsNamespace}}
	return map[string]any{
		"fullnameOverride":                   "monitoring",
		"cleanPrometheusOperatorObjectNames": true,
		"defaultRules":                       map[string]any{"create": false},
		"grafana":                            off, "kubeStateMetrics": off, "nodeExporter": off,
		"kubeApiServer": off, "kubeControllerManager": off, "coreDns": off, "kubeEtcd": off, "kubeScheduler": off, "kubeProxy": off,
		"kubelet": map[string]any{"serviceMonitor": map[string]any{
			"interval": args.Prometheus.Interval, "probes": false, "cAdvisorMetricRelabelings": dropped,
			// What nodes take, of which the chart drops what cAdvisor says.
			"resource": true, "resourcePath": "/metrics/resource",
		}},
		"prometheusOperator": map[string]any{
			// Monitors and rules are the program's, which are tried before they get here.
			"admissionWebhooks": off, "tls": off,
			"kubeletEndpointsEnabled": false, "kubeletEndpointSliceEnabled": true,
			"priorityClassName": kube.ServicePriority, "logFormat": "json",
			"resources":                kube.Requirements{CPU: "20m", Memory: "48Mi", MemoryLimit: "256Mi"}.Values(),
			"prometheusConfigReloader": map[string]any{"resources": kube.Requirements{CPU: "10m", Memory: "24Mi", MemoryLimit: "64Mi"}.Values()},
		},
		"prometheus": map[string]any{
			"serviceMonitor": map[string]any{"selfMonitor": false}, // see own
			"prometheusSpec": map[string]any{
				"serviceDiscoveryRole": "EndpointSlice", // what follows Endpoints, which Kubernetes gives up
				"scrapeInterval":       args.Prometheus.Interval, "evaluationInterval": args.Prometheus.Interval,
				"retention": args.Prometheus.Retention, "retentionSize": size,
				"enforcedSampleLimit": args.Prometheus.SampleLimit, "enforcedTargetLimit": targetLimit, "enforcedLabelLimit": labelLimit,
				"enforcedLabelNameLengthLimit": labelNameLimit, "enforcedLabelValueLengthLimit": labelValueLimit,
				// Every monitor and rule of this namespace, and none of another: they decide what
				// Prometheus connects to.
				"ruleSelectorNilUsesHelmValues": false, "ruleNamespaceSelector": here,
				"podMonitorSelectorNilUsesHelmValues": false, "podMonitorNamespaceSelector": here,
				"serviceMonitorSelectorNilUsesHelmValues": false, "serviceMonitorNamespaceSelector": here,
				"priorityClassName": kube.ServicePriority, "logFormat": "json",
				"resources":   args.Prometheus.Resources.Values(),
				"storageSpec": volume(args.Prometheus.Storage),
			},
		},
		"alertmanager": map[string]any{
			"serviceMonitor": map[string]any{"selfMonitor": false},
			"alertmanagerSpec": map[string]any{
				"useExistingSecret": true, "configSecret": alerting,
				"priorityClassName": kube.ServicePriority, "logFormat": "json",
				"resources": kube.Requirements{CPU: "10m", Memory: "32Mi", MemoryLimit: "128Mi"}.Values(),
				// Silences, and which alerts were sent.
				"storage": volume("1Gi"),
			},
		},
	}
}

// dropped is what the chart drops of cAdvisor's metrics by default, without what containers ask
// for and may have: nothing else tells of that here.
var dropped = []any{
	drop("container_cpu_(cfs_throttled_seconds_total|load_average_10s|system_seconds_total|user_seconds_total)", "__name__"),
	drop("container_fs_(io_current|io_time_seconds_total|io_time_weighted_seconds_total|reads_merged_total|sector_reads_total|sector_writes_total|writes_merged_total)", "__name__"),
	drop("container_memory_(mapped_file|swap)", "__name__"),
	drop("container_(file_descriptors|tasks_state|threads_max)", "__name__"),
	drop("container_memory_failures_total;hierarchy", "__name__", "scope"),
	drop("container_network_.*;(cali|cilium|cni|lxc|nodelocaldns|tunl).*", "__name__", "interface"),
	drop("container_spec_(cpu_period|cpu_quota|memory_reservation_limit_bytes|memory_swap_limit_bytes)", "__name__"),
	drop(".+;", "id", "pod"),
}

// drop leaves out what a regular expression matches of labels, joined by semicolons.
func drop(pattern string, labels ...string) map[string]any {
	return map[string]any{"sourceLabels": labels, "action": "drop", "regex": pattern}
}

// volume is a claim as the operator's resources take it.
func volume(size string) map[string]any {
	return map[string]any{"volumeClaimTemplate": map[string]any{"spec": map[string]any{
		"accessModes": []any{"ReadWriteOnce"},
		"resources":   map[string]any{"requests": map[string]any{"storage": size}},
	}}}
}

// retentionSize is how much Prometheus keeps in its volume, in its own units: the rest is for
// what it writes before it removes the oldest.
func retentionSize(storage string) (string, error) {
	quantity, err := resource.ParseQuantity(storage)
	if err != nil || quantity.Value() < 1<<30 {
		return "", fmt.Errorf("observability.ObservabilityArgs: Prometheus.Storage is %q: it must be a quantity of 1Gi or more", storage)
	}
	return fmt.Sprintf("%dMB", quantity.Value()*7/10>>20), nil
}

// own are the layer's own metrics: of the pods that the operator lays out.
func own(namespace pulumi.StringInput) kube.Scrape {
	return kube.Scrape{
		Name: "monitoring", Namespace: namespace, JobLabel: "app.kubernetes.io/name",
		Pods:      pulumi.StringMap{"app.kubernetes.io/managed-by": pulumi.String("prometheus-operator")},
		Endpoints: []kube.Endpoint{{Name: "http-web"}, {Name: "reloader-web"}},
	}
}
