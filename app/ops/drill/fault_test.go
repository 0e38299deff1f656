package drill

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func pod(namespace, name, label, value, node string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{label: value}},
		Spec:       corev1.PodSpec{NodeName: node},
		Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
}

func deployment(namespace, name string, replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"kept": "yes"}},
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas}, Status: appsv1.DeploymentStatus{ReadyReplicas: replicas},
	}
}

func statefulSet(namespace, name string, replicas int32) *appsv1.StatefulSet {
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       appsv1.StatefulSetSpec{Replicas: &replicas}, Status: appsv1.StatefulSetStatus{ReadyReplicas: replicas},
	}
}

func egress(port int32) networkingv1.NetworkPolicyEgressRule {
	at := intstr.FromInt32(port)
	return networkingv1.NetworkPolicyEgressRule{Ports: []networkingv1.NetworkPolicyPort{{Port: &at}}}
}

// stack is a cluster with what is drilled. An eviction ends a pod; one of Redis' pods goes with its
// Deployment's last replica.
func stack() *fake.Clientset {
	ends := pod("kube-system", "proxy", "k8s-app", "kube-proxy", "node-1")
	ends.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet"}}
	cluster := fake.NewClientset(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: application, Name: Allowed}},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-2"}},
		pod(application, "backend-1", "app.kubernetes.io/name", "backend", "node-1"), pod(application, "backend-2", "app.kubernetes.io/name", "backend", "node-2"),
		pod(application, "web-1", "app.kubernetes.io/name", "web", "node-1"), pod(application, "analytics-1", "app.kubernetes.io/name", "analytics", "node-2"),
		pod("nginx-gateway", "nginx-1", "app.kubernetes.io/name", "nginx-gateway-fabric", "node-2"),
		pod("kafka", "events-broker-0", "strimzi.io/name", "events-kafka", "node-2"), ends,
		deployment(application, "backend", 2), deployment("data", "redis", 1),
		deployment("dapr-system", "dapr-operator", 3), statefulSet("dapr-system", "dapr-placement-server", 3), statefulSet("dapr-system", daprScheduler, 3),
		&networkingv1.NetworkPolicy{
			ObjectMeta: metav1.ObjectMeta{Namespace: application, Name: "backend"},
			Spec:       networkingv1.NetworkPolicySpec{Egress: []networkingv1.NetworkPolicyEgressRule{egress(50002), egress(kafkaPort), egress(databasePort)}},
		},
	)
	cluster.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if action.GetSubresource() != "eviction" {
			return false, nil, nil
		}
		evicted := action.(clienttesting.CreateAction).GetObject().(metav1.Object)
		return true, nil, cluster.Tracker().Delete(corev1.SchemeGroupVersion.WithResource("pods"), evicted.GetNamespace(), evicted.GetName())
	})
	// Who is killed has a successor, as with a Deployment.
	cluster.PrependReactor("delete", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if name := action.(clienttesting.DeleteAction).GetName(); strings.HasPrefix(name, "backend-") {
			return false, nil, cluster.Tracker().Add(pod(application, name+"-next", "app.kubernetes.io/name", "backend", "node-2"))
		}
		return false, nil, nil
	})
	return cluster
}

// settings are what drills change, as they are.
func settings(t *testing.T, cluster kubernetes.Interface) map[string]any {
	t.Helper()
	all := map[string]any{}
	note := func(kind string, o metav1.Object, spec any) {
		metadata := map[string]any{"labels": len(o.GetLabels()), "annotations": len(o.GetAnnotations())}
		all[kind+" "+o.GetNamespace()+"/"+o.GetName()] = []any{metadata, spec}
	}
	nodes, err := cluster.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, one := range nodes.Items {
		note("node", &one, one.Spec)
	}
	deployments, err := cluster.AppsV1().Deployments("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, one := range deployments.Items {
		note("Deployment", &one, *one.Spec.Replicas)
	}
	sets, err := cluster.AppsV1().StatefulSets("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, one := range sets.Items {
		note("StatefulSet", &one, *one.Spec.Replicas)
	}
	policies, err := cluster.NetworkingV1().NetworkPolicies("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, one := range policies.Items {
		note("policy", &one, one.Spec)
	}
	return all
}

func podNames(t *testing.T, cluster kubernetes.Interface) []string {
	t.Helper()
	list, err := cluster.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	var names []string
	for _, one := range list.Items {
		names = append(names, one.Name)
	}
	return names
}

func TestADrillMakesItsPartFailAndPutsItRight(t *testing.T) {
	for name, c := range map[string]struct {
		gone    []string // pods
		changed []string // what is not as before while it lasts
	}{
		"backend-killed": {gone: []string{"backend-1"}},
		"web-killed":     {gone: []string{"web-1"}},
		"agent-killed":   {gone: []string{"analytics-1"}},
		"nginx-killed":   {gone: []string{"nginx-1"}},
		"broker-killed":  {gone: []string{"events-broker-0"}},
		"redis-away":     {gone: []string{"backend-1"}, changed: []string{"Deployment data/redis"}},
		"dapr-away":      {changed: []string{"Deployment dapr-system/dapr-operator", "StatefulSet dapr-system/dapr-placement-server"}},
		"scheduler-away": {changed: []string{"StatefulSet dapr-system/" + daprScheduler}},
		"kafka-cut":      {changed: []string{"policy companion/backend"}},
		"database-cut":   {changed: []string{"policy companion/backend"}},
		"node-drained":   {gone: []string{"backend-1", "web-1"}, changed: []string{"node /node-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := stack()
			before, had := settings(t, cluster), podNames(t, cluster)
			drills, err := Named([]string{name})
			require.NoError(t, err)
			f := &field{cluster, name, func(string) {}}
			require.NoError(t, drills[0].fail(t.Context(), f))
			var changed, gone []string
			for what, is := range settings(t, cluster) {
				if !reflect.DeepEqual(before[what], is) {
					changed = append(changed, what)
				}
			}
			require.ElementsMatch(t, c.changed, changed)
			for _, one := range had {
				if !slices.Contains(podNames(t, cluster), one) {
					gone = append(gone, one)
				}
			}
			require.ElementsMatch(t, c.gone, gone)

			another := &field{cluster, "", func(string) {}} // of the next run, after one that was ended by force
			require.NoError(t, another.repair(t.Context()))
			require.Equal(t, before, settings(t, cluster))
			require.NoError(t, another.repair(t.Context()), "again, with nothing to do")
		})
	}
	require.Len(t, All(), 11, "each of them is tried here")
}

func TestWhatCannotBeMadeToFailIsSaid(t *testing.T) {
	f := &field{fake.NewClientset(deployment("dapr-system", daprScheduler, 0)), "x", func(string) {}}
	require.ErrorContains(t, killed("kafka", brokerLabel)(t.Context(), f), "no pod of kafka with "+brokerLabel+" is ready")
	require.ErrorContains(t, scaledDown("dapr-system", func(string) bool { return true })(t.Context(), f), "nothing of namespace dapr-system is there to be taken away")
	f.cluster = stack()
	require.ErrorContains(t, cutOff("backend", 1)(t.Context(), f), "the network policy backend has no rule with port 1")
}

func TestAnObjectWhoseMarkIsDamagedIsSaidAndTheOthersAreRepaired(t *testing.T) {
	damaged, other := deployment("data", "redis", 0), deployment("dapr-system", "dapr-operator", 0)
	damaged.Labels, other.Labels = map[string]string{markLabel: "x"}, map[string]string{markLabel: "x"}
	other.Annotations = map[string]string{replicasBefore: "3"}
	cluster := fake.NewClientset(damaged, other)
	f := &field{cluster, "", func(string) {}}
	require.ErrorContains(t, f.repair(t.Context()), `Deployment data/redis: its annotation companion/drill-replicas is ""`)
	repaired, err := cluster.AppsV1().Deployments("dapr-system").Get(t.Context(), "dapr-operator", metav1.GetOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 3, *repaired.Spec.Replicas)
	require.NotContains(t, repaired.Labels, markLabel)
}

func TestDrillsAreAllowedByTheStack(t *testing.T) {
	require.NoError(t, Check(t.Context(), stack()))
	require.ErrorIs(t, Check(t.Context(), fake.NewClientset()), ErrRefused)
	_, err := Run(context.Background(), All(), Options{Cluster: fake.NewClientset(), Report: func(string) {}})
	require.ErrorIs(t, err, ErrRefused)
}
