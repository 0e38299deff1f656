//go:build integration

package parts

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/wealth-companion/companion/rehearsal/internal/testcluster"
	"github.com/wealth-companion/companion/rehearsal/netpol"
	"github.com/wealth-companion/companion/rehearsal/progress"
	"github.com/wealth-companion/companion/rehearsal/settings"
)

// templates are the pods that the plan and its charts lay out. What the sidecar injector
// adds to a service's pod is added here.
func templates(t *testing.T) []*corev1.Pod {
	t.Helper()
	folders, err := settings.NewFolders()
	require.NoError(t, err)
	charts, err := New(folders.Root, folders.Cache, progress.Discard).Charts(t.Context())
	require.NoError(t, err)
	var pods []*corev1.Pod
	add := func(namespace string, object any) {
		fields, _ := object.(map[string]any)
		template, found, err := unstructured.NestedMap(fields, "spec", "template")
		if _, isPod, _ := unstructured.NestedSlice(template, "spec", "containers"); err != nil || !found || !isPod {
			return
		}
		pod := &corev1.Pod{}
		as(t, map[string]any{"metadata": template["metadata"], "spec": template["spec"]}, pod)
		name, _, _ := unstructured.NestedString(fields, "metadata", "name")
		pod.Namespace, pod.Name = namespace, strings.ToLower(name)
		claims, _, _ := unstructured.NestedSlice(fields, "spec", "volumeClaimTemplates")
		for _, claim := range claims {
			volume, _, _ := unstructured.NestedString(claim.(map[string]any), "metadata", "name")
			pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: volume})
		}
		if pod.Annotations["dapr.io/enabled"] == "true" {
			sidecar := pod.Spec.Containers[0].DeepCopy()
			sidecar.Name, sidecar.Ports, sidecar.LivenessProbe, sidecar.ReadinessProbe, sidecar.StartupProbe = "daprd", nil, nil, nil, nil
			pod.Spec.Containers = append(pod.Spec.Containers, *sidecar)
		}
		pods = append(pods, pod)
	}
	for _, one := range plan(t) {
		inputs, _ := one.Inputs.(map[string]any)
		if one.Type == "kubernetes:helm.sh/v3:Release" {
			for _, object := range render(t, charts, one) {
				add(fmt.Sprint(inputs["namespace"]), object)
			}
			continue
		}
		namespace, _, _ := unstructured.NestedString(inputs, "metadata", "namespace")
		add(namespace, inputs)
	}
	require.Greater(t, len(pods), 15)
	return pods
}

// as reads an object of the plan as what it is.
func as(t *testing.T, object, typed any) {
	t.Helper()
	raw, err := json.Marshal(object)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, typed))
}

// each calls do for every object of a type in the plan.
func each[T any](t *testing.T, kind string, do func(*T)) {
	t.Helper()
	found := false
	for _, one := range plan(t) {
		if strings.HasSuffix(one.Type, ":"+kind) && strings.HasPrefix(one.Type, "kubernetes:") {
			typed := new(T)
			as(t, one.Inputs, typed)
			do(typed)
			found = true
		}
	}
	require.True(t, found, kind)
}

// A real API server is asked whether the namespaces take the pods.
func TestNamespacesTakeTheirPods(t *testing.T) {
	api := testcluster.Start(t).Clients
	ctx := t.Context()
	each(t, "PriorityClass", func(class *schedulingv1.PriorityClass) {
		_, err := api.SchedulingV1().PriorityClasses().Create(ctx, class, metav1.CreateOptions{})
		require.NoError(t, err)
	})
	each(t, "Namespace", func(namespace *corev1.Namespace) {
		_, err := api.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
		require.NoError(t, err)
	})
	each(t, "LimitRange", func(limits *corev1.LimitRange) {
		_, err := api.CoreV1().LimitRanges(limits.Namespace).Create(ctx, limits, metav1.CreateOptions{})
		require.NoError(t, err)
	})
	for _, pod := range templates(t) {
		if pod.Spec.ServiceAccountName == "" {
			pod.Spec.ServiceAccountName = "default"
		}
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: pod.Spec.ServiceAccountName, Namespace: pod.Namespace}}
		if _, err := api.CoreV1().ServiceAccounts(pod.Namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil {
			require.True(t, apierrors.IsAlreadyExists(err), err)
		}
		_, err := api.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		require.NoError(t, err, "%s/%s", pod.Namespace, pod.Name)
	}
	each(t, "Namespace", func(namespace *corev1.Namespace) {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: namespace.Name}}
		_, _ = api.CoreV1().ServiceAccounts(namespace.Name).Create(ctx, account, metav1.CreateOptions{})
		_, err := api.CoreV1().Pods(namespace.Name).Create(ctx, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "root"},
			Spec:       corev1.PodSpec{HostNetwork: true, Containers: []corev1.Container{{Name: "root", Image: BusyboxImage}}},
		}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		require.ErrorContains(t, err, "violates PodSecurity", namespace.Name)
	})
}

// operatorPolicy is what Strimzi's operator creates of the plan's Kafka: peers of the
// listener, and at the ports of the cluster's own the brokers and the operators.
func operatorPolicy(t *testing.T) *networkingv1.NetworkPolicy {
	t.Helper()
	var peers []networkingv1.NetworkPolicyPeer
	for _, one := range plan(t) {
		if strings.HasSuffix(one.Type, ":Kafka") && strings.HasPrefix(one.Type, "kubernetes:") {
			listeners, found, err := unstructured.NestedSlice(one.Inputs.(map[string]any), "spec", "kafka", "listeners")
			require.NoError(t, err)
			require.True(t, found)
			as(t, listeners[0].(map[string]any)["networkPolicyPeers"], &peers)
		}
	}
	require.NotEmpty(t, peers, "without peers the listener is open to everybody")
	of := func(key, value string) networkingv1.NetworkPolicyPeer {
		return networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}}
	}
	at := func(port int32) []networkingv1.NetworkPolicyPort {
		number := intstr.FromInt32(port)
		return []networkingv1.NetworkPolicyPort{{Port: &number}}
	}
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kafka", Name: "events-network-policy-kafka"},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"strimzi.io/kind": "Kafka"}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{
				{From: peers, Ports: at(9093)},
				{From: []networkingv1.NetworkPolicyPeer{of("strimzi.io/kind", "cluster-operator"), of("strimzi.io/cluster", "events")}, Ports: at(9091)},
			},
		},
	}
}

// machine is this one: the API server's address, and the database's and the mail server's.
const machine = "10.110.0.1"

// TestWhoMayReachWhom tries the plan's network policies on the pods that the charts and the
// program lay out.
func TestWhoMayReachWhom(t *testing.T) {
	state := netpol.State{
		PodRange: settings.Pods, APIServer: netip.MustParseAddr(machine),
		Nodes: []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "node"}}},
	}
	each(t, "Namespace", func(namespace *corev1.Namespace) {
		namespace.Labels["kubernetes.io/metadata.name"] = namespace.Name
		state.Namespaces = append(state.Namespaces, namespace)
	})
	state.Namespaces = append(state.Namespaces, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "kube-system", Labels: map[string]string{"kubernetes.io/metadata.name": "kube-system"},
	}})
	each(t, "NetworkPolicy", func(policy *networkingv1.NetworkPolicy) { state.Policies = append(state.Policies, policy) })
	each(t, "CiliumNetworkPolicy", func(policy *netpol.CiliumPolicy) { state.Cilium = append(state.Cilium, *policy) })
	state.Policies = append(state.Policies, operatorPolicy(t))
	pods := templates(t)
	labelled := func(namespace, name string, labels map[string]string) {
		pods = append(pods, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}})
	}
	labelled("kube-system", "coredns", map[string]string{"k8s-app": "kube-dns"})
	labelled("kafka", "broker", map[string]string{"strimzi.io/cluster": "events", "strimzi.io/kind": "Kafka"})
	labelled("kafka", "entity-operator", map[string]string{"strimzi.io/cluster": "events", "strimzi.io/kind": "Kafka"})
	labelled("observability", "prometheus", map[string]string{"app.kubernetes.io/name": "prometheus"})
	labelled("observability", "alertmanager", map[string]string{"app.kubernetes.io/name": "alertmanager"})
	addresses := map[string]string{"machine": machine, "the Internet": "203.0.113.1", "metadata": "169.254.169.254"}
	for i, pod := range pods {
		pod.Spec.NodeName, pod.Status = "node", corev1.PodStatus{Phase: corev1.PodRunning, PodIP: fmt.Sprintf("10.112.1.%d", i+2)}
		for _, prefix := range []string{"topics", "migrate"} {
			if strings.HasPrefix(pod.Name, prefix+"-") {
				pod.Name = prefix
			}
		}
		addresses[pod.Namespace+"/"+pod.Name] = pod.Status.PodIP
	}
	state.Pods = pods
	rules := state.Rules("node")
	for flow, want := range map[string]bool{
		"companion/backend kube-system/coredns udp 53":                           true,
		"companion/backend data/redis 6379":                                      true,
		"companion/backend kafka/broker 9093":                                    true,
		"companion/backend kafka/broker 9091":                                    false,
		"companion/backend dapr-system/dapr-sentry 50001":                        true,
		"companion/backend dapr-system/dapr-operator 6500":                       true,
		"companion/backend dapr-system/dapr-placement-server 50005":              true,
		"companion/backend dapr-system/dapr-scheduler-server 50006":              true,
		"companion/backend companion/mcp 50002":                                  true,
		"companion/backend companion/banking 8082":                               false,
		"companion/backend machine 6443":                                         true,
		"companion/backend machine 5432":                                         true,
		"companion/backend machine 2525":                                         false,
		"companion/backend the Internet 443":                                     false,
		"companion/mcp machine 5432":                                             false,
		"companion/mcp kafka/broker 9093":                                        false,
		"companion/notification machine 2525":                                    true,
		"companion/notification the Internet 443":                                true,
		"companion/notification metadata 443":                                    false,
		"companion/notification metadata 80":                                     false,
		"companion/analytics the Internet 443":                                   false,
		"companion/migrate machine 5432":                                         true,
		"companion/migrate machine 6443":                                         false,
		"kafka/topics kafka/broker 9093":                                         true,
		"kafka/topics machine 6443":                                              false,
		"kafka/strimzi-cluster-operator kafka/broker 9091":                       true,
		"kafka/strimzi-cluster-operator machine 6443":                            true,
		"kafka/entity-operator machine 6443":                                     true,
		"kafka/broker data/redis 6379":                                           false,
		"kafka/broker the Internet 443":                                          false,
		"nginx-gateway/nginx-gateway companion/backend 8080":                     true,
		"nginx-gateway/nginx-gateway companion/mcp 8080":                         true,
		"nginx-gateway/nginx-gateway companion/banking 8080":                     false,
		"nginx-gateway/nginx-gateway data/redis 6379":                            false,
		"nginx-gateway/nginx-gateway machine 6443":                               true,
		"machine nginx-gateway/nginx-gateway 443":                                true,
		"machine dapr-system/dapr-sidecar-injector 4000":                         true,
		"machine dapr-system/dapr-operator 19443":                                true,
		"machine companion/backend 8080":                                         false,
		"dapr-system/dapr-sidecar-injector dapr-system/dapr-sentry 443":          true,
		"dapr-system/dapr-sidecar-injector machine 6443":                         true,
		"dapr-system/dapr-operator the Internet 443":                             false,
		"data/redis companion/backend 8080":                                      false,
		"data/redis machine 6443":                                                false,
		"data/redis kube-system/coredns 53":                                      true,
		"observability/prometheus companion/backend 8082":                        true,
		"observability/prometheus companion/mcp 9090":                            true,
		"observability/prometheus companion/backend 8080":                        false,
		"observability/prometheus companion/backend 50002":                       false,
		"observability/prometheus dapr-system/dapr-sentry 9090":                  true,
		"observability/prometheus dapr-system/dapr-sentry 50001":                 false,
		"observability/prometheus cert-manager/companion-edge-cert-manager 9402": true,
		"observability/prometheus kafka/strimzi-cluster-operator 8080":           true,
		"observability/prometheus kafka/broker 9093":                             false,
		"observability/prometheus data/redis 6379":                               false,
		"observability/prometheus observability/alertmanager 9093":               true,
		"observability/prometheus machine 6443":                                  true,
		"observability/prometheus machine 2525":                                  false,
		"observability/prometheus the Internet 443":                              false,
		"observability/alertmanager machine 2525":                                true,
		"observability/alertmanager machine 6443":                                false,
		"observability/alertmanager companion/backend 8082":                      false,
		"observability/monitoring-operator machine 6443":                         true,
		"observability/monitoring-operator companion/backend 8082":               false,
		"companion/backend observability/prometheus 9090":                        false,
		"companion/backend observability/alertmanager 9093":                      false,
		"machine observability/prometheus 9090":                                  false,
	} {
		t.Run(flow, func(t *testing.T) {
			fields := strings.Fields(strings.ReplaceAll(flow, "the Internet", "the~Internet"))
			protocol, port := "tcp", fields[len(fields)-1]
			if len(fields) == 4 {
				protocol = fields[2]
			}
			from, to := strings.ReplaceAll(fields[0], "~", " "), strings.ReplaceAll(fields[1], "~", " ")
			require.Contains(t, addresses, from)
			require.Contains(t, addresses, to)
			got := allows(t, rules, "egress", from, addresses[to], protocol, port) && allows(t, rules, "ingress", to, addresses[from], protocol, port)
			require.Equal(t, want, got)
		})
	}
}

// allows evaluates a pod's chain of a script; what is no pod has none.
func allows(t *testing.T, script, direction, pod, peer, protocol, port string) bool {
	t.Helper()
	chain := regexp.MustCompile(`(?s)chain ` + direction + `_\d+ \{\n\t\tcomment "` + regexp.QuoteMeta(pod) + `"\n(.*?)\n\t\}`).FindStringSubmatch(script)
	if chain == nil {
		return true
	}
	for line := range strings.Lines(chain[1]) {
		if line = strings.TrimSpace(line); strings.HasSuffix(line, "accept") && matchesLine(t, line, peer, protocol, port) {
			return true
		}
	}
	return false
}

func matchesLine(t *testing.T, line, peer, protocol, port string) bool {
	t.Helper()
	tokens := strings.Fields(strings.TrimSuffix(line, "accept"))
	for len(tokens) > 0 {
		switch {
		case tokens[0] == "ip":
			not := tokens[2] == "!="
			at := 2
			if not {
				at = 3
			}
			if within(t, tokens[at], peer) == not {
				return false
			}
			tokens = tokens[at+1:]
		case tokens[1] == "dport":
			if tokens[0] != protocol || !inPorts(t, tokens[2], port) {
				return false
			}
			tokens = tokens[3:]
		default:
			t.Fatalf("unknown match: %s", line)
		}
	}
	return true
}

func within(t *testing.T, network, address string) bool {
	t.Helper()
	if !strings.Contains(network, "/") {
		return network == address
	}
	prefix, err := netip.ParsePrefix(network)
	require.NoError(t, err)
	return prefix.Contains(netip.MustParseAddr(address))
}

func inPorts(t *testing.T, ports, port string) bool {
	t.Helper()
	first, last, isRange := strings.Cut(ports, "-")
	if !isRange {
		return ports == port
	}
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		return n
	}
	return number(port) >= number(first) && number(port) <= number(last)
}
