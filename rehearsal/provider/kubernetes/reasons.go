package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	maxPods  = 5  // of one object whose troubles are told
	logLines = 10 // of a container that failed
)

// reasons gathers why an object is not ready: what it says itself, and what
// its pods say. It does its best and never fails.
func (p *Provider) reasons(
	ctx context.Context, c *cluster, object *unstructured.Unstructured, message string,
) []string {
	var out []string
	if message != "" {
		out = append(out, message)
	}
	chosen := podSelector(object)
	if chosen == "" && object.GroupVersionKind().GroupKind() != kindPod {
		return out
	}
	options := metav1.ListOptions{LabelSelector: chosen}
	if chosen == "" {
		options.FieldSelector = "metadata.name=" + object.GetName()
	}
	pods, err := c.typed.CoreV1().Pods(object.GetNamespace()).List(ctx, options)
	if err != nil {
		return out
	}
	// The newest pods are the ones that the change is about.
	slices.SortFunc(pods.Items, func(a, b corev1.Pod) int {
		return b.CreationTimestamp.Compare(a.CreationTimestamp.Time)
	})
	told := 0
	for i := range pods.Items {
		if told == maxPods {
			break
		}
		troubles := podTroubles(ctx, c, &pods.Items[i])
		if len(troubles) == 0 {
			continue
		}
		told++
		for _, trouble := range troubles {
			out = append(out, fmt.Sprintf("pod %s: %s", pods.Items[i].Name, trouble))
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

// podTroubles says why a pod is not ready, and what its failed containers
// wrote last.
func podTroubles(ctx context.Context, c *cluster, pod *corev1.Pod) []string {
	var out []string
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			out = append(out, fmt.Sprintf("not scheduled: %s", condition.Message))
		}
	}
	for _, container := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		crashed := false
		switch state := container.State; {
		case state.Waiting != nil && state.Waiting.Reason != "PodInitializing" && state.Waiting.Reason != "ContainerCreating":
			out = append(out, fmt.Sprintf("container %s is waiting: %s: %s",
				container.Name, state.Waiting.Reason, state.Waiting.Message))
			crashed = container.LastTerminationState.Terminated != nil
		case state.Terminated != nil && state.Terminated.ExitCode != 0:
			out = append(out, fmt.Sprintf("container %s ended with exit code %d: %s",
				container.Name, state.Terminated.ExitCode, state.Terminated.Reason))
			crashed = true
		case state.Running != nil && !container.Ready:
			out = append(out, fmt.Sprintf("container %s runs but is not ready", container.Name))
			crashed = container.LastTerminationState.Terminated != nil
		}
		if !crashed {
			continue
		}
		previous := container.State.Terminated == nil
		if tail := lastLines(ctx, c, pod, container.Name, previous); tail != "" {
			out = append(out, fmt.Sprintf("container %s wrote last:\n%s", container.Name, tail))
		}
	}
	return out
}

func lastLines(ctx context.Context, c *cluster, pod *corev1.Pod, container string, previous bool) string {
	lines := int64(logLines)
	text, err := c.typed.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: container, TailLines: &lines, Previous: previous,
	}).DoRaw(ctx)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
