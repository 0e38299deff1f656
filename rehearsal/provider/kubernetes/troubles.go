package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

const logLines = 5 // of a container that crashed

// trouble is what keeps one container of a pod, or the pod, from being ready.
type trouble struct {
	pod       *corev1.Pod
	container string // empty: the pod as a whole
	reason    string // as the kubelet names it, or "" for one that merely is not ready
	what      string // for a person; the same for every pod with the same trouble
	crashed   bool   // it ended by itself, and its log may say why
	previous  bool   // what ended is the run before this one
	hopeless  bool   // waiting does not mend it
}

// hopeless are the reasons for which a container waits until somebody changes
// its pod, or something that the pod refers to. A crash may pass, and so may a
// registry that does not answer.
var hopeless = map[string]bool{
	"CreateContainerConfigError": true, // a Secret or ConfigMap that is missing
	"ErrImageNeverPull":          true,
	"InvalidImageName":           true,
}

// troublesOf says what is wrong with a pod. Containers that are being started
// are not in trouble.
func troublesOf(pod *corev1.Pod) []trouble {
	var found []trouble
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			found = append(found, trouble{pod: pod, reason: condition.Reason, what: "not scheduled: " + condition.Message})
		}
	}
	for _, container := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		one := trouble{pod: pod, container: container.Name, previous: true}
		last := container.LastTerminationState.Terminated
		one.crashed = last != nil && last.ExitCode != 0
		switch state := container.State; {
		case state.Waiting != nil && one.crashed && state.Waiting.Reason == "CrashLoopBackOff":
			// The kubelet's message names the pod and a delay that grows.
			one.reason = state.Waiting.Reason
			one.what = fmt.Sprintf("container %s crashes and is waiting to be restarted: CrashLoopBackOff (%s)", container.Name, ending(last))
		case state.Waiting != nil:
			one.reason = state.Waiting.Reason
			if one.reason == "" || one.reason == "PodInitializing" || one.reason == "ContainerCreating" {
				continue
			}
			one.hopeless = hopeless[one.reason]
			one.what = fmt.Sprintf("container %s is waiting: %s: %s", container.Name, one.reason, state.Waiting.Message)
		case state.Terminated != nil && state.Terminated.ExitCode != 0:
			one.reason, one.crashed, one.previous = "Crashed", true, false
			one.what = fmt.Sprintf("container %s ended with %s", container.Name, ending(state.Terminated))
		case state.Running != nil && !container.Ready && one.crashed:
			one.reason = "Crashed"
			one.what = fmt.Sprintf("container %s runs again but is not ready; it ended with %s", container.Name, ending(last))
		case state.Running != nil && !container.Ready:
			one.what = fmt.Sprintf("container %s runs but is not ready", container.Name)
		default:
			continue
		}
		found = append(found, one)
	}
	return found
}

func ending(state *corev1.ContainerStateTerminated) string {
	return fmt.Sprintf("exit code %d: %s", state.ExitCode, state.Reason)
}

// shared is one trouble that some pods have in common.
type shared struct {
	trouble
	pods int
}

func (s shared) String() string {
	if s.pods == 1 {
		return fmt.Sprintf("pod %s: %s", s.pod.Name, s.what)
	}
	return fmt.Sprintf("pod %s and %d more: %s", s.pod.Name, s.pods-1, s.what)
}

// together puts the same troubles of several pods into one, in the pods' order.
func together(pods []corev1.Pod) []shared {
	var found []shared
	for i := range pods {
		for _, one := range troublesOf(&pods[i]) {
			at := slices.IndexFunc(found, func(s shared) bool { return s.what == one.what })
			if at < 0 {
				found = append(found, shared{trouble: one})
				at = len(found) - 1
			}
			found[at].pods++
		}
	}
	return found
}

// lastLines is the end of what a container wrote, "" when it cannot be had.
func (t trouble) lastLines(ctx context.Context, c *cluster) string {
	lines := int64(logLines)
	text, err := c.typed.CoreV1().Pods(t.pod.Namespace).GetLogs(t.pod.Name, &corev1.PodLogOptions{
		Container: t.container, TailLines: &lines, Previous: t.previous,
	}).DoRaw(ctx)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// watch reports what is wrong with a workload's pods while the engine waits for
// them, so that a container that crashed in the first second is seen at once. It is for one object and one wait.
type watch struct {
	p     *Provider
	c     *cluster
	urn   resource.URN
	next  time.Time            // of the next look
	last  string               // what the last look found
	since map[string]time.Time // when a hopeless container was first seen so
	told  map[string]bool      // crashes whose logs have been shown
}

func (p *Provider) watch(c *cluster, urn resource.URN) *watch {
	return &watch{p: p, c: c, urn: urn, since: map[string]time.Time{}, told: map[string]bool{}}
}

// look says in one line what is wrong with the object's pods, "" when nothing
// is, and returns an error when waiting for them is of no use. Between two looks
// it repeats what it found last.
func (w *watch) look(ctx context.Context, object *unstructured.Unstructured) (string, error) {
	if time.Now().Before(w.next) {
		return w.last, nil
	}
	w.next = time.Now().Add(w.p.awaits.watch)
	pods, err := w.c.currentPods(ctx, object)
	if err != nil {
		return w.last, nil // the wait itself meets what does not pass
	}
	w.last = ""
	for _, one := range together(pods) {
		if one.reason == "" {
			continue // not ready yet is no trouble yet
		}
		if w.last == "" {
			w.last = one.String()
		}
		if one.reason == "CrashLoopBackOff" {
			w.tell(ctx, one)
		}
	}
	return w.last, w.given(pods)
}

// tell shows a crash once, with the end of the log.
func (w *watch) tell(ctx context.Context, crash shared) {
	key := crash.container + " " + crash.reason
	if w.told[key] {
		return
	}
	w.told[key] = true
	message := crash.String()
	if tail := crash.lastLines(ctx, w.c); tail != "" {
		message += "; it wrote last:\n" + tail
	}
	w.p.host.Log(ctx, diag.Warning, w.urn, message)
}

// given is an error when a container has been hopeless for long enough.
func (w *watch) given(pods []corev1.Pod) error {
	seen := map[string]time.Time{}
	var failed error
	for i := range pods {
		for _, one := range troublesOf(&pods[i]) {
			if !one.hopeless {
				continue
			}
			key := string(one.pod.UID) + "/" + one.container
			since, known := w.since[key]
			if !known {
				since = time.Now()
			}
			seen[key] = since
			if failed == nil && time.Since(since) >= w.p.awaits.hopeless {
				failed = fmt.Errorf("pod %s: %s; this has not changed for %s and does not mend by waiting",
					one.pod.Name, one.what, w.p.awaits.hopeless)
			}
		}
	}
	w.since = seen // a problem that comes back counts from its return
	return failed
}

// currentPods are the pods that a workload's controller made for what the
// object now says, newest first. Those of an earlier revision may be in a trouble that the
// current one is about to end. It is empty for other kinds.
func (c *cluster) currentPods(ctx context.Context, object *unstructured.Unstructured) ([]corev1.Pod, error) {
	if outdated(object) {
		return nil, nil
	}
	var belongs func(*corev1.Pod) bool
	switch object.GroupVersionKind().GroupKind() {
	case kindDeployment:
		set, err := c.currentSet(ctx, object)
		if err != nil || set == "" {
			return nil, err
		}
		belongs = func(pod *corev1.Pod) bool {
			owner := metav1.GetControllerOf(pod)
			return owner != nil && owner.UID == set
		}
	case kindStatefulSet:
		revision, _, _ := unstructured.NestedString(object.Object, "status", "updateRevision")
		belongs = func(pod *corev1.Pod) bool { return pod.Labels["controller-revision-hash"] == revision }
	case kindDaemonSet:
		generation := annotation(object, "deprecated.daemonset.template.generation")
		belongs = func(pod *corev1.Pod) bool { return pod.Labels["pod-template-generation"] == generation }
	case kindJob, kindController, kindPod:
		belongs = func(*corev1.Pod) bool { return true }
	default:
		return nil, nil
	}
	pods, err := c.pods(ctx, object)
	return slices.DeleteFunc(pods, func(pod corev1.Pod) bool {
		return pod.DeletionTimestamp != nil || !belongs(&pod)
	}), err
}

// currentSet is the ReplicaSet of a Deployment's current revision, "" while
// there is none.
func (c *cluster) currentSet(ctx context.Context, object *unstructured.Unstructured) (types.UID, error) {
	const revision = "deployment.kubernetes.io/revision"
	sets, err := c.typed.AppsV1().ReplicaSets(object.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: podSelector(object)})
	if err != nil {
		return "", err
	}
	for i := range sets.Items {
		set := &sets.Items[i]
		owner := metav1.GetControllerOf(set)
		if owner != nil && owner.UID == object.GetUID() && set.Annotations[revision] == annotation(object, revision) {
			return set.UID, nil
		}
	}
	return "", nil
}

// pods are those that an object selects, newest first, whatever made them.
func (c *cluster) pods(ctx context.Context, object *unstructured.Unstructured) ([]corev1.Pod, error) {
	options := metav1.ListOptions{LabelSelector: podSelector(object)}
	if options.LabelSelector == "" {
		if object.GroupVersionKind().GroupKind() != kindPod {
			return nil, nil
		}
		options.FieldSelector = "metadata.name=" + object.GetName()
	}
	pods, err := c.typed.CoreV1().Pods(object.GetNamespace()).List(ctx, options)
	if err != nil {
		return nil, err
	}
	// The newest pods are the ones that a change is about.
	slices.SortStableFunc(pods.Items, func(a, b corev1.Pod) int {
		return b.CreationTimestamp.Compare(a.CreationTimestamp.Time)
	})
	return pods.Items, nil
}
