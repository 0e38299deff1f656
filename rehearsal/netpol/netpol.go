// Package netpol enforces network policies on the rehearsal's nodes as Cilium enforces
// them on DOKS's: what a policy's address range names are never pods or nodes, the pod's
// own node may always reach it, a rule that is taken away ends connections that exist, and
// what is denied is dropped without an answer. Of Cilium's own policies it knows those that
// name entities.
//
// A pod is isolated from the moment that the API server has its address; Cilium isolates it
// before it starts.
package netpol

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// State is everything that decides who may connect to whom.
type State struct {
	Pods       []*corev1.Pod
	Namespaces []*corev1.Namespace
	Nodes      []*corev1.Node
	Policies   []*networkingv1.NetworkPolicy
	Cilium     []CiliumPolicy
	PodRange   netip.Prefix // of all nodes
	APIServer  netip.Addr
}

// table is the nftables table of a node's network namespace.
const table = "network_policies"

// Rules returns the nftables script that makes a node enforce the policies over its pods,
// in place of what an earlier one said. The same state gives the same text.
func (s State) Rules(node string) string {
	var chains strings.Builder
	var egress, ingress []string
	for i, pod := range s.local(node) {
		address := pod.Status.PodIP
		for _, direction := range []struct {
			name     string
			own      string // how the pod's own address is matched
			elements *[]string
			allowed  func(*corev1.Pod) ([]string, bool)
		}{
			{"egress", "daddr", &egress, s.egress},
			{"ingress", "saddr", &ingress, s.ingress},
		} {
			lines, isolated := direction.allowed(pod)
			if !isolated {
				continue
			}
			name := fmt.Sprintf("%s_%d", direction.name, i)
			*direction.elements = append(*direction.elements, address+" : goto "+name)
			fmt.Fprintf(&chains, "\tchain %s {\n\t\tcomment %q\n\t\tip %s %s accept\n", name, pod.Namespace+"/"+pod.Name, direction.own, address)
			for _, line := range lines {
				chains.WriteString("\t\t" + strings.TrimSpace(line+" accept") + "\n")
			}
			chains.WriteString("\t\tdrop\n\t}\n")
		}
	}
	return fmt.Sprintf("table inet %[1]s\ndelete table inet %[1]s\ntable inet %[1]s {\n%[2]s%[3]s%[4]s%[5]s}\n", table, chains.String(),
		base("from_pods", "forward", 10, "saddr", egress),
		// A pod's own node is an entity like others.
		base("from_pods_to_node", "input", 10, "saddr", egress),
		// After egress: what is accepted there has to be accepted here too.
		base("to_pods", "forward", 20, "daddr", ingress))
}

// base is a chain of a hook, from which isolated pods' packets go on to their own chain.
// Packets of the connection's other direction are its answers.
func base(name, hook string, priority int, address string, elements []string) string {
	lookup := ""
	if len(elements) > 0 {
		lookup = fmt.Sprintf("\t\tip %s vmap { %s }\n", address, strings.Join(elements, ", "))
	}
	return fmt.Sprintf("\tchain %s {\n\t\ttype filter hook %s priority %d; policy accept;\n\t\tct direction reply accept\n\t\tct state related accept\n%s\t}\n",
		name, hook, priority, lookup)
}

// local are the node's pods with an address of their own, ordered by name.
func (s State) local(node string) []*corev1.Pod {
	var local []*corev1.Pod
	for _, pod := range s.Pods {
		if pod.Spec.NodeName == node && hasAddress(pod) {
			local = append(local, pod)
		}
	}
	slices.SortFunc(local, func(a, b *corev1.Pod) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return local
}

// hasAddress reports whether a pod's address is its own: one that has ended keeps it in its
// status, while another pod has it already.
func hasAddress(pod *corev1.Pod) bool {
	return !pod.Spec.HostNetwork && pod.Status.PodIP != "" && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}

// egress lists what the pod's packets must match, one of them, and whether it is isolated.
func (s State) egress(pod *corev1.Pod) (lines []string, isolated bool) {
	policies := s.of(pod, networkingv1.PolicyTypeEgress)
	for _, policy := range policies {
		for _, rule := range policy.Spec.Egress {
			lines = append(lines, s.rule("daddr", policy.Namespace, rule.To, rule.Ports, nil)...)
		}
	}
	ciliumLines, ciliumIsolates := s.cilium(pod, CiliumPolicy.egress, "daddr")
	return unique(append(lines, ciliumLines...)), len(policies) > 0 || ciliumIsolates
}

// ingress is egress in the other direction.
func (s State) ingress(pod *corev1.Pod) (lines []string, isolated bool) {
	policies := s.of(pod, networkingv1.PolicyTypeIngress)
	for _, policy := range policies {
		for _, rule := range policy.Spec.Ingress {
			lines = append(lines, s.rule("saddr", policy.Namespace, rule.From, rule.Ports, pod)...)
		}
	}
	ciliumLines, ciliumIsolates := s.cilium(pod, CiliumPolicy.ingress, "saddr")
	return unique(append(lines, ciliumLines...)), len(policies) > 0 || ciliumIsolates
}

// of lists the policies that isolate the pod in a direction.
func (s State) of(pod *corev1.Pod, direction networkingv1.PolicyType) (found []*networkingv1.NetworkPolicy) {
	for _, policy := range s.Policies {
		if policy.Namespace == pod.Namespace && matches(&policy.Spec.PodSelector, pod.Labels) && slices.Contains(policy.Spec.PolicyTypes, direction) {
			found = append(found, policy)
		}
	}
	return found
}

func unique(lines []string) []string {
	slices.Sort(lines)
	return slices.Compact(lines)
}

// matches reports whether labels match a selector; one that is not valid matches nothing.
func matches(selector *metav1.LabelSelector, of map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(labels.Set(of))
}

// rule is a rule of a policy as matches of nftables: each peer with each port. The ports'
// names are those of the pod that is called: self, or else the peer.
func (s State) rule(address, namespace string, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort, self *corev1.Pod) []string {
	var lines []string
	if len(peers) == 0 {
		return portMatches(ports, self)
	}
	for _, peer := range peers {
		if peer.IPBlock != nil {
			for _, port := range portMatches(ports, self) {
				lines = append(lines, s.block(address, peer.IPBlock)+" "+port)
			}
			continue
		}
		for _, pod := range s.Pods {
			if !hasAddress(pod) || !s.isPeer(peer, namespace, pod) {
				continue
			}
			for _, port := range portMatches(ports, cmp.Or(self, pod)) {
				lines = append(lines, "ip "+address+" "+pod.Status.PodIP+" "+port)
			}
		}
	}
	return lines
}

func (s State) isPeer(peer networkingv1.NetworkPolicyPeer, namespace string, pod *corev1.Pod) bool {
	if peer.PodSelector != nil && !matches(peer.PodSelector, pod.Labels) {
		return false
	}
	if peer.NamespaceSelector == nil {
		return pod.Namespace == namespace
	}
	for _, candidate := range s.Namespaces {
		if candidate.Name == pod.Namespace {
			return matches(peer.NamespaceSelector, candidate.Labels)
		}
	}
	return false
}

// block matches a range of addresses, without those of pods and nodes: to Cilium they are
// identities, and no address range matches them.
func (s State) block(address string, block *networkingv1.IPBlock) string {
	match := "ip " + address + " " + block.CIDR + " ip " + address + " != " + s.PodRange.String()
	for _, except := range block.Except {
		match += " ip " + address + " != " + except
	}
	if nodes := s.nodes(); len(nodes) > 0 {
		match += " ip " + address + " != { " + strings.Join(nodes, ", ") + " }"
	}
	return match
}

// nodes are the nodes' addresses, in order.
func (s State) nodes() []string {
	var found []string
	for _, node := range s.Nodes {
		for _, address := range node.Status.Addresses {
			if address.Type == corev1.NodeInternalIP {
				found = append(found, address.Address)
			}
		}
	}
	return unique(found)
}

// portMatches are the ports as matches of nftables; a name that called does not have
// matches nothing.
func portMatches(ports []networkingv1.NetworkPolicyPort, called *corev1.Pod) []string {
	if len(ports) == 0 {
		return []string{""}
	}
	var found []string
	for _, port := range ports {
		protocol := corev1.ProtocolTCP
		if port.Protocol != nil {
			protocol = *port.Protocol
		}
		name := strings.ToLower(string(protocol))
		switch {
		case port.Port == nil:
			found = append(found, "meta l4proto "+name)
		case port.Port.StrVal != "":
			if number := namedPort(called, port.Port.StrVal, protocol); number != 0 {
				found = append(found, name+" dport "+strconv.Itoa(int(number)))
			}
		case port.EndPort != nil:
			found = append(found, fmt.Sprintf("%s dport %d-%d", name, port.Port.IntVal, *port.EndPort))
		default:
			found = append(found, fmt.Sprintf("%s dport %d", name, port.Port.IntVal))
		}
	}
	return found
}

func namedPort(pod *corev1.Pod, name string, protocol corev1.Protocol) int32 {
	if pod == nil {
		return 0
	}
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == name && cmp.Or(port.Protocol, corev1.ProtocolTCP) == protocol {
				return port.ContainerPort
			}
		}
	}
	return 0
}
