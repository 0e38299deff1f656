package kubernetes

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

const maxTroubles = 5 // of one object that are told

// reasons gathers why an object is not ready: what it says itself, and what
// its pods say, each trouble once. It does its best and never fails.
func (p *Provider) reasons(
	ctx context.Context, c *cluster, object *unstructured.Unstructured, message string,
) []string {
	var out []string
	if message != "" {
		out = append(out, message)
	}
	pods, err := c.pods(ctx, object)
	if err != nil {
		return out
	}
	for i, one := range together(pods) {
		if i == maxTroubles {
			break
		}
		out = append(out, one.String())
		if !one.crashed {
			continue
		}
		if tail := one.lastLines(ctx, c); tail != "" {
			out = append(out, fmt.Sprintf("container %s wrote last:\n%s", one.container, tail))
		}
	}
	return out
}

// podSelector selects the pods of a workload, or nothing.
func podSelector(object *unstructured.Unstructured) string {
	switch object.GroupVersionKind().GroupKind() {
	case kindDeployment, kindStatefulSet, kindDaemonSet, kindJob:
		raw, ok, _ := unstructured.NestedMap(object.Object, "spec", "selector")
		if !ok {
			return ""
		}
		matched, _, _ := unstructured.NestedStringMap(raw, "matchLabels")
		return labels.SelectorFromSet(matched).String()
	case kindService, kindController:
		matched, _, _ := unstructured.NestedStringMap(object.Object, "spec", "selector")
		return labels.SelectorFromSet(matched).String()
	default:
		return ""
	}
}
