package cluster

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRulesOfTheControlPlaneFirewall(t *testing.T) {
	n := Network{
		Bridge: "br-test", VPC: netip.MustParsePrefix("10.110.0.0/20"), Pods: netip.MustParsePrefix("10.112.0.0/16"), Services: netip.MustParsePrefix("10.113.0.0/16"),
	}
	require.NotContains(t, n.apiRules(nil), "reject", "without a firewall everybody is let in")
	require.Contains(t, n.apiRules([]netip.Prefix{}), "elements = { 10.110.0.0/20, 10.112.0.0/16 }", "nodes and pods always")
	given := []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("10.110.0.1/32")}
	rules := n.apiRules(given)
	require.Contains(t, rules, "203.0.113.7/32")
	require.NotContains(t, rules, "2001:db8::")
	require.Contains(t, rules, "ip daddr 10.110.0.1 tcp dport 6443 ip saddr != @allowed reject")
	check := exec.CommandContext(t.Context(), "nft", "--check", "-f", "-")
	check.Stdin = strings.NewReader(rules)
	out, err := check.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
