package autoscaler

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
)

// Settings are the cluster's, by DigitalOcean's names.
type Settings struct {
	// ScaleDownUtilizationThreshold is the share of a node's allocatable CPU and memory that
	// its pods ask for, from 0 to 1, from which on the node stays.
	ScaleDownUtilizationThreshold float64
	// ScaleDownUnneededTime is how long a node must have been below it.
	ScaleDownUnneededTime time.Duration
}

// Defaults are what DigitalOcean takes where a cluster says nothing.
var Defaults = Settings{ScaleDownUtilizationThreshold: 0.65, ScaleDownUnneededTime: time.Minute}

// Pool is a pool that is autoscaled.
type Pool struct {
	ID       string
	Min, Max int
	// Template is a node as the pool would add it: labels, taints and what it offers.
	Template corev1.Node
	// Nodes are the names of those that stay, also of those that are still to register.
	Nodes []string
}

// View is what the API server tells of the cluster.
type View struct {
	Nodes   []corev1.Node
	Pods    []corev1.Pod
	Budgets []policyv1.PodDisruptionBudget
	// Volumes are the persistent volumes by the claims that hold them, as namespace/name.
	Volumes map[string]corev1.PersistentVolume
}

// Decision is what is to change now. Both are empty most of the time.
type Decision struct {
	Grow   map[string]int // nodes to add, by the pool's id
	Remove string         // the name of a node to drain and remove
	Why    string         // in words, for the log
}

// Autoscaler remembers since when nodes have been unneeded.
type Autoscaler struct{ unneeded map[string]time.Time }

// Look decides. A pool never leaves its bounds, and one node at most is removed at a time.
func (a *Autoscaler) Look(view View, pools []Pool, settings Settings, now time.Time) Decision {
	if d := grow(view, pools); len(d.Grow) > 0 {
		a.unneeded = nil
		return d
	}
	return a.shrink(view, pools, settings, now)
}

// grow packs the pods that wait into nodes that are yet to come, and into as few more as it takes.
func grow(view View, pools []Pool) Decision {
	waiting := waitingPods(view.Pods)
	decision := Decision{Grow: map[string]int{}}
	// Nodes that were added and have not registered take pods first.
	for _, p := range pools {
		coming := 0
		for _, name := range p.Nodes {
			if !slices.ContainsFunc(view.Nodes, func(n corev1.Node) bool { return n.Name == name && ready(n) }) {
				coming++
			}
		}
		waiting, _ = pack(waiting, p, coming, view)
	}
	for len(waiting) > 0 {
		type option struct {
			pool  Pool
			left  []corev1.Pod
			nodes int
		}
		var options []option
		for _, p := range pools {
			left, nodes := pack(waiting, p, p.Max-len(p.Nodes)-decision.Grow[p.ID], view)
			if len(left) < len(waiting) {
				options = append(options, option{p, left, nodes})
			}
		}
		if len(options) == 0 {
			break
		}
		best := slices.MinFunc(options, func(x, y option) int {
			return cmp.Or(len(x.left)-len(y.left), x.nodes-y.nodes, cmp.Compare(x.pool.ID, y.pool.ID))
		})
		helped := len(waiting) - len(best.left)
		decision.Grow[best.pool.ID] += best.nodes
		decision.Why = fmt.Sprintf("%d pods have no place, of which %d more nodes take %d, %s/%s among them",
			len(waiting), best.nodes, helped, waiting[0].Namespace, waiting[0].Name)
		waiting = best.left
	}
	return decision
}

// pack puts pods into at most so many nodes of a pool, each pod into the first that has room
// for it, and returns those left over and how many nodes it took.
func pack(pods []corev1.Pod, p Pool, most int, view View) (left []corev1.Pod, nodes int) {
	var opened []room
	empty := roomOf(p.Template, daemonsOf(p.Template, view.Pods))
	for _, pod := range pods {
		if !admits(p.Template, pod) || !reaches(p.Template, pod, view) {
			left = append(left, pod)
			continue
		}
		at := slices.IndexFunc(opened, func(r room) bool { return r.fits(pod) })
		if at < 0 && len(opened) < most && empty.fits(pod) {
			opened = append(opened, empty)
			at = len(opened) - 1
		}
		if at < 0 {
			left = append(left, pod)
			continue
		}
		opened[at] = opened[at].less(pod)
	}
	return left, len(opened)
}

// waitingPods are those that the scheduler found no place for and that a new node may help:
// not pods that must be beside another one, nor those that may wait (the real one's cut-off is
// a priority of -10).
func waitingPods(pods []corev1.Pod) []corev1.Pod {
	var waiting []corev1.Pod
	for _, pod := range pods {
		if pod.Spec.NodeName != "" || pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodPending {
			continue
		}
		if pod.Spec.Priority != nil && *pod.Spec.Priority < -10 {
			continue
		}
		if with := pod.Spec.Affinity; with != nil && with.PodAffinity != nil && len(with.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution) > 0 {
			continue
		}
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
				waiting = append(waiting, pod)
			}
		}
	}
	// The largest first, as packing goes best, and always in the same order.
	slices.SortFunc(waiting, func(x, y corev1.Pod) int {
		return cmp.Or(cpuOf(y).Cmp(*cpuOf(x)), memoryOf(y).Cmp(*memoryOf(x)),
			cmp.Compare(x.Namespace+"/"+x.Name, y.Namespace+"/"+y.Name))
	})
	return waiting
}

// shrink removes the node that asks least, if it has been unneeded for long enough.
func (a *Autoscaler) shrink(view View, pools []Pool, settings Settings, now time.Time) Decision {
	since := map[string]time.Time{}
	var due []string
	used := map[string]float64{}
	for _, p := range pools {
		if len(p.Nodes) <= p.Min {
			continue
		}
		for _, name := range p.Nodes {
			at := slices.IndexFunc(view.Nodes, func(n corev1.Node) bool { return n.Name == name })
			if at < 0 || !ready(view.Nodes[at]) {
				continue
			}
			node, pods := view.Nodes[at], podsOn(view.Pods, name)
			used[name] = utilization(node, pods)
			if used[name] >= settings.ScaleDownUtilizationThreshold || !movable(pods, view.Budgets) || !fitElsewhere(node, pods, view) {
				continue
			}
			since[name] = now
			if before, ok := a.unneeded[name]; ok {
				since[name] = before
			}
			if now.Sub(since[name]) >= settings.ScaleDownUnneededTime {
				due = append(due, name)
			}
		}
	}
	a.unneeded = since
	if len(due) == 0 {
		return Decision{}
	}
	least := slices.MinFunc(due, func(x, y string) int { return cmp.Or(cmp.Compare(used[x], used[y]), cmp.Compare(x, y)) })
	a.unneeded = nil // what is left is looked at anew
	return Decision{Remove: least, Why: fmt.Sprintf("its pods ask for %.0f%% of it since %s, and fit elsewhere", 100*used[least], since[least].UTC().Format(time.TimeOnly))}
}
