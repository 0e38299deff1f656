package autoscaler

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	podresource "k8s.io/component-helpers/resource"
	scheduling "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"
)

// Annotations by which pods tell the autoscaler whether they may be moved.
const (
	safeToEvict        = "cluster-autoscaler.kubernetes.io/safe-to-evict"
	safeToEvictVolumes = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
)

// room is what a node has left, and for how many pods.
type room struct {
	free corev1.ResourceList
	pods int64
}

// roomOf is what a node has left beside pods.
func roomOf(node corev1.Node, pods []corev1.Pod) room {
	r := room{free: node.Status.Allocatable, pods: node.Status.Allocatable.Pods().Value()}
	for _, pod := range pods {
		r = r.less(pod)
	}
	return r
}

func (r room) fits(pod corev1.Pod) bool {
	if r.pods < 1 {
		return false
	}
	for name, quantity := range asks(pod) {
		if free := r.free[name]; free.Cmp(quantity) < 0 {
			return false
		}
	}
	return true
}

// less is what is left when the pod has its place; r stays as it was.
func (r room) less(pod corev1.Pod) room {
	free := r.free.DeepCopy()
	for name, quantity := range asks(pod) {
		left := free[name]
		left.Sub(quantity)
		free[name] = left
	}
	return room{free: free, pods: r.pods - 1}
}

func asks(pod corev1.Pod) corev1.ResourceList {
	return podresource.PodRequests(&pod, podresource.PodResourcesOptions{})
}

func cpuOf(pod corev1.Pod) *resource.Quantity {
	list := asks(pod)
	return list.Cpu()
}

func memoryOf(pod corev1.Pod) *resource.Quantity {
	list := asks(pod)
	return list.Memory()
}

// admits tells whether the scheduler may put the pod on the node, if there is room.
func admits(node corev1.Node, pod corev1.Pod) bool {
	if node.Spec.Unschedulable {
		return false
	}
	matches, err := nodeaffinity.GetRequiredNodeAffinity(&pod).Match(&node)
	if err != nil || !matches {
		return false
	}
	_, untolerated := scheduling.FindMatchingUntoleratedTaint(klog.Background(), node.Spec.Taints, pod.Spec.Tolerations, func(t *corev1.Taint) bool {
		return t.Effect != corev1.TaintEffectPreferNoSchedule
	}, true)
	return !untolerated
}

// reaches tells whether the pod's volumes can be mounted there.
func reaches(node corev1.Node, pod corev1.Pod, view View) bool {
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim == nil {
			continue
		}
		volume, bound := view.Volumes[pod.Namespace+"/"+v.PersistentVolumeClaim.ClaimName]
		if !bound || volume.Spec.NodeAffinity == nil || volume.Spec.NodeAffinity.Required == nil {
			continue
		}
		matches, err := scheduling.MatchNodeSelectorTerms(&node, volume.Spec.NodeAffinity.Required)
		if err != nil || !matches {
			return false
		}
	}
	return true
}

// daemonsOf are the pods that a new node would be given by DaemonSets: one of each, as it
// runs elsewhere.
func daemonsOf(node corev1.Node, pods []corev1.Pod) []corev1.Pod {
	seen := map[types.UID]bool{}
	var found []corev1.Pod
	for _, pod := range pods {
		owner := metav1.GetControllerOf(&pod)
		if owner == nil || owner.Kind != "DaemonSet" || seen[owner.UID] {
			continue
		}
		anywhere := *pod.DeepCopy()
		anywhere.Spec.Affinity = nil // pins it to its node by name
		if admits(node, anywhere) {
			seen[owner.UID] = true
			found = append(found, pod)
		}
	}
	return found
}

// podsOn are the pods that have their place on a node and have not ended.
func podsOn(pods []corev1.Pod, node string) []corev1.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(pod corev1.Pod) bool {
		return pod.Spec.NodeName != node || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	})
}

// utilization is the larger share of CPU and memory that pods ask for.
func utilization(node corev1.Node, pods []corev1.Pod) float64 {
	var cpu, memory resource.Quantity
	for _, pod := range pods {
		cpu.Add(*cpuOf(pod))
		memory.Add(*memoryOf(pod))
	}
	share := func(of, in *resource.Quantity) float64 {
		if in.IsZero() {
			return 1
		}
		return of.AsApproximateFloat64() / in.AsApproximateFloat64()
	}
	return max(share(&cpu, node.Status.Allocatable.Cpu()), share(&memory, node.Status.Allocatable.Memory()))
}

// movable tells whether all pods of a node may be evicted now: something starts each anew,
// it keeps nothing on the node, and disruption budgets allow it.
func movable(pods []corev1.Pod, budgets []policyv1.PodDisruptionBudget) bool {
	allowed := make([]int32, len(budgets))
	for i, b := range budgets {
		allowed[i] = b.Status.DisruptionsAllowed
	}
	for _, pod := range pods {
		if stays(pod) {
			continue
		}
		if pod.Annotations[safeToEvict] == "false" {
			return false
		}
		willing := pod.Annotations[safeToEvict] == "true"
		if !willing && (metav1.GetControllerOf(&pod) == nil || keepsFiles(pod)) {
			return false
		}
		budgeted := false
		for i, b := range budgets {
			if !covers(b, pod) {
				continue
			}
			budgeted = true
			if allowed[i]--; allowed[i] < 0 {
				return false
			}
		}
		if pod.Namespace == metav1.NamespaceSystem && !budgeted && !willing {
			return false
		}
	}
	return true
}

// stays tells pods that go with their node: DaemonSets', and those of the kubelet's own files.
func stays(pod corev1.Pod) bool {
	if _, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]; mirror {
		return true
	}
	owner := metav1.GetControllerOf(&pod)
	return owner != nil && owner.Kind == "DaemonSet"
}

// keepsFiles tells whether the pod has local storage that it did not call dispensable.
func keepsFiles(pod corev1.Pod) bool {
	dispensable := strings.Split(pod.Annotations[safeToEvictVolumes], ",")
	return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		local := v.HostPath != nil || v.EmptyDir != nil && v.EmptyDir.Medium != corev1.StorageMediumMemory
		return local && !slices.Contains(dispensable, v.Name)
	})
}

// covers tells whether a disruption budget counts the pod.
func covers(b policyv1.PodDisruptionBudget, pod corev1.Pod) bool {
	if b.Namespace != pod.Namespace {
		return false
	}
	selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
	return err == nil && selector.Matches(labels.Set(pod.Labels))
}

// fitElsewhere tells whether a node's pods have room on the others, as they are.
func fitElsewhere(node corev1.Node, pods []corev1.Pod, view View) bool {
	rooms := map[string]room{}
	for _, pod := range pods {
		if stays(pod) {
			continue
		}
		found := false
		for _, other := range view.Nodes {
			if other.Name == node.Name || !ready(other) || !admits(other, pod) || !reaches(other, pod, view) {
				continue
			}
			r, ok := rooms[other.Name]
			if !ok {
				r = roomOf(other, podsOn(view.Pods, other.Name))
			}
			if r.fits(pod) {
				rooms[other.Name], found = r.less(pod), true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func ready(node corev1.Node) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}
