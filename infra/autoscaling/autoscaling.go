// Package autoscaling is what measures that by which services get more pods and fewer.
package autoscaling

import (
	"cmp"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

// Namespace is the layer's unless AutoscalingArgs says otherwise.
const Namespace = "autoscaling"

// AutoscalingArgs are the layer's settings. All are required but Namespace.
type AutoscalingArgs struct {
	Environment   kube.Environment
	MetricsServer kube.Chart
	// Replicas is the number of metrics-server's pods. Without any of them services keep the
	// number of pods that they have.
	Replicas int
	// CertManager signs the certificate by which the API server knows metrics-server.
	CertManager pulumi.Resource
	Namespace   string
}

// Autoscaling answers the API server's questions for what pods take.
type Autoscaling struct {
	pulumi.ResourceState

	Namespace pulumi.StringOutput
}

// metricsServer is the name of the Helm release, and of what it creates.
const metricsServer = "metrics-server"

// metricsPort is the port at which metrics-server answers the API server.
const metricsPort = 10250

// NewAutoscaling installs metrics-server.
func NewAutoscaling(ctx *pulumi.Context, name string, args *AutoscalingArgs, opts ...pulumi.ResourceOption) (*Autoscaling, error) {
	if err := kube.Check("autoscaling.AutoscalingArgs", map[string]any{
		"MetricsServer": args.MetricsServer.Chart, "CertManager": args.CertManager,
	}); err != nil {
		return nil, err
	}
	a := &Autoscaling{}
	if err := ctx.RegisterComponentResource(kube.Token("autoscaling", "Autoscaling"), name, a, opts...); err != nil {
		return nil, err
	}
	var child pulumi.ResourceOption = pulumi.Parent(a)
	namespace, err := newNamespace(ctx, name, args, child)
	if err != nil {
		return nil, err
	}
	child = namespace.In(child)
	a.Namespace = namespace.Name
	if err := newBudget(ctx, name, a.Namespace, child); err != nil {
		return nil, err
	}
	if err := newMetricsServer(ctx, name, args, a.Namespace, child); err != nil {
		return nil, err
	}
	return a, ctx.RegisterResourceOutputs(a, pulumi.Map{"namespace": a.Namespace})
}

// newNamespace creates the layer's namespace.
func newNamespace(ctx *pulumi.Context, name string, args *AutoscalingArgs, child pulumi.ResourceOption) (*kube.Namespace, error) {
	namespace, err := kube.NewNamespace(ctx, name, &kube.NamespaceArgs{
		Environment: args.Environment, Namespace: cmp.Or(args.Namespace, Namespace), PodSecurity: kube.Restricted,
		Quota:    kube.Quota{Pods: 2*args.Replicas + 2, CPU: "2", Memory: "2Gi"},
		Defaults: kube.Requirements{CPU: "20m", Memory: "64Mi", MemoryLimit: "256Mi"},
		Ingress: []kube.Allow{
			// The API server's address, as pods see it, is not known.
			{Name: "api-server-asks", Pods: pulumi.ToStringMap(labels()), Ports: []int{metricsPort}},
		},
		APIClients: []pulumi.StringMap{{}},
	}, child)
	if err != nil {
		return nil, err
	}
	return namespace, kube.NewNodeAccess(ctx, name+"-kubelets", "kubelets", args.Environment, namespace.Name, pulumi.ToStringMap(labels()), []int{kube.KubeletPort}, namespace.In(child))
}

// labels are those of metrics-server's pods, by which its chart selects them.
func labels() map[string]string {
	return map[string]string{"app.kubernetes.io/name": metricsServer, "app.kubernetes.io/instance": metricsServer}
}

// newBudget has an upgrade of nodes take down one pod at a time.
func newBudget(ctx *pulumi.Context, name string, namespace pulumi.StringOutput, child pulumi.ResourceOption) error {
	_, err := policyv1.NewPodDisruptionBudget(ctx, name+"-"+metricsServer, &policyv1.PodDisruptionBudgetArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(metricsServer), Namespace: namespace},
		Spec: policyv1.PodDisruptionBudgetSpecArgs{
			MaxUnavailable: pulumi.Int(1), Selector: metav1.LabelSelectorArgs{MatchLabels: pulumi.ToStringMap(labels())},
		},
	}, child)
	return err
}

// newMetricsServer installs metrics-server. It verifies the kubelets' certificates by the
// cluster's authority, as it does by default: DOKS' kubelets have such certificates.
func newMetricsServer(ctx *pulumi.Context, name string, args *AutoscalingArgs, namespace pulumi.StringOutput, child pulumi.ResourceOption) error {
	_, err := kube.NewRelease(ctx, name+"-"+metricsServer, metricsServer, args.MetricsServer, namespace, map[string]any{
		"replicas":          args.Replicas,
		"priorityClassName": kube.PlatformPriority,
		"tolerations":       kube.LeaveLostNodesValues(),
		"resources":         kube.Requirements{CPU: "20m", Memory: "48Mi", MemoryLimit: "256Mi"}.Values(),
		// The chart would have the API server trust whoever answers.
		"apiService": map[string]any{"insecureSkipTLSVerify": false},
		"tls":        map[string]any{"type": "cert-manager"},
		"topologySpreadConstraints": []any{map[string]any{
			"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
			"labelSelector": map[string]any{"matchLabels": labels()},
		}},
	}, child, pulumi.DependsOn([]pulumi.Resource{args.CertManager}))
	return err
}
