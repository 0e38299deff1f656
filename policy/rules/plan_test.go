package rules_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/policy/prices"
	"github.com/wealth-companion/companion/policy/rules"
)

type m = map[string]any

// object is a Kubernetes object in the application's namespace.
func object(token, name string, spec m) rules.Resource {
	return rules.New("kubernetes:"+token, name, "urn:pulumi:test::p::kubernetes:"+token+"::"+name, m{"metadata": m{"name": name, "namespace": "companion"}, "spec": spec})
}

func deployment(replicas any) rules.Resource {
	spec := m{"template": m{"metadata": m{"labels": m{"app": "backend"}}, "spec": m{"containers": []any{m{"name": "backend"}}}}}
	if replicas != nil {
		spec["replicas"] = replicas
	}
	return object("apps/v1:Deployment", "backend", spec)
}

func denying(namespace any, spec m) rules.Resource {
	return rules.New("kubernetes:networking.k8s.io/v1:NetworkPolicy", "deny", "urn:deny", m{"metadata": m{"name": "deny", "namespace": namespace}, "spec": spec})
}

func TestRulesAboutPlans(t *testing.T) {
	both := []any{"Ingress", "Egress"}
	scaler := func(target string, least any) rules.Resource {
		return object("autoscaling/v2:HorizontalPodAutoscaler", "scaler", m{"minReplicas": least, "scaleTargetRef": m{"apiVersion": "apps/v1", "kind": "Deployment", "name": target}})
	}
	namespace := rules.New("kubernetes:core/v1:Namespace", "companion", "urn:ns", m{"metadata": m{"name": "companion"}})
	cluster := func(size any, nodes float64) rules.Resource {
		return rules.New("digitalocean:KubernetesCluster", "cluster", "urn:cluster", m{"nodePool": m{"size": size, "nodeCount": nodes}})
	}
	database := func(vpc any) rules.Resource {
		properties := m{"engine": "valkey"}
		if vpc != nil {
			properties["privateNetworkUuid"] = vpc
		}
		return rules.New("digitalocean:index/databaseCluster:DatabaseCluster", "database", "urn:database", properties)
	}
	firewall := func(rule any) rules.Resource {
		return rules.New("digitalocean:index/databaseFirewall:DatabaseFirewall", "firewall", "urn:firewall", m{"rules": rule})
	}
	dashboard := func(content any) rules.Resource {
		return rules.New("kubernetes:core/v1:ConfigMap", "d", "urn:d", m{"metadata": m{"labels": m{"grafana_dashboard": "1"}}, "data": m{"x.json": content}})
	}
	dapr := func(values any) rules.Resource {
		return rules.New("kubernetes:helm.sh/v3:Release", "dapr", "urn:dapr", m{"chart": "dapr", "values": values})
	}
	for name, c := range map[string]struct {
		rule string
		plan []rules.Resource
		want string // empty: it holds
	}{
		"a database for the cluster alone":                            {"databases-trust-few", []rules.Resource{database(rules.Unknown{}), firewall([]any{m{"type": "k8s", "value": rules.Unknown{}}})}, ""},
		"rules of a firewall that are known later":                    {"databases-trust-few", []rules.Resource{database("vpc"), firewall(rules.Unknown{})}, ""},
		"a database without a firewall":                               {"databases-trust-few", []rules.Resource{database("vpc")}, "of 1 databases, 0 have a firewall"},
		"a firewall that names nobody":                                {"databases-trust-few", []rules.Resource{database("vpc"), firewall([]any{})}, "of 1 databases, 0 have a firewall with rules"},
		"two databases and one firewall":                              {"databases-trust-few", []rules.Resource{database("vpc"), firewall([]any{m{"type": "k8s"}}), database("vpc")}, "of 2 databases, 1 have"},
		"a database in no network of the stack's":                     {"databases-trust-few", []rules.Resource{database(nil), firewall([]any{m{"type": "k8s"}})}, "default network"},
		"a control plane of three pods each":                          {"two-replicas", []rules.Resource{dapr(m{"global": m{"ha": m{"enabled": true}}})}, ""},
		"a control plane of which later is known":                     {"two-replicas", []rules.Resource{dapr(rules.Unknown{})}, ""},
		"a control plane of one pod each":                             {"two-replicas", []rules.Resource{dapr(m{"global": m{"ha": m{"enabled": false}}})}, "each part of Dapr's control plane has one pod"},
		"a control plane that does not say":                           {"two-replicas", []rules.Resource{dapr(m{})}, "each part of Dapr's control plane has one pod"},
		"a namespace that denies both ways":                           {"default-deny", []rules.Resource{namespace, denying("companion", m{"podSelector": m{}, "policyTypes": both})}, ""},
		"a namespace that denies by two policies":                     {"default-deny", []rules.Resource{namespace, denying("companion", m{"podSelector": m{}, "policyTypes": []any{"Ingress"}}), denying("companion", m{"podSelector": m{}, "policyTypes": []any{"Egress"}})}, ""},
		"a policy that is known later may deny":                       {"default-deny", []rules.Resource{namespace, denying(rules.Unknown{}, m{"podSelector": m{}, "policyTypes": both})}, ""},
		"the policy of some pods, in a namespace that is known later": {"default-deny", []rules.Resource{namespace, denying(rules.Unknown{}, m{"podSelector": m{"matchLabels": m{"a": "b"}}, "policyTypes": both})}, "nothing denies ingress and egress"},
		"a namespace without a policy":                                {"default-deny", []rules.Resource{namespace}, "nothing denies ingress and egress in the namespace companion"},
		"a policy of another namespace":                               {"default-deny", []rules.Resource{namespace, denying("data", m{"podSelector": m{}, "policyTypes": both})}, "nothing denies ingress and egress"},
		"a policy of some pods":                                       {"default-deny", []rules.Resource{namespace, denying("companion", m{"podSelector": m{"matchLabels": m{"a": "b"}}, "policyTypes": both})}, "nothing denies"},
		"a policy that denies one way":                                {"default-deny", []rules.Resource{namespace, denying("companion", m{"podSelector": m{}, "policyTypes": []any{"Ingress"}})}, "nothing denies egress"},
		"a policy that lets everybody in":                             {"default-deny", []rules.Resource{namespace, denying("companion", m{"podSelector": m{}, "policyTypes": both, "ingress": []any{m{}}})}, "nothing denies ingress in"},
		"two pods":                                                    {"two-replicas", []rules.Resource{deployment(2.0)}, ""},
		"a number that is known later":                                {"two-replicas", []rules.Resource{deployment(rules.Unknown{})}, ""},
		"an autoscaler's two pods":                                    {"two-replicas", []rules.Resource{deployment(nil), scaler("backend", 2.0)}, ""},
		"one pod":                                                     {"two-replicas", []rules.Resource{deployment(1.0)}, "it has 1 pods"},
		"no number":                                                   {"two-replicas", []rules.Resource{deployment(nil)}, "it has 1 pods"},
		"an autoscaler's one pod":                                     {"two-replicas", []rules.Resource{deployment(nil), scaler("backend", 1.0)}, "it has 1 pods"},
		"another's autoscaler":                                        {"two-replicas", []rules.Resource{deployment(nil), scaler("banking", 2.0)}, "it has 1 pods"},
		"a budget that selects the pods":                              {"disruption-budgets", []rules.Resource{deployment(2.0), object("policy/v1:PodDisruptionBudget", "b", m{"selector": m{"matchLabels": m{"app": "backend"}}})}, ""},
		"a budget of others":                                          {"disruption-budgets", []rules.Resource{deployment(2.0), object("policy/v1:PodDisruptionBudget", "b", m{"selector": m{"matchLabels": m{"app": "banking"}}})}, "all of its pods at once"},
		"no budget":                                                   {"disruption-budgets", []rules.Resource{deployment(2.0)}, "all of its pods at once"},
		"an autoscaler alone sets the number":                         {"autoscalers-own-replicas", []rules.Resource{deployment(nil), scaler("backend", 2.0)}, ""},
		"two set the number":                                          {"autoscalers-own-replicas", []rules.Resource{deployment(3.0), scaler("backend", 2.0)}, "both the program and an autoscaler"},
		"KEDA and the program set the number":                         {"autoscalers-own-replicas", []rules.Resource{deployment(3.0), object("keda.sh/v1alpha1:ScaledObject", "s", m{"scaleTargetRef": m{"name": "backend"}})}, "both the program and an autoscaler"},
		"a monitor of the pods":                                       {"scraped-metrics", []rules.Resource{deployment(2.0), object("monitoring.coreos.com/v1:PodMonitor", "p", m{"selector": m{"matchLabels": m{"app": "backend"}}})}, ""},
		"a monitor of others":                                         {"scraped-metrics", []rules.Resource{deployment(2.0), object("monitoring.coreos.com/v1:PodMonitor", "p", m{"selector": m{"matchLabels": m{"app": "banking"}}})}, "scraped by nothing"},
		"no monitor":                                                  {"scraped-metrics", []rules.Resource{deployment(2.0)}, "scraped by nothing"},
		"a rule of the service's":                                     {"objectives", []rules.Resource{deployment(2.0), object("monitoring.coreos.com/v1:PrometheusRule", "r", m{"groups": []any{m{"labels": m{"service": "backend"}}}})}, ""},
		"a rule of another's":                                         {"objectives", []rules.Resource{deployment(2.0), object("monitoring.coreos.com/v1:PrometheusRule", "r", m{"groups": []any{m{"labels": m{"service": "mcp"}}}})}, "how well it has to work"},
		"a dashboard that names the service":                          {"dashboards", []rules.Resource{deployment(2.0), dashboard(`{"title": "backend"}`)}, ""},
		"a dashboard that is known later":                             {"dashboards", []rules.Resource{deployment(2.0), dashboard(rules.Unknown{})}, ""},
		"a dashboard of another":                                      {"dashboards", []rules.Resource{deployment(2.0), dashboard(`{"title": "backends"}`)}, "no dashboard shows it"},
		"what the budget allows":                                      {"monthly-budget", []rules.Resource{cluster("s-4vcpu-8gb", 2)}, ""},
		"a cent more than the budget":                                 {"monthly-budget", []rules.Resource{cluster("s-4vcpu-8gb", 2), object("core/v1:PersistentVolumeClaim", "v", m{"resources": m{"requests": m{"storage": "40Gi"}}}), object("core/v1:PersistentVolumeClaim", "w", m{"resources": m{"requests": m{"storage": "1Mi"}}})}, "it costs $100.10 a month, more than the budget of $100 (2 nodes s-4vcpu-8gb $96.00"},
		"what a chart's operator claims, a volume a pod": {"monthly-budget", []rules.Resource{cluster("s-4vcpu-8gb", 2), rules.New("kubernetes:helm.sh/v3:Release", "r", "urn:r", m{"chart": "kube-prometheus-stack", "values": m{
			"prometheusSpec":   m{"replicas": 2.0, "storageSpec": m{"volumeClaimTemplate": m{"spec": m{"resources": m{"requests": m{"storage": "20Gi"}}}}}},
			"alertmanagerSpec": m{"storage": m{"volumeClaimTemplate": m{"spec": m{"resources": m{"requests": m{"storage": "1Gi"}}}}}},
		}})}, "it costs $100.10 a month"},
		"a size that is known later":                     {"monthly-budget", []rules.Resource{cluster(rules.Unknown{}, 2)}, ""},
		"a size without a price blocks: it may cost all": {"monthly-budget", []rules.Resource{cluster("gpu-h100x8", 1)}, `the price of "gpu-h100x8" is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			rule, exists := rules.Find(c.rule)
			require.True(t, exists)
			found := rule.CheckPlan(rules.Plan{Resources: c.plan, MonthlyBudget: 100, Prices: prices.Listed})
			if c.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Contains(t, found[0].Message(), c.want)
		})
	}
}

// An update may leave out what is not there yet, as the first one of the rehearsal does: what
// that would have held may be what a rule looks for.
func TestWhatIsLeftOutBreaksNoRule(t *testing.T) {
	left := rules.New("kubernetes:helm.sh/v3:Release", "monitoring", "urn:m", nil)
	for _, rule := range rules.All() {
		require.Empty(t, rule.Check(left), rule.Name)
	}
	for rule, kind := range map[string]string{"scraped-metrics": "PodMonitor", "objectives": "PrometheusRule", "dashboards": "ConfigMap"} {
		found, exists := rules.Find(rule)
		require.True(t, exists)
		require.Empty(t, found.CheckPlan(rules.Plan{Resources: []rules.Resource{deployment(2.0)}, LeftOut: []string{kind}}), rule)
		require.NotEmpty(t, found.CheckPlan(rules.Plan{Resources: []rules.Resource{deployment(2.0)}, LeftOut: []string{"Secret"}}), rule)
	}
}

func TestCostOfProduction(t *testing.T) {
	plan := goldenPlan(t, "prod")
	plan.Prices = prices.Listed
	costs := plan.Costs()
	for _, c := range costs {
		require.Empty(t, c.Unknown, c.What)
	}
	components, cents := rules.ByComponent(costs)
	require.Equal(t, rules.Total(costs), sum(cents))
	require.Equal(t, "companion:cluster:Cluster", components[0])
	for _, part := range []string{"companion:cluster:Cluster", "companion:edge:Edge", "companion:kafka:Kafka"} {
		require.Positive(t, cents[part], part)
	}
}

func sum(cents map[string]int) int {
	total := 0
	for _, c := range slices.Collect(maps.Values(cents)) {
		total += c
	}
	return total
}
