package kube

import (
	"fmt"
	"strconv"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// MetricsNamespace is the namespace whose pods collect metrics.
const MetricsNamespace = "observability"

// Allow is an exception from a namespace's default: connections with the peers at the
// ports, which are the called pods' (TCP, unless they are in UDP).
type Allow struct {
	Name  string           // says what it is for
	Pods  pulumi.StringMap // the labels of the namespace's pods that it is for; empty: all
	Peers []Peer           // empty: everybody, at the ports alone
	Ports []int
	UDP   []int
}

// Peer is who is at the other end: pods, or addresses that are no pod's.
type Peer struct {
	// Namespace is the pods'; nil: that of the policy.
	Namespace pulumi.StringInput
	Labels    pulumi.StringMap // empty: all pods of the namespace
	Range     string           // CIDR; in place of Namespace and Labels
	Except    []string         // CIDR; not in Range
}

// Internet is every public address. What it leaves out are private networks, and the
// addresses at which a Droplet's metadata are served.
func Internet() []Peer {
	return []Peer{{Range: "0.0.0.0/0", Except: []string{
		"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4",
	}}}
}

// Ranges are the networks (CIDR), or the Internet when there are none.
func Ranges(networks []string) []Peer {
	if len(networks) == 0 {
		return Internet()
	}
	peers := make([]Peer, 0, len(networks))
	for _, network := range networks {
		peers = append(peers, Peer{Range: network})
	}
	return peers
}

// NetworkPolicy is a Kubernetes NetworkPolicy. A direction that is nil is not its business;
// one that is empty is denied.
type NetworkPolicy struct {
	Name      string
	Namespace pulumi.StringInput
	Pods      pulumi.StringMap // empty: all of the namespace
	Ingress   []Allow
	Egress    []Allow
}

// NewNetworkPolicy creates a network policy; name is the resource's in Pulumi.
func NewNetworkPolicy(ctx *pulumi.Context, name string, policy NetworkPolicy, opts ...pulumi.ResourceOption) error {
	spec := networkingv1.NetworkPolicySpecArgs{PodSelector: metav1.LabelSelectorArgs{MatchLabels: policy.Pods}}
	var types pulumi.StringArray
	if policy.Ingress != nil {
		types = append(types, pulumi.String("Ingress"))
	}
	if policy.Egress != nil {
		types = append(types, pulumi.String("Egress"))
	}
	spec.PolicyTypes = types
	var ingress networkingv1.NetworkPolicyIngressRuleArray
	for _, allow := range policy.Ingress {
		peers, ports, err := allow.rule(policy.Name)
		if err != nil {
			return err
		}
		ingress = append(ingress, networkingv1.NetworkPolicyIngressRuleArgs{From: peers, Ports: ports})
	}
	var egress networkingv1.NetworkPolicyEgressRuleArray
	for _, allow := range policy.Egress {
		peers, ports, err := allow.rule(policy.Name)
		if err != nil {
			return err
		}
		egress = append(egress, networkingv1.NetworkPolicyEgressRuleArgs{To: peers, Ports: ports})
	}
	if ingress != nil {
		spec.Ingress = ingress
	}
	if egress != nil {
		spec.Egress = egress
	}
	_, err := networkingv1.NewNetworkPolicy(ctx, name, &networkingv1.NetworkPolicyArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(policy.Name), Namespace: policy.Namespace.ToStringOutput()},
		Spec:     spec,
	}, opts...)
	return err
}

// rule are the peers and ports of an exception. One with neither would allow everything.
func (a Allow) rule(policy string) (networkingv1.NetworkPolicyPeerArray, networkingv1.NetworkPolicyPortArray, error) {
	if len(a.Peers) == 0 && len(a.Ports)+len(a.UDP) == 0 {
		return nil, nil, fmt.Errorf("kube.NetworkPolicy %s: an exception names neither peers nor ports: it would allow everything", policy)
	}
	var peers networkingv1.NetworkPolicyPeerArray
	for _, peer := range a.Peers {
		peers = append(peers, peer.args())
	}
	var ports networkingv1.NetworkPolicyPortArray
	for _, listed := range []struct {
		protocol string
		ports    []int
	}{{"TCP", a.Ports}, {"UDP", a.UDP}} {
		for _, port := range listed.ports {
			ports = append(ports, networkingv1.NetworkPolicyPortArgs{Port: pulumi.Int(port), Protocol: pulumi.String(listed.protocol)})
		}
	}
	return peers, ports, nil
}

func (p Peer) args() networkingv1.NetworkPolicyPeerArgs {
	if p.Range != "" {
		block := networkingv1.IPBlockArgs{Cidr: pulumi.String(p.Range)}
		if len(p.Except) > 0 {
			block.Except = pulumi.ToStringArray(p.Except)
		}
		return networkingv1.NetworkPolicyPeerArgs{IpBlock: block}
	}
	args := networkingv1.NetworkPolicyPeerArgs{}
	if p.Namespace != nil {
		args.NamespaceSelector = metav1.LabelSelectorArgs{MatchLabels: pulumi.StringMap{"kubernetes.io/metadata.name": p.Namespace}}
	}
	if p.Namespace == nil || len(p.Labels) > 0 {
		args.PodSelector = metav1.LabelSelectorArgs{MatchLabels: p.Labels}
	}
	return args
}

// apiPorts are those at which API servers listen, behind the Service's own.
var apiPorts = []int{443, 6443}

// KubeletPort is the port of the nodes' kubelets.
const KubeletPort = 10250

// NewAPIAccess lets pods of a namespace call the API server. Kubernetes' own policies know
// it by address only, which on DOKS nobody knows before the cluster is there, and which
// Cilium matches by no address range where it is a node's. Cilium's policies name it;
// elsewhere its ports must do.
func NewAPIAccess(ctx *pulumi.Context, name, policy string, environment Environment, namespace pulumi.StringOutput, pods pulumi.StringMap, opts ...pulumi.ResourceOption) error {
	return newEntityAccess(ctx, name, policy, environment, namespace, pods, []any{"kube-apiserver"}, apiPorts, opts...)
}

// NewNodeAccess lets pods of a namespace connect to the cluster's nodes themselves, whose
// addresses change with the nodes: Cilium's policies name them; elsewhere the ports must do.
func NewNodeAccess(ctx *pulumi.Context, name, policy string, environment Environment, namespace pulumi.StringOutput, pods pulumi.StringMap, ports []int, opts ...pulumi.ResourceOption) error {
	return newEntityAccess(ctx, name, policy, environment, namespace, pods, []any{"host", "remote-node"}, ports, opts...)
}

// newEntityAccess lets pods of a namespace connect to entities of Cilium's.
func newEntityAccess(ctx *pulumi.Context, name, policy string, environment Environment, namespace pulumi.StringOutput, pods pulumi.StringMap, entities []any, at []int, opts ...pulumi.ResourceOption) error {
	if !environment.Cilium {
		return NewNetworkPolicy(ctx, name, NetworkPolicy{Name: policy, Namespace: namespace, Pods: pods, Egress: []Allow{{Ports: at}}}, opts...)
	}
	var ports []any
	for _, port := range at {
		ports = append(ports, map[string]any{"port": strconv.Itoa(port), "protocol": "TCP"})
	}
	selector := map[string]any{}
	if len(pods) > 0 {
		selector["matchLabels"] = pods
	}
	_, err := NewObject(ctx, name, Object{
		APIVersion: "cilium.io/v2", Kind: "CiliumNetworkPolicy", Name: policy, Namespace: namespace,
		Fields: map[string]any{"spec": map[string]any{
			"endpointSelector": selector,
			"egress":           []any{map[string]any{"toEntities": entities, "toPorts": []any{map[string]any{"ports": ports}}}},
		}},
	}, opts...)
	return err
}
