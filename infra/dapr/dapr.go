// Package dapr is Dapr's control plane.
package dapr

import (
	"cmp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

// Namespace is the control plane's unless DaprArgs says otherwise.
const Namespace = "dapr-system"

// TrustBundle is the name of the Secret with the authority that signs sidecars' and the
// control plane's certificates, and of the ConfigMap with its roots.
const TrustBundle = "dapr-trust-bundle"

// Certificates say how long the authority is good for, how long before its end it is renewed,
// and how long what it signs is good for; durations as Go writes them. The first authority is
// Dapr's own, good for a year.
type Certificates struct{ Lifetime, RenewBefore, Workload string }

// DaprArgs are the control plane's settings. All are required but HA and Namespace.
type DaprArgs struct {
	Environment kube.Environment
	Chart       kube.Chart
	HA          bool // three of each part of the control plane
	// Certificates are those of mutual TLS.
	Certificates Certificates
	// SidecarNamespace is the namespace whose pods get sidecars.
	SidecarNamespace string
	// Namespace is the control plane's own; default dapr-system.
	Namespace string
}

// Dapr is a control plane whose sidecar injector answers.
type Dapr struct {
	pulumi.ResourceState

	Namespace    pulumi.StringOutput
	Certificates Certificates
	// Metrics are the control plane's.
	Metrics kube.Scrape
}

// NewDapr installs Dapr's control plane.
func NewDapr(ctx *pulumi.Context, name string, args *DaprArgs, opts ...pulumi.ResourceOption) (*Dapr, error) {
	if err := kube.Check("dapr.DaprArgs", map[string]any{
		"Chart": args.Chart.Chart, "SidecarNamespace": args.SidecarNamespace,
		"Certificates.Lifetime": args.Certificates.Lifetime, "Certificates.RenewBefore": args.Certificates.RenewBefore, "Certificates.Workload": args.Certificates.Workload,
	}); err != nil {
		return nil, err
	}
	d := &Dapr{Certificates: args.Certificates}
	if err := ctx.RegisterComponentResource(kube.Token("dapr", "Dapr"), name, d, opts...); err != nil {
		return nil, err
	}
	var child pulumi.ResourceOption = pulumi.Parent(d)
	namespace, err := newNamespace(ctx, name, args, child)
	if err != nil {
		return nil, err
	}
	child = namespace.In(child)
	d.Namespace, d.Metrics = namespace.Name, metrics(namespace.Name)
	_, err = kube.NewReleaseWithDefinitions(ctx, name, "dapr", args.Environment, args.Chart, d.Namespace, map[string]any{
		"global": map[string]any{
			"logAsJson":         true,
			"seccompProfile":    "RuntimeDefault",
			"priorityClassName": kube.PlatformPriority,
			"tolerations":       kube.LeaveLostNodesValues(),
			"ha":                map[string]any{"enabled": args.HA},
			"mtls":              map[string]any{"enabled": true, "workloadCertTTL": args.Certificates.Workload},
		},
		"dapr_operator":  map[string]any{"resources": kube.Requirements{CPU: "50m", Memory: "80Mi", MemoryLimit: "256Mi"}.Values()},
		"dapr_placement": map[string]any{"resources": kube.Requirements{CPU: "20m", Memory: "64Mi", MemoryLimit: "256Mi"}.Values()},
		// It is an etcd too.
		"dapr_scheduler": map[string]any{"resources": kube.Requirements{CPU: "50m", Memory: "128Mi", MemoryLimit: "512Mi"}.Values()},
		"dapr_sentry": map[string]any{
			"resources": kube.Requirements{CPU: "20m", Memory: "48Mi", MemoryLimit: "256Mi"}.Values(),
			// It reads the lifetime of what it signs when it starts.
			"deploymentAnnotations": map[string]any{"companion/workload-lifetime": args.Certificates.Workload},
		},
		"dapr_sidecar_injector": map[string]any{
			"resources": kube.Requirements{CPU: "20m", Memory: "48Mi", MemoryLimit: "256Mi"}.Values(),
			// A service without its sidecar could neither publish nor consume, and
			// would look healthy: better no pod than that. Only the application's
			// namespace is affected.
			"webhookFailurePolicy": "Fail",
			// The application's namespace takes restricted pods only.
			"sidecarDropALLCapabilities": true,
			"namespaceSelector": map[string]any{
				"matchLabels": map[string]any{"kubernetes.io/metadata.name": args.SidecarNamespace},
			},
		},
	}, child)
	if err != nil {
		return nil, err
	}
	return d, ctx.RegisterResourceOutputs(d, pulumi.Map{"namespace": d.Namespace})
}

// metrics are those of each part of the control plane, which the pods' label app names.
func metrics(namespace pulumi.StringInput) kube.Scrape {
	return kube.Scrape{
		Name: "dapr", Namespace: namespace, JobLabel: "app", Pods: pulumi.StringMap{"app.kubernetes.io/part-of": pulumi.String("dapr")},
		Endpoints: []kube.Endpoint{{Name: "metrics", Port: 9090, Path: "/"}},
	}
}

// SidecarPorts are those at which the control plane answers sidecars: sentry's, the
// operator's, placement's and the scheduler's.
func SidecarPorts() []int { return []int{50001, 6500, 50005, 50006} }

// The ports of admission webhooks: the sidecar injector's, and the operator's.
const (
	injectorPort = 4000
	webhookPort  = 19443
)

// newNamespace creates the control plane's namespace. Its parts call one another.
func newNamespace(ctx *pulumi.Context, name string, args *DaprArgs, child pulumi.ResourceOption) (*kube.Namespace, error) {
	all := []pulumi.StringMap{{}}
	return kube.NewNamespace(ctx, name, &kube.NamespaceArgs{
		Environment: args.Environment, Namespace: cmp.Or(args.Namespace, Namespace), PodSecurity: kube.Restricted,
		// Three of each of the five parts, one more of each while they are replaced, and the job
		// that renews the authority, with those of before.
		Quota:    kube.Quota{Pods: 24, CPU: "4", Memory: "4Gi", Volumes: 3},
		Defaults: kube.Requirements{CPU: "20m", Memory: "48Mi", MemoryLimit: "512Mi"},
		Ingress: []kube.Allow{
			{Name: "within", Peers: []kube.Peer{{}}},
			{Name: "sidecars", Peers: []kube.Peer{{Namespace: pulumi.String(args.SidecarNamespace)}}, Ports: SidecarPorts()},
			// The API server's address, as pods see it, is not known.
			{Name: "webhooks", Ports: []int{injectorPort, webhookPort}},
			kube.Metrics(metrics(nil).Ports()...),
		},
		Egress:     []kube.Allow{{Name: "to-within", Peers: []kube.Peer{{}}}},
		APIClients: all,
	}, child)
}
