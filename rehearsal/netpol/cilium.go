package netpol

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// CiliumPolicies are the resources that CiliumPolicy is read from.
var CiliumPolicies = schema.GroupVersionResource{Group: "cilium.io", Version: "v2", Resource: "ciliumnetworkpolicies"}

// CiliumPolicy is what is known here of a CiliumNetworkPolicy: rules that name entities.
type CiliumPolicy struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              CiliumSpec `json:"spec"`
}

// CiliumSpec selects pods of the namespace, and isolates them in each direction of which it
// has rules.
type CiliumSpec struct {
	EndpointSelector metav1.LabelSelector `json:"endpointSelector"`
	Egress           []CiliumRule         `json:"egress"`
	Ingress          []CiliumRule         `json:"ingress"`
}

// CiliumRule allows connections with entities, at all ports when it names none.
type CiliumRule struct {
	ToEntities   []string      `json:"toEntities"`
	FromEntities []string      `json:"fromEntities"`
	ToPorts      []CiliumPorts `json:"toPorts"`
}

// CiliumPorts are ports of a rule.
type CiliumPorts struct {
	Ports []struct {
		Port     string `json:"port"`
		Protocol string `json:"protocol"`
	} `json:"ports"`
}

// NewCiliumPolicy reads a CiliumNetworkPolicy.
func NewCiliumPolicy(object *unstructured.Unstructured) (CiliumPolicy, error) {
	var policy CiliumPolicy
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &policy)
	if err != nil {
		return CiliumPolicy{}, fmt.Errorf("CiliumNetworkPolicy %s/%s: %w", object.GetNamespace(), object.GetName(), err)
	}
	return policy, nil
}

func (p CiliumPolicy) egress() []CiliumRule  { return p.Spec.Egress }
func (p CiliumPolicy) ingress() []CiliumRule { return p.Spec.Ingress }

// cilium lists what Cilium's own policies allow a pod in a direction, and whether they
// isolate it.
func (s State) cilium(pod *corev1.Pod, of func(CiliumPolicy) []CiliumRule, address string) (lines []string, isolated bool) {
	for _, policy := range s.Cilium {
		rules := of(policy)
		if policy.Namespace != pod.Namespace || len(rules) == 0 || !matches(&policy.Spec.EndpointSelector, pod.Labels) {
			continue
		}
		isolated = true
		for _, rule := range rules {
			for _, entity := range append(rule.ToEntities, rule.FromEntities...) {
				for _, peer := range s.entity(entity, address) {
					for _, port := range ciliumPorts(rule.ToPorts) {
						lines = append(lines, peer+" "+port)
					}
				}
			}
		}
	}
	return lines, isolated
}

// entity are the addresses of an entity as matches of nftables; one that is not known has
// none.
func (s State) entity(name, address string) []string {
	switch name {
	case "kube-apiserver":
		return []string{"ip " + address + " " + s.APIServer.String()}
	case "host", "remote-node":
		if nodes := s.nodes(); len(nodes) > 0 {
			return []string{"ip " + address + " { " + strings.Join(nodes, ", ") + " }"}
		}
	}
	return nil
}

func ciliumPorts(groups []CiliumPorts) []string {
	if len(groups) == 0 {
		return []string{""}
	}
	var found []string
	for _, group := range groups {
		for _, port := range group.Ports {
			protocols := []string{strings.ToLower(port.Protocol)}
			if port.Protocol == "" || port.Protocol == "ANY" {
				protocols = []string{"tcp", "udp"}
			}
			for _, protocol := range protocols {
				found = append(found, protocol+" dport "+port.Port)
			}
		}
	}
	return found
}
