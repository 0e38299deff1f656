package netpol

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// state is two nodes: a pod each of the service backend, Kafka and a job that has ended.
func state() State {
	return State{
		PodRange: netip.MustParsePrefix("10.112.0.0/16"), APIServer: netip.MustParseAddr("10.110.0.1"),
		Namespaces: []*corev1.Namespace{namespace("companion"), namespace("kafka")},
		Nodes:      []*corev1.Node{node("one", "10.110.0.11"), node("two", "10.110.0.12")},
		Pods: []*corev1.Pod{
			pod("companion", "backend", "one", "10.112.1.2", corev1.PodRunning),
			pod("kafka", "events", "two", "10.112.2.2", corev1.PodRunning),
			pod("companion", "migration", "one", "10.112.1.3", corev1.PodSucceeded),
		},
	}
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"kubernetes.io/metadata.name": name}}}
}

func node(name, address string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Status:     corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address}}},
	}
}

func pod(namespace, app, node, address string, phase corev1.PodPhase) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app, Labels: map[string]string{"app": app}},
		Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Ports: []corev1.ContainerPort{
			{Name: "http", ContainerPort: 8080}, {Name: "tls", ContainerPort: 9093, Protocol: corev1.ProtocolTCP},
		}}}},
		Status: corev1.PodStatus{PodIP: address, Phase: phase},
	}
}

func TestRules(t *testing.T) {
	for name, c := range map[string]struct {
		policy string // a NetworkPolicy's specification, in the namespace companion
		cilium string // a CiliumNetworkPolicy's
		node   string // one, unless another is named
		chains map[string][]string
	}{
		"without a policy everything is allowed": {chains: map[string][]string{}},
		"a policy without rules allows a pod nothing but itself": {
			policy: `{podSelector: {}, policyTypes: [Ingress, Egress]}`,
			chains: map[string][]string{
				"ingress_0": {"ip saddr 10.112.1.2 accept", "drop"},
				"egress_0":  {"ip daddr 10.112.1.2 accept", "drop"},
			},
		},
		"a policy of one direction leaves the other": {
			policy: `{podSelector: {matchLabels: {app: backend}}, policyTypes: [Ingress]}`,
			chains: map[string][]string{"ingress_0": {"ip saddr 10.112.1.2 accept", "drop"}},
		},
		"pods of another namespace, at a port": {
			policy: `{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kafka}}}], ports: [{port: 9093, protocol: TCP}]}]}`,
			chains: map[string][]string{"egress_0": {"ip daddr 10.112.1.2 accept", "ip daddr 10.112.2.2 tcp dport 9093 accept", "drop"}},
		},
		"a pod of another namespace that only its own may call": {
			policy: `{podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}]}]}`,
			chains: map[string][]string{"ingress_0": {"ip saddr 10.112.1.2 accept", "ip saddr 10.112.1.2  accept", "drop"}},
		},
		"a port's name is the called pod's": {
			policy: `{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{ports: [{port: http, protocol: TCP}]}], egress: [{to: [{namespaceSelector: {}}], ports: [{port: tls, protocol: TCP}, {port: unknown}]}]}`,
			chains: map[string][]string{
				"ingress_0": {"ip saddr 10.112.1.2 accept", "tcp dport 8080 accept", "drop"},
				"egress_0":  {"ip daddr 10.112.1.2 accept", "ip daddr 10.112.1.2 tcp dport 9093 accept", "ip daddr 10.112.2.2 tcp dport 9093 accept", "drop"},
			},
		},
		"an address range has neither pods nor nodes": {
			policy: `{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]}}], ports: [{port: 5432, endPort: 5433, protocol: TCP}]}]}`,
			chains: map[string][]string{"egress_0": {
				"ip daddr 10.112.1.2 accept",
				"ip daddr 0.0.0.0/0 ip daddr != 10.112.0.0/16 ip daddr != 169.254.0.0/16 ip daddr != { 10.110.0.11, 10.110.0.12 } tcp dport 5432-5433 accept",
				"drop",
			}},
		},
		"Cilium's entities": {
			policy: `{podSelector: {}, policyTypes: [Egress]}`,
			cilium: `{endpointSelector: {matchLabels: {app: backend}}, egress: [{toEntities: [kube-apiserver], toPorts: [{ports: [{port: "6443", protocol: TCP}]}]}], ingress: [{fromEntities: [host]}]}`,
			chains: map[string][]string{
				"egress_0":  {"ip daddr 10.112.1.2 accept", "ip daddr 10.110.0.1 tcp dport 6443 accept", "drop"},
				"ingress_0": {"ip saddr 10.112.1.2 accept", "ip saddr { 10.110.0.11, 10.110.0.12 }  accept", "drop"},
			},
		},
		"another node's pods are that node's": {policy: `{podSelector: {}, policyTypes: [Ingress]}`, node: "two", chains: map[string][]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := state()
			if c.policy != "" {
				policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "companion"}}
				require.NoError(t, yaml.UnmarshalStrict([]byte(c.policy), &policy.Spec))
				s.Policies = append(s.Policies, policy)
			}
			if c.cilium != "" {
				object := map[string]any{"metadata": map[string]any{"namespace": "companion"}}
				var spec map[string]any
				require.NoError(t, yaml.Unmarshal([]byte(c.cilium), &spec))
				object["spec"] = spec
				policy, err := NewCiliumPolicy(&unstructured.Unstructured{Object: object})
				require.NoError(t, err)
				s.Cilium = append(s.Cilium, policy)
			}
			node := c.node
			if node == "" {
				node = "one"
			}
			require.Equal(t, c.chains, chains(s.Rules(node)))
		})
	}
}

// chains are the pods' chains of a script, by name.
func chains(script string) map[string][]string {
	found := map[string][]string{}
	for _, chain := range regexp.MustCompile(`(?s)chain (\w+_\d+) \{\n(.*?)\n\t\}`).FindAllStringSubmatch(script, -1) {
		for line := range strings.Lines(chain[2]) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "comment") {
				found[chain[1]] = append(found[chain[1]], line)
			}
		}
	}
	return found
}
