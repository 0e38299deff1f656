// Package tracing is what keeps traces: OpenTelemetry's collector, to which the services and
// their sidecars give spans, and Jaeger, which stores and finds them. Nothing depends on it:
// spans that nobody takes are dropped where they are recorded.
package tracing

import (
	"strconv"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

// Namespace is the layer's, which clients know without having to wait for it.
const Namespace = "tracing"

// The names of the two parts, and of what each consists of.
const (
	collector = "collector"
	jaeger    = "jaeger"
)

// The ports of both parts.
const (
	otlpPort    = 4317 // OTLP by gRPC
	healthPort  = 13133
	metricsPort = 8888
	// QueryPort is the port of Jaeger's pages and API, on its pod's loopback: it has no log-in.
	QueryPort = 16686
)

// metricsName is the name of metricsPort.
const metricsName = "metrics"

// TracingArgs are the layer's settings. All are required.
type TracingArgs struct {
	Environment kube.Environment
	Collector   Collector
	Jaeger      Jaeger
	// ClientNamespace is the namespace whose pods give their spans.
	ClientNamespace string
}

// Collector is OpenTelemetry's collector.
type Collector struct {
	Image     string // a distribution with the processor transform
	Replicas  int
	Resources kube.Requirements
}

// Jaeger is Jaeger 2, which keeps traces in its volume.
type Jaeger struct {
	Image          string
	Storage        string // a quantity
	RetentionHours int
	Resources      kube.Requirements
}

// Tracing is a collector and the Jaeger behind it.
type Tracing struct {
	pulumi.ResourceState

	Namespace pulumi.StringOutput
	Metrics   kube.Scrape // of both
}

// Client is what recording spans takes: where they are given to, and the way there.
type Client struct {
	Address string // host:port, OTLP by gRPC, without TLS
	Egress  kube.Allow
}

// NewClient returns what those who record spans need to know. They do not wait for the layer.
func NewClient() Client {
	return Client{
		Address: collector + "." + Namespace + ".svc:" + strconv.Itoa(otlpPort),
		Egress:  kube.Allow{Peers: []kube.Peer{{Namespace: pulumi.String(Namespace), Labels: labels(collector)}}, Ports: []int{otlpPort}},
	}
}

// labels are those by which a part's pods are selected.
func labels(part string) pulumi.StringMap {
	return pulumi.StringMap{"app.kubernetes.io/name": pulumi.String(part)}
}

// partOf is a label of the pods of both parts.
func partOf() pulumi.StringMap {
	return pulumi.StringMap{"app.kubernetes.io/part-of": pulumi.String(Namespace)}
}

// NewTracing creates the collector and Jaeger.
func NewTracing(ctx *pulumi.Context, name string, args *TracingArgs, opts ...pulumi.ResourceOption) (*Tracing, error) {
	if err := args.check(); err != nil {
		return nil, err
	}
	t := &Tracing{}
	// Of the layer observability, all of which is brought up when the application has been validated.
	if err := ctx.RegisterComponentResource(kube.Token("observability", "Tracing"), name, t, opts...); err != nil {
		return nil, err
	}
	var child pulumi.ResourceOption = pulumi.Parent(t)
	namespace, err := newNamespace(ctx, name, args, child)
	if err != nil {
		return nil, err
	}
	child = namespace.In(child)
	t.Namespace = namespace.Name
	t.Metrics = kube.Scrape{
		Name: Namespace, Namespace: namespace.Name, Pods: partOf(), JobLabel: "app.kubernetes.io/name",
		Endpoints: []kube.Endpoint{{Name: metricsName, Port: metricsPort}},
	}
	if err := newJaeger(ctx, name+"-"+jaeger, &args.Jaeger, t.Namespace, child); err != nil {
		return nil, err
	}
	if err := newCollector(ctx, name+"-"+collector, &args.Collector, t.Namespace, child); err != nil {
		return nil, err
	}
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{"namespace": t.Namespace})
}

func (args *TracingArgs) check() error {
	required := map[string]any{
		"ClientNamespace": args.ClientNamespace, "Jaeger.Storage": args.Jaeger.Storage,
		"Collector.Image": args.Collector.Image, "Collector.Resources.MemoryLimit": args.Collector.Resources.MemoryLimit,
		"Jaeger.Image": args.Jaeger.Image, "Jaeger.Resources.MemoryLimit": args.Jaeger.Resources.MemoryLimit,
		"Collector.Replicas": nil, "Jaeger.RetentionHours": nil,
	}
	if args.Collector.Replicas > 0 {
		required["Collector.Replicas"] = args.Collector.Replicas
	}
	if args.Jaeger.RetentionHours > 0 {
		required["Jaeger.RetentionHours"] = args.Jaeger.RetentionHours
	}
	return kube.Check("tracing.TracingArgs", required)
}

// newNamespace creates the layer's namespace. Who may ask for traces is who may forward a port
// to Jaeger's pod: nothing in the cluster connects to it but the collector.
func newNamespace(ctx *pulumi.Context, name string, args *TracingArgs, child pulumi.ResourceOption) (*kube.Namespace, error) {
	return kube.NewNamespace(ctx, name, &kube.NamespaceArgs{
		Environment: args.Environment, Namespace: Namespace, PodSecurity: kube.Restricted,
		// One more of each while it is replaced.
		Quota:    kube.Quota{Pods: args.Collector.Replicas + 3, CPU: "4", Memory: "8Gi", Volumes: 1},
		Defaults: kube.Requirements{CPU: "20m", Memory: "64Mi", MemoryLimit: "256Mi"},
		Ingress: []kube.Allow{
			{Name: "clients", Pods: labels(collector), Peers: []kube.Peer{{Namespace: pulumi.String(args.ClientNamespace)}}, Ports: []int{otlpPort}},
			{Name: "from-collector", Pods: labels(jaeger), Peers: []kube.Peer{{Labels: labels(collector)}}, Ports: []int{otlpPort}},
			kube.Metrics(metricsPort),
		},
		Egress: []kube.Allow{{Name: "to-jaeger", Pods: labels(collector), Peers: []kube.Peer{{Labels: labels(jaeger)}}, Ports: []int{otlpPort}}},
	}, child)
}

// newBudget has an upgrade of nodes take down one pod of a part at a time.
func newBudget(ctx *pulumi.Context, name, part string, namespace pulumi.StringOutput, child pulumi.ResourceOption) error {
	_, err := policyv1.NewPodDisruptionBudget(ctx, name, &policyv1.PodDisruptionBudgetArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(part), Namespace: namespace},
		Spec: policyv1.PodDisruptionBudgetSpecArgs{
			MaxUnavailable: pulumi.Int(1), Selector: metav1.LabelSelectorArgs{MatchLabels: labels(part)},
		},
	}, child)
	return err
}
