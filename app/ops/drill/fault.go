package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wealth-companion/companion/app/core/event"
)

const (
	daprScheduler = "dapr-scheduler-server"
	brokerLabel   = "strimzi.io/name=events-kafka"
	kafkaPort     = 9093
	databasePort  = 5432
)

func service(name string) string { return "app.kubernetes.io/name=" + name }

// killed ends a pod with the label as a crash does, without a word before.
func killed(namespace, label string) func(context.Context, *field) error {
	return func(ctx context.Context, f *field) error {
		pod, err := f.readyPod(ctx, namespace, label)
		if err != nil {
			return err
		}
		f.says("killed %s/%s on %s", namespace, pod.Name, pod.Spec.NodeName)
		return f.cluster.CoreV1().Pods(namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)})
	}
}

// readyPod is the first ready pod with the label.
func (f *field) readyPod(ctx context.Context, namespace, label string) (corev1.Pod, error) {
	list, err := f.cluster.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: label})
	if err != nil {
		return corev1.Pod{}, err
	}
	for _, pod := range list.Items {
		if ready(pod) {
			return pod, nil
		}
	}
	return corev1.Pod{}, fmt.Errorf("no pod of %s with %s is ready", namespace, label)
}

func ready(pod corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// scaledDown takes away every pod of the Deployments and StatefulSets of a namespace that are of
// interest.
func scaledDown(namespace string, of func(name string) bool) func(context.Context, *field) error {
	return func(ctx context.Context, f *field) error {
		taken := 0
		deployments, err := f.cluster.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, one := range deployments.Items {
			if !of(one.Name) || pods(one.Spec.Replicas) == 0 {
				continue
			}
			if err := f.patchDeployment(ctx, namespace, one.Name, f.away(pods(one.Spec.Replicas))); err != nil {
				return err
			}
			taken++
		}
		sets, err := f.cluster.AppsV1().StatefulSets(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, one := range sets.Items {
			if !of(one.Name) || pods(one.Spec.Replicas) == 0 {
				continue
			}
			if err := f.patchStatefulSet(ctx, namespace, one.Name, f.away(pods(one.Spec.Replicas))); err != nil {
				return err
			}
			taken++
		}
		if taken == 0 {
			return fmt.Errorf("nothing of namespace %s is there to be taken away", namespace)
		}
		f.says("scaled %d of namespace %s to none", taken, namespace)
		return nil
	}
}

func pods(replicas *int32) int32 {
	if replicas == nil {
		return 1
	}
	return *replicas
}

// redisAway takes Redis away, and then kills a pod of the backend, whose successor has to start
// without it.
func redisAway(ctx context.Context, f *field) error {
	if err := scaledDown("data", func(name string) bool { return name == "redis" })(ctx, f); err != nil {
		return err
	}
	for range 60 {
		list, err := f.cluster.CoreV1().Pods("data").List(ctx, metav1.ListOptions{LabelSelector: service("redis")})
		if err != nil {
			return err
		}
		if len(list.Items) == 0 {
			return f.startsWithout(ctx, "Redis")
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	return errors.New("the pod of Redis does not end")
}

// startsWithout kills a pod of the backend, and waits until it is replaced. What it starts without
// must be away for longer than the kubelet waits between attempts.
func (f *field) startsWithout(ctx context.Context, what string) error {
	before := map[string]bool{}
	list, err := f.cluster.CoreV1().Pods(application).List(ctx, metav1.ListOptions{LabelSelector: service(event.Backend)})
	if err != nil {
		return err
	}
	for _, pod := range list.Items {
		before[pod.Name] = true
	}
	if err := killed(application, service(event.Backend))(ctx, f); err != nil {
		return err
	}
	for range 60 {
		list, err := f.cluster.CoreV1().Pods(application).List(ctx, metav1.ListOptions{LabelSelector: service(event.Backend)})
		if err != nil {
			return err
		}
		for _, pod := range list.Items {
			if !before[pod.Name] && ready(pod) {
				f.says("%s has started without %s", pod.Name, what)
				return nil
			}
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	return fmt.Errorf("a pod of the backend does not start without %s", what)
}

// cutOff takes the rules with a port out of what a service's network policy lets it connect to.
func cutOff(name string, port int32) func(context.Context, *field) error {
	return func(ctx context.Context, f *field) error {
		policy, err := f.cluster.NetworkingV1().NetworkPolicies(application).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(slices.Clone(policy.Spec.Egress), func(rule networkingv1.NetworkPolicyEgressRule) bool {
			return slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port != nil && p.Port.IntVal == port })
		})
		if len(left) == len(policy.Spec.Egress) {
			return fmt.Errorf("the network policy %s has no rule with port %d", name, port)
		}
		before, err := json.Marshal(policy.Spec.Egress)
		if err != nil {
			return err
		}
		f.says("%s may not connect to port %d any more", name, port)
		return f.patchPolicy(ctx, name, map[string]any{
			"metadata": f.mark(egressBefore, string(before)), "spec": map[string]any{"egress": left},
		})
	}
}

// The bounds of a drain.
const (
	drainTime  = 3 * time.Minute
	drainPause = time.Second
)

// drained takes a node with a pod of the backend out of use, and evicts what is on it as an
// upgrade of nodes does: disruption budgets decide how fast.
func drained(ctx context.Context, f *field) error {
	pod, err := f.readyPod(ctx, application, service(event.Backend))
	if err != nil {
		return err
	}
	node := pod.Spec.NodeName
	if err := f.patchNode(ctx, node, map[string]any{"metadata": f.mark("", ""), "spec": map[string]any{"unschedulable": true}}); err != nil {
		return err
	}
	f.says("node %s takes no pods any more", node)
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	for {
		left, err := f.evict(ctx, node)
		if err != nil {
			return err
		}
		if left == 0 {
			f.says("node %s is empty", node)
			return nil
		}
		if pause(ctx, drainPause) != nil {
			return fmt.Errorf("node %s: %d pods are still there after %s", node, left, drainTime)
		}
	}
}

// evict asks for the eviction of every pod of a node that a drain evicts, and returns how many are
// there yet.
func (f *field) evict(ctx context.Context, node string) (int, error) {
	list, err := f.cluster.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return 0, err
	}
	left := 0
	for _, pod := range list.Items {
		if pod.Spec.NodeName != node || stays(pod) {
			continue
		}
		left++
		if pod.DeletionTimestamp != nil {
			continue
		}
		err := f.cluster.PolicyV1().Evictions(pod.Namespace).Evict(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace}})
		if err != nil && !apierrors.IsTooManyRequests(err) && !apierrors.IsNotFound(err) { // a budget has it wait
			return 0, fmt.Errorf("evict %s/%s: %w", pod.Namespace, pod.Name, err)
		}
	}
	return left, nil
}

// stays tells whether a drain leaves the pod: it has ended, or belongs to its node.
func stays(pod corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return true
	}
	return slices.ContainsFunc(pod.OwnerReferences, func(o metav1.OwnerReference) bool { return o.Kind == "DaemonSet" || o.Kind == "Node" })
}

// What a drill changes says so by a label, whose value is the drill's name, and has in an
// annotation what was there before: Repair needs no other memory, so that it works too after a
// drill that was ended by force.
const (
	markLabel      = "companion/drill"
	replicasBefore = "companion/drill-replicas"
	egressBefore   = "companion/drill-egress"
)

// mark is metadata of what a drill changes.
func (f *field) mark(annotation, before string) map[string]any {
	metadata := map[string]any{"labels": map[string]any{markLabel: f.drill}}
	if annotation != "" {
		metadata["annotations"] = map[string]any{annotation: before}
	}
	return metadata
}

// unmarked takes the mark away.
func unmarked() map[string]any {
	return map[string]any{
		"labels":      map[string]any{markLabel: nil},
		"annotations": map[string]any{replicasBefore: nil, egressBefore: nil},
	}
}

// away is the change of something that gets no pods.
func (f *field) away(before int32) map[string]any {
	return map[string]any{"metadata": f.mark(replicasBefore, fmt.Sprint(before)), "spec": map[string]any{"replicas": 0}}
}

// back is the change of something that gets as many pods as it had.
func back(annotations map[string]string) (map[string]any, error) {
	var before int32
	if _, err := fmt.Sscan(annotations[replicasBefore], &before); err != nil {
		return nil, fmt.Errorf("its annotation %s is %q: set its replicas by hand, and remove the label %s", replicasBefore, annotations[replicasBefore], markLabel)
	}
	return map[string]any{"metadata": unmarked(), "spec": map[string]any{"replicas": before}}, nil
}

func (f *field) patchNode(ctx context.Context, name string, change map[string]any) error {
	raw, err := json.Marshal(change)
	if err != nil {
		return err
	}
	_, err = f.cluster.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, raw, metav1.PatchOptions{})
	return err
}

func (f *field) patchDeployment(ctx context.Context, namespace, name string, change map[string]any) error {
	raw, err := json.Marshal(change)
	if err != nil {
		return err
	}
	_, err = f.cluster.AppsV1().Deployments(namespace).Patch(ctx, name, types.MergePatchType, raw, metav1.PatchOptions{})
	return err
}

func (f *field) patchStatefulSet(ctx context.Context, namespace, name string, change map[string]any) error {
	raw, err := json.Marshal(change)
	if err != nil {
		return err
	}
	_, err = f.cluster.AppsV1().StatefulSets(namespace).Patch(ctx, name, types.MergePatchType, raw, metav1.PatchOptions{})
	return err
}

func (f *field) patchPolicy(ctx context.Context, name string, change map[string]any) error {
	raw, err := json.Marshal(change)
	if err != nil {
		return err
	}
	_, err = f.cluster.NetworkingV1().NetworkPolicies(application).Patch(ctx, name, types.MergePatchType, raw, metav1.PatchOptions{})
	return err
}

// repair puts right whatever a drill has changed, of this run or of one that was ended by force. It
// goes on when something fails, and may be called again.
func (f *field) repair(ctx context.Context) error {
	marked := metav1.ListOptions{LabelSelector: markLabel}
	var failed []error
	note := func(kind, name string, err error) {
		if err != nil {
			failed = append(failed, fmt.Errorf("%s %s: %w", kind, name, err))
			return
		}
		f.says("%s is as before", strings.TrimSpace(kind+" "+name))
	}
	nodes, err := f.cluster.CoreV1().Nodes().List(ctx, marked)
	if err != nil {
		failed = append(failed, err)
	} else {
		for _, one := range nodes.Items {
			note("node", one.Name, f.patchNode(ctx, one.Name, map[string]any{"metadata": unmarked(), "spec": map[string]any{"unschedulable": nil}}))
		}
	}
	deployments, err := f.cluster.AppsV1().Deployments("").List(ctx, marked)
	if err != nil {
		failed = append(failed, err)
	} else {
		for _, one := range deployments.Items {
			change, err := back(one.Annotations)
			if err == nil {
				err = f.patchDeployment(ctx, one.Namespace, one.Name, change)
			}
			note("Deployment", one.Namespace+"/"+one.Name, err)
		}
	}
	sets, err := f.cluster.AppsV1().StatefulSets("").List(ctx, marked)
	if err != nil {
		failed = append(failed, err)
	} else {
		for _, one := range sets.Items {
			change, err := back(one.Annotations)
			if err == nil {
				err = f.patchStatefulSet(ctx, one.Namespace, one.Name, change)
			}
			note("StatefulSet", one.Namespace+"/"+one.Name, err)
		}
	}
	policies, err := f.cluster.NetworkingV1().NetworkPolicies(application).List(ctx, marked)
	if err != nil {
		failed = append(failed, err)
	} else {
		for _, one := range policies.Items {
			var before []networkingv1.NetworkPolicyEgressRule
			err := json.Unmarshal([]byte(one.Annotations[egressBefore]), &before)
			if err == nil {
				err = f.patchPolicy(ctx, one.Name, map[string]any{"metadata": unmarked(), "spec": map[string]any{"egress": before}})
			}
			note("NetworkPolicy", one.Name, err)
		}
	}
	return errors.Join(failed...)
}
