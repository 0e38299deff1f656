package kube

import (
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	schedulingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/scheduling/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// PodSecurity is the Pod Security Standard that a namespace enforces.
type PodSecurity string

// The standards that pods here can keep to.
const (
	Restricted PodSecurity = "restricted"
	Baseline   PodSecurity = "baseline"
)

// Environment is what every layer must know of the cluster that it is in.
type Environment struct {
	// Cilium is whether Cilium enforces the network policies. It has identities of its own
	// for the API server and for nodes, which no address range matches.
	Cilium bool
	// Priorities are the classes that NewPriorities has created.
	Priorities pulumi.Resource
	// Provider is the cluster's, and Cluster its ID, which is not known before it is there.
	Provider pulumi.ProviderResource
	Cluster  pulumi.StringInput
}

// The priority classes: without the platform no service works, so that it is the last to
// make room.
const (
	PlatformPriority = "companion-platform"
	ServicePriority  = "companion-service"
)

// NewPriorities creates the priority classes, which are the cluster's.
func NewPriorities(ctx *pulumi.Context, name string, opts ...pulumi.ResourceOption) (pulumi.Resource, error) {
	if _, err := newPriority(ctx, name+"-service", ServicePriority, 1000, "The application's services", opts...); err != nil {
		return nil, err
	}
	return newPriority(ctx, name+"-platform", PlatformPriority, 10000, "What the services need: brokers, Redis, Dapr, NGINX", opts...)
}

func newPriority(ctx *pulumi.Context, name, class string, value int, description string, opts ...pulumi.ResourceOption) (*schedulingv1.PriorityClass, error) {
	return schedulingv1.NewPriorityClass(ctx, name, &schedulingv1.PriorityClassArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(class)},
		Value:    pulumi.Int(value), Description: pulumi.String(description),
	}, opts...)
}

// Quota is the most that a namespace may hold. What is not named here may not be there at
// all: load balancers, node ports and volumes.
type Quota struct {
	Pods          int
	Memory        string // that all pods request together
	CPU           string // the same
	Volumes       int
	LoadBalancers int
}

// nodePorts is how many a load balancer takes: one for each of its ports, and one for the
// health check.
const nodePorts = 3

// NamespaceArgs describe a namespace. All are required but the exceptions.
type NamespaceArgs struct {
	Environment Environment
	Namespace   string // its name
	PodSecurity PodSecurity
	Quota       Quota
	// Defaults are those of containers that do not say what they need.
	Defaults Requirements

	// What is allowed in spite of the default, which is to deny all traffic both ways but
	// to the name server. A pod's own node may always reach it, with the kubelet's probes.

	Ingress []Allow
	Egress  []Allow
	// APIClients are the labels of those pods that may call the API server; one without
	// labels stands for all.
	APIClients []pulumi.StringMap
}

// Namespace is a namespace with its walls. What is created in it depends on it, so that
// there is no pod before them.
type Namespace struct {
	pulumi.ResourceState

	Name pulumi.StringOutput
}

// NewNamespace creates a namespace that enforces a Pod Security Standard, denies traffic
// both ways, and bounds what it holds.
func NewNamespace(ctx *pulumi.Context, name string, args *NamespaceArgs, opts ...pulumi.ResourceOption) (*Namespace, error) {
	if err := Check("kube.NamespaceArgs", map[string]any{
		"Namespace": args.Namespace, "PodSecurity": string(args.PodSecurity), "Environment.Priorities": args.Environment.Priorities,
		"Quota.Memory": args.Quota.Memory, "Quota.CPU": args.Quota.CPU, "Defaults.Memory": args.Defaults.Memory,
	}); err != nil {
		return nil, err
	}
	n := &Namespace{}
	if err := ctx.RegisterComponentResource(Token("kube", "Namespace"), name, n, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(n)
	namespace, err := corev1.NewNamespace(ctx, name, &corev1.NamespaceArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(args.Namespace), Labels: pulumi.ToStringMap(map[string]string{
			"pod-security.kubernetes.io/enforce": string(args.PodSecurity),
			"pod-security.kubernetes.io/warn":    string(Restricted),
			"app.kubernetes.io/part-of":          PartOf,
			"app.kubernetes.io/managed-by":       ManagedBy,
		})},
	}, child, pulumi.DependsOn([]pulumi.Resource{args.Environment.Priorities}))
	if err != nil {
		return nil, err
	}
	n.Name = namespace.Metadata.Name().Elem()
	if err := newBounds(ctx, name, args, n.Name, child); err != nil {
		return nil, err
	}
	if err := newWalls(ctx, name, args, n.Name, child); err != nil {
		return nil, err
	}
	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{"name": n.Name})
}

// newBounds creates the quota, and what containers get that do not say what they need:
// under a quota, a container that says nothing is refused.
func newBounds(ctx *pulumi.Context, name string, args *NamespaceArgs, namespace pulumi.StringInput, child pulumi.ResourceOption) error {
	quota := args.Quota
	count := func(n int) pulumi.String { return pulumi.String(strconv.Itoa(n)) }
	if _, err := corev1.NewResourceQuota(ctx, name, &corev1.ResourceQuotaArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String("namespace"), Namespace: namespace.ToStringOutput()},
		Spec: corev1.ResourceQuotaSpecArgs{Hard: pulumi.StringMap{
			"pods": count(quota.Pods), "requests.cpu": pulumi.String(quota.CPU), "requests.memory": pulumi.String(quota.Memory),
			"persistentvolumeclaims": count(quota.Volumes), "services.loadbalancers": count(quota.LoadBalancers),
			"services.nodeports": count(quota.LoadBalancers * nodePorts),
		}},
	}, child); err != nil {
		return err
	}
	_, err := corev1.NewLimitRange(ctx, name, &corev1.LimitRangeArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String("containers"), Namespace: namespace.ToStringOutput()},
		Spec: corev1.LimitRangeSpecArgs{Limits: corev1.LimitRangeItemArray{corev1.LimitRangeItemArgs{
			Type:           pulumi.String("Container"),
			DefaultRequest: pulumi.StringMap{"cpu": pulumi.String(args.Defaults.CPU), "memory": pulumi.String(args.Defaults.Memory)},
			Default:        pulumi.StringMap{"memory": pulumi.String(args.Defaults.MemoryLimit)},
		}}},
	}, child)
	return err
}

// newWalls creates the policy that denies, and the exceptions.
func newWalls(ctx *pulumi.Context, name string, args *NamespaceArgs, namespace pulumi.StringOutput, child pulumi.ResourceOption) error {
	walls := []NetworkPolicy{
		{Name: "default-deny", Ingress: []Allow{}, Egress: []Allow{}},
		{Name: "dns", Egress: []Allow{{
			Peers: []Peer{{Namespace: pulumi.String("kube-system"), Labels: pulumi.StringMap{"k8s-app": pulumi.String("kube-dns")}}},
			Ports: []int{53}, UDP: []int{53},
		}}},
	}
	for _, allow := range args.Ingress {
		walls = append(walls, NetworkPolicy{Name: allow.Name, Pods: allow.Pods, Ingress: []Allow{allow}})
	}
	for _, allow := range args.Egress {
		walls = append(walls, NetworkPolicy{Name: allow.Name, Pods: allow.Pods, Egress: []Allow{allow}})
	}
	for _, wall := range walls {
		wall.Namespace = namespace
		if err := NewNetworkPolicy(ctx, name+"-"+wall.Name, wall, child); err != nil {
			return err
		}
	}
	for i, pods := range args.APIClients {
		policy := "api-server"
		if i > 0 {
			policy += "-" + strconv.Itoa(i+1)
		}
		if err := NewAPIAccess(ctx, name+"-"+policy, policy, args.Environment, namespace, pods, child); err != nil {
			return err
		}
	}
	return nil
}

// In adds to a layer's options that what it creates is in the namespace.
func (n *Namespace) In(child pulumi.ResourceOption) pulumi.ResourceOption {
	return pulumi.Composite(child, pulumi.DependsOn([]pulumi.Resource{n}))
}
