package autoscaler

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

var taint = corev1.Taint{Key: "companion-pool", Value: "application", Effect: corev1.TaintEffectNoSchedule}

// node is one of the pool "application", with 1.9 cores and 2.5 GiB.
func node(name string) corev1.Node {
	return corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"companion-pool": "application"}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{taint}},
		Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{"cpu": resource.MustParse("1900m"), "memory": resource.MustParse("2560Mi"), "pods": resource.MustParse("110")},
			Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
}

// pod runs on a node, or waits for one when that is empty.
func pod(name, on, cpu, memory string, changes ...func(*corev1.Pod)) corev1.Pod {
	p := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "wealth", Labels: map[string]string{"app": "backend"},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", UID: "backend", Controller: ptr.To(true)}}},
		Spec: corev1.PodSpec{
			NodeName: on, NodeSelector: map[string]string{"companion-pool": "application"},
			Tolerations: []corev1.Toleration{{Key: "companion-pool", Operator: corev1.TolerationOpExists}},
			Containers:  []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse(cpu), "memory": resource.MustParse(memory)}}}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
	if on == "" {
		p.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable},
		}}
	}
	for _, change := range changes {
		change(&p)
	}
	return p
}

func pool(least, most int, nodes ...string) Pool {
	return Pool{ID: "application", Min: least, Max: most, Template: node("template"), Nodes: nodes}
}

func TestPoolsGrow(t *testing.T) {
	daemon := func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", UID: "exporter", Controller: ptr.To(true)}}
		p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}}}}},
		}}}
	}
	for name, test := range map[string]struct {
		pods []corev1.Pod
		pool Pool
		more int
	}{
		"nobody waits":                       {[]corev1.Pod{pod("x", "a", "1", "1Gi")}, pool(1, 4, "a"), 0},
		"one waits":                          {[]corev1.Pod{pod("x", "", "1", "1Gi")}, pool(1, 4, "a"), 1},
		"three on two nodes":                 {[]corev1.Pod{pod("x", "", "1", "1Gi"), pod("y", "", "900m", "1Gi"), pod("z", "", "900m", "1Gi")}, pool(1, 4, "a"), 2},
		"by memory":                          {[]corev1.Pod{pod("x", "", "10m", "1500Mi"), pod("y", "", "10m", "1500Mi")}, pool(1, 4, "a"), 2},
		"never above the bound":              {[]corev1.Pod{pod("x", "", "1", "1Gi"), pod("y", "", "1", "1Gi"), pod("z", "", "1", "1Gi")}, pool(1, 3, "a"), 2},
		"at the bound":                       {[]corev1.Pod{pod("x", "", "1", "1Gi")}, pool(1, 1, "a"), 0},
		"a node is on its way":               {[]corev1.Pod{pod("x", "", "1", "1Gi")}, pool(1, 4, "a", "coming"), 0},
		"a node is on its way, and too few":  {[]corev1.Pod{pod("x", "", "1", "1Gi"), pod("y", "", "1", "1Gi")}, pool(1, 4, "a", "coming"), 1},
		"larger than a node":                 {[]corev1.Pod{pod("x", "", "2", "1Gi")}, pool(1, 4, "a"), 0},
		"no room beside what every node has": {[]corev1.Pod{pod("x", "", "1800m", "1Gi"), pod("d", "a", "200m", "10Mi", daemon)}, pool(1, 4, "a"), 0},
		"room beside what every node has":    {[]corev1.Pod{pod("x", "", "1700m", "1Gi"), pod("d", "a", "200m", "10Mi", daemon)}, pool(1, 4, "a"), 1},
		"of another pool":                    {[]corev1.Pod{pod("x", "", "1", "1Gi", func(p *corev1.Pod) { p.Spec.NodeSelector["companion-pool"] = "system" })}, pool(1, 4, "a"), 0},
		"that does not tolerate the taint":   {[]corev1.Pod{pod("x", "", "1", "1Gi", func(p *corev1.Pod) { p.Spec.Tolerations = nil })}, pool(1, 4, "a"), 0},
		"not asked for by the scheduler yet": {[]corev1.Pod{pod("x", "", "1", "1Gi", func(p *corev1.Pod) { p.Status.Conditions = nil })}, pool(1, 4, "a"), 0},
		"that goes already":                  {[]corev1.Pod{pod("x", "", "1", "1Gi", func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} })}, pool(1, 4, "a"), 0},
		"that may wait":                      {[]corev1.Pod{pod("x", "", "1", "1Gi", func(p *corev1.Pod) { p.Spec.Priority = ptr.To[int32](-100) })}, pool(1, 4, "a"), 0},
		"that must be beside another": {[]corev1.Pod{pod("x", "", "1", "1Gi", func(p *corev1.Pod) {
			p.Spec.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: "kubernetes.io/hostname"}}}}
		})}, pool(1, 4, "a"), 0},
		"whose volume is elsewhere": {[]corev1.Pod{pod("x", "", "1", "1Gi", func(p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
		})}, pool(1, 4, "a"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			elsewhere := corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "companion-pool", Operator: corev1.NodeSelectorOpIn, Values: []string{"system"}}}}},
			}}}}
			view := View{Nodes: []corev1.Node{node("a")}, Pods: test.pods, Volumes: map[string]corev1.PersistentVolume{"wealth/data": elsewhere}}
			var a Autoscaler
			got := a.Look(view, []Pool{test.pool}, Defaults, time.Now())
			require.Equal(t, test.more, got.Grow["application"], got.Why)
			require.Empty(t, got.Remove)
		})
	}
}

func TestThePoolThatHelpsGrows(t *testing.T) {
	large := pool(1, 4, "b")
	large.ID = "large"
	large.Template.Status.Allocatable["cpu"] = resource.MustParse("3900m")
	view := View{Nodes: []corev1.Node{node("a"), node("b")}, Pods: []corev1.Pod{pod("x", "", "3", "1Gi"), pod("y", "", "500m", "1Gi")}}
	var a Autoscaler
	require.Equal(t, map[string]int{"large": 1}, a.Look(view, []Pool{pool(1, 4, "a"), large}, Defaults, time.Now()).Grow)
	large.Max = 1
	require.Equal(t, map[string]int{"application": 1}, a.Look(view, []Pool{pool(1, 4, "a"), large}, Defaults, time.Now()).Grow, "it takes the one that it can")
}

func TestPoolsShrink(t *testing.T) {
	budget := func(allowed int32) policyv1.PodDisruptionBudget {
		return policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Namespace: "wealth"}, Spec: policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "backend"}}},
			Status: policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: allowed},
		}
	}
	scratch := func(annotations map[string]string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Annotations = annotations
			p.Spec.Volumes = []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
		}
	}
	for name, test := range map[string]struct {
		pods    []corev1.Pod
		budgets []policyv1.PodDisruptionBudget
		pool    Pool
		removed string
	}{
		"an empty node":                 {nil, nil, pool(1, 4, "a", "b"), "a"},
		"never below the bound":         {nil, nil, pool(2, 4, "a", "b"), ""},
		"the one that asks less":        {[]corev1.Pod{pod("x", "a", "500m", "1Gi"), pod("y", "b", "100m", "64Mi")}, nil, pool(1, 4, "a", "b"), "b"},
		"busy ones stay":                {[]corev1.Pod{pod("x", "a", "1500m", "1Gi"), pod("y", "b", "100m", "2Gi")}, nil, pool(1, 4, "a", "b"), ""},
		"no room elsewhere":             {[]corev1.Pod{pod("x", "a", "1", "1Gi"), pod("y", "b", "1", "1Gi")}, nil, pool(1, 4, "a", "b"), ""},
		"a budget that allows it":       {[]corev1.Pod{pod("x", "a", "1500m", "1Gi"), pod("y", "b", "100m", "64Mi")}, []policyv1.PodDisruptionBudget{budget(1)}, pool(1, 4, "a", "b"), "b"},
		"a budget that does not":        {[]corev1.Pod{pod("x", "a", "1500m", "1Gi"), pod("y", "b", "100m", "64Mi")}, []policyv1.PodDisruptionBudget{budget(0)}, pool(1, 4, "a", "b"), ""},
		"a budget for one of two":       {[]corev1.Pod{pod("x", "a", "1500m", "1Gi"), pod("y", "b", "100m", "64Mi"), pod("z", "b", "100m", "64Mi")}, []policyv1.PodDisruptionBudget{budget(1)}, pool(1, 4, "a", "b"), ""},
		"a pod that nobody starts anew": {[]corev1.Pod{pod("x", "a", "1500m", "1Gi"), pod("y", "b", "100m", "64Mi", func(p *corev1.Pod) { p.OwnerReferences = nil })}, nil, pool(1, 4, "a", "b"), ""},
		"a pod with files":              {[]corev1.Pod{pod("x", "a", "1500m", "1Gi"), pod("y", "b", "100m", "64Mi", scratch(nil))}, nil, pool(1, 4, "a", "b"), ""},
		"a pod with files to be thrown": {[]corev1.Pod{pod("x", "a", "1500m", "1Gi"), pod("y", "b", "100m", "64Mi", scratch(map[string]string{safeToEvictVolumes: "other,scratch"}))}, nil, pool(1, 4, "a", "b"), "b"},
		"a pod that may be moved":       {[]corev1.Pod{pod("x", "a", "1500m", "1Gi"), pod("y", "b", "100m", "64Mi", scratch(map[string]string{safeToEvict: "true"}))}, nil, pool(1, 4, "a", "b"), "b"},
		"a pod that may not":            {[]corev1.Pod{pod("x", "a", "1500m", "1Gi"), pod("y", "b", "100m", "64Mi", scratch(map[string]string{safeToEvict: "false"}))}, nil, pool(1, 4, "a", "b"), ""},
		"a pod of kube-system":          {[]corev1.Pod{pod("x", "a", "1500m", "1Gi"), pod("y", "b", "100m", "64Mi", func(p *corev1.Pod) { p.Namespace = "kube-system" })}, nil, pool(1, 4, "a", "b"), ""},
		"a pod that a DaemonSet gives back": {[]corev1.Pod{pod("x", "a", "1500m", "1Gi"), pod("y", "b", "100m", "64Mi", func(p *corev1.Pod) {
			p.OwnerReferences[0].Kind = "DaemonSet"
			p.OwnerReferences[0].UID = types.UID("d")
		})}, nil, pool(1, 4, "a", "b"), "b"},
		"a pod that has ended":      {[]corev1.Pod{pod("x", "a", "1500m", "1Gi"), pod("y", "b", "1500m", "64Mi", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded })}, nil, pool(1, 4, "a", "b"), "b"},
		"another that is not ready": {[]corev1.Pod{pod("x", "a", "100m", "1Gi")}, nil, pool(1, 4, "a", "broken"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			broken := node("broken")
			broken.Status.Conditions = nil
			view := View{Pods: test.pods, Budgets: test.budgets}
			for _, name := range test.pool.Nodes {
				if name == "broken" {
					view.Nodes = append(view.Nodes, broken)
					continue
				}
				view.Nodes = append(view.Nodes, node(name))
			}
			var a Autoscaler
			now := time.Now()
			require.Empty(t, a.Look(view, []Pool{test.pool}, Defaults, now).Remove, "not at once")
			require.Empty(t, a.Look(view, []Pool{test.pool}, Defaults, now.Add(59*time.Second)).Remove, "nor a second too early")
			require.Equal(t, test.removed, a.Look(view, []Pool{test.pool}, Defaults, now.Add(time.Minute)).Remove)
		})
	}
}

// What was unneeded and was needed in between begins anew, and so does the rest after a node went.
func TestUnneededBeginsAnew(t *testing.T) {
	quiet := View{Nodes: []corev1.Node{node("a"), node("b"), node("c")}}
	busy := quiet
	for _, on := range []string{"a", "b", "c"} {
		busy.Pods = append(busy.Pods, pod(on, on, "1500m", "1Gi"))
	}
	three := []Pool{pool(1, 4, "a", "b", "c")}
	var a Autoscaler
	at := time.Now()
	look := func(view View, pools []Pool, after time.Duration) string {
		at = at.Add(after)
		return a.Look(view, pools, Defaults, at).Remove
	}
	require.Empty(t, look(quiet, three, 0))
	require.Empty(t, look(busy, three, 50*time.Second))
	require.Empty(t, look(quiet, three, 10*time.Second))
	require.Empty(t, look(quiet, three, 50*time.Second))
	require.Equal(t, "a", look(quiet, three, 10*time.Second))
	require.Empty(t, look(quiet, []Pool{pool(1, 4, "b", "c")}, 10*time.Second), "one at a time")
	waiting := quiet
	waiting.Pods = []corev1.Pod{pod("x", "", "1", "1Gi")}
	require.Empty(t, look(waiting, []Pool{pool(1, 4, "b", "c")}, time.Hour), "nothing goes while a pod waits")
}

// A crowd of pods ends in as many nodes as the bounds allow, and never in more.
func TestBoundsHold(t *testing.T) {
	for _, count := range []int{1, 10, 100} {
		view := View{Nodes: []corev1.Node{node("a")}}
		for i := range count {
			view.Pods = append(view.Pods, pod(fmt.Sprint(i), "", "700m", "100Mi"))
		}
		var a Autoscaler
		more := a.Look(view, []Pool{pool(1, 7, "a")}, Defaults, time.Now()).Grow["application"]
		require.Equal(t, min((count+1)/2, 6), more)
	}
}
