// Package observability is what watches the application: Prometheus with what it reads and
// what it alerts about, Alertmanager, which tells people, and Grafana, which shows dashboards.
// Nothing depends on it.
package observability

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

// ObservabilityArgs are the layer's settings. All are required but Rules, Dashboards and Grafana.
type ObservabilityArgs struct {
	Environment kube.Environment
	Chart       kube.Chart // kube-prometheus-stack
	Prometheus  Prometheus
	// Receiver is whom Alertmanager tells.
	Receiver Receiver
	// Scrapes are where there are metrics.
	Scrapes []kube.Scrape
	// Rules are what Prometheus computes and alerts about: specs of PrometheusRules, by name.
	Rules map[string]map[string]any
	// Dashboards are JSON as Grafana reads it, by name.
	Dashboards map[string]string
	// Grafana shows the dashboards; nil: they lie in the cluster, for companionctl.
	Grafana *Grafana
}

// Prometheus says how often it reads metrics, how much it keeps, and what it takes.
type Prometheus struct {
	Interval  string // between two readings, such as 30s
	Retention string // how long samples are kept, such as 15d
	Storage   string // its volume, a quantity
	Resources kube.Requirements
	// SampleLimit is the most samples of a target: one with more is not read at all.
	SampleLimit int
}

// Observability is Prometheus and Alertmanager.
type Observability struct {
	pulumi.ResourceState

	Namespace pulumi.StringOutput
}

// NewObservability installs Prometheus and Alertmanager, and has them watch what there is.
func NewObservability(ctx *pulumi.Context, name string, args *ObservabilityArgs, opts ...pulumi.ResourceOption) (*Observability, error) {
	if err := args.check(); err != nil {
		return nil, err
	}
	o := &Observability{}
	if err := ctx.RegisterComponentResource(kube.Token("observability", "Observability"), name, o, opts...); err != nil {
		return nil, err
	}
	var child pulumi.ResourceOption = pulumi.Parent(o)
	namespace, err := newNamespace(ctx, name, args, child)
	if err != nil {
		return nil, err
	}
	child = namespace.In(child)
	o.Namespace = namespace.Name
	alerting, err := newAlerting(ctx, name, args.Receiver, o.Namespace, child)
	if err != nil {
		return nil, err
	}
	before := []pulumi.Resource{alerting.Resource}
	values := chartValues(args, alerting.Name)
	if args.Grafana != nil {
		login, err := args.Grafana.newLogin(ctx, name, o.Namespace, child)
		if err != nil {
			return nil, err
		}
		before = append(before, login.Resource)
		values["grafana"] = args.Grafana.values(login.Name)
	}
	stack, err := kube.NewReleaseWithDefinitions(ctx, name, "monitoring", args.Environment, args.Chart, o.Namespace,
		values, child, pulumi.DependsOn(before))
	if err != nil {
		return nil, err
	}
	after := pulumi.DependsOn([]pulumi.Resource{stack})
	for _, scrape := range append(slices.Clone(args.Scrapes), own(o.Namespace)) {
		if err := newMonitor(ctx, name, scrape, o.Namespace, child, after); err != nil {
			return nil, err
		}
	}
	if err := newRules(ctx, name, args.Rules, o.Namespace, child, after); err != nil {
		return nil, err
	}
	if err := newDashboards(ctx, name, args.Dashboards, o.Namespace, child); err != nil {
		return nil, err
	}
	return o, ctx.RegisterResourceOutputs(o, pulumi.Map{"namespace": o.Namespace})
}

func (args *ObservabilityArgs) check() error {
	p := args.Prometheus
	if err := kube.Check("observability.ObservabilityArgs", map[string]any{
		"Chart": args.Chart.Chart, "Prometheus.Interval": p.Interval, "Prometheus.Retention": p.Retention,
		"Prometheus.Storage": p.Storage, "Prometheus.Resources.Memory": p.Resources.Memory,
	}); err != nil {
		return err
	}
	if p.SampleLimit < 1 {
		return fmt.Errorf("observability.ObservabilityArgs: Prometheus.SampleLimit is %d: it must be positive", p.SampleLimit)
	}
	if _, err := retentionSize(p.Storage); err != nil {
		return err
	}
	if err := args.Grafana.check(); err != nil {
		return err
	}
	return args.Receiver.check()
}

// newMonitor has Prometheus read metrics of pods.
func newMonitor(ctx *pulumi.Context, name string, scrape kube.Scrape, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) error {
	var endpoints []any
	for _, endpoint := range scrape.Endpoints {
		its := map[string]any{"port": endpoint.Name, "relabelings": []any{notInit}}
		if endpoint.Path != "" {
			its["path"] = endpoint.Path
		}
		endpoints = append(endpoints, its)
	}
	_, err := kube.NewObject(ctx, name+"-monitor-"+scrape.Name, kube.Object{
		APIVersion: apiVersion, Kind: "PodMonitor", Name: scrape.Name, Namespace: namespace,
		Fields: map[string]any{"spec": map[string]any{
			"jobLabel":            scrape.JobLabel,
			"namespaceSelector":   map[string]any{"matchNames": []any{scrape.Namespace}},
			"selector":            map[string]any{"matchLabels": scrape.Pods},
			"podMetricsEndpoints": endpoints,
		}},
	}, opts...)
	return err
}

// notInit leaves out containers that have ended before the pod runs: some name the same port.
var notInit = map[string]any{"action": "drop", "sourceLabels": []any{"__meta_kubernetes_pod_container_init"}, "regex": "true"}

// apiVersion is that of the operator's resources.
const apiVersion = "monitoring.coreos.com/v1"

// newRules has Prometheus evaluate rules.
func newRules(ctx *pulumi.Context, name string, rules map[string]map[string]any, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) error {
	for _, its := range slices.Sorted(maps.Keys(rules)) {
		if _, err := kube.NewObject(ctx, name+"-rules-"+its, kube.Object{
			APIVersion: apiVersion, Kind: "PrometheusRule", Name: its, Namespace: namespace,
			Fields: map[string]any{"spec": rules[its]},
		}, opts...); err != nil {
			return err
		}
	}
	return nil
}

// newNamespace creates the layer's namespace. Its pods call one another; Prometheus alone
// reaches those that it reads metrics of.
func newNamespace(ctx *pulumi.Context, name string, args *ObservabilityArgs, child pulumi.ResourceOption) (*kube.Namespace, error) {
	egress := []kube.Allow{{Name: "to-within", Peers: []kube.Peer{{}}}}
	for _, scrape := range args.Scrapes {
		egress = append(egress, kube.Allow{
			Name: "to-" + scrape.Name, Pods: kube.PrometheusLabels(), Ports: scrape.Ports(),
			Peers: []kube.Peer{{Namespace: scrape.Namespace, Labels: scrape.Pods}},
		})
	}
	if to := args.Receiver.egress(); to != nil {
		egress = append(egress, *to)
	}
	clients := []pulumi.StringMap{{"app": pulumi.String(operatorApp)}, kube.PrometheusLabels()}
	if args.Grafana != nil {
		clients = append(clients, grafanaLabels())
	}
	namespace, err := kube.NewNamespace(ctx, name, &kube.NamespaceArgs{
		Environment: args.Environment, Namespace: kube.MetricsNamespace, PodSecurity: kube.Restricted,
		// Prometheus, Alertmanager, the operator and Grafana, and one more of each while it is replaced.
		Quota:    kube.Quota{Pods: 10, CPU: strconv.Itoa(cores), Memory: "16Gi", Volumes: 2},
		Defaults: kube.Requirements{CPU: "20m", Memory: "32Mi", MemoryLimit: "256Mi"},
		Ingress:  []kube.Allow{{Name: "within", Peers: []kube.Peer{{}}}},
		Egress:   egress, APIClients: clients,
	}, child)
	if err != nil {
		return nil, err
	}
	return namespace, kube.NewNodeAccess(ctx, name+"-kubelets", "kubelets", args.Environment, namespace.Name, kube.PrometheusLabels(),
		[]int{kube.KubeletPort}, namespace.In(child))
}

// cores are the most that the namespace's pods may request together.
const cores = 6
