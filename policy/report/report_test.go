package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/policy/levels"
	"github.com/wealth-companion/companion/policy/prices"
	"github.com/wealth-companion/companion/policy/rules"
	"github.com/wealth-companion/companion/stacks"
)

func TestReport(t *testing.T) {
	l, err := levels.New(stacks.Policy{Exceptions: []stacks.Exception{{Rule: "default-deny", Resources: []string{"open"}, Reason: "walls come later"}}})
	require.NoError(t, err)
	namespace := rules.New("kubernetes:core/v1:Namespace", "open", "urn:1", map[string]any{"metadata": map[string]any{"name": "open"}})
	cluster := rules.New("digitalocean:index/kubernetesCluster:KubernetesCluster", "cluster",
		"urn:pulumi:prod::companion::companion:cluster:Cluster$digitalocean:index/kubernetesCluster:KubernetesCluster::cluster",
		map[string]any{"ha": true, "nodePool": map[string]any{"size": "s-4vcpu-8gb", "nodeCount": 3.0}})
	var out strings.Builder
	Report{
		Stack: "prod", Levels: l, Plan: rules.Plan{Resources: []rules.Resource{namespace, cluster}, MonthlyBudget: 200, Prices: prices.Listed},
		Violations: map[string][]rules.Violation{
			"default-deny":   {{Resource: namespace, What: "nothing denies ingress", Remedy: "deny it"}},
			"protected-data": {{Resource: cluster, What: "the cluster is not protected", Remedy: "set Protect"}},
		},
	}.Write(&out)
	for _, line := range []string{
		"; 1 violations block, 1 are excepted\n",
		"   3 nothing by hand in production                  8 rules    1 block    0 excepted\n",
		"   7 no point-to-point coupling between services    5 rules    0 block    1 excepted\n",
		"Blocked by protected-data (principle 3, nothing by hand in production): ",
		"  - KubernetesCluster cluster: the cluster is not protected\n    set Protect\n",
		"Excepted from default-deny (principle 7): walls come later\n  - Namespace open\n",
		"Cost: about $184.00 a month, of a budget of $200 (price list of ",
		"  companion:cluster:Cluster      $184.00  3 nodes s-4vcpu-8gb $144.00, control plane of several machines $40.00\n",
	} {
		require.Contains(t, out.String(), line)
	}
}
