package kube

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func TestExceptionsNameSomething(t *testing.T) {
	for name, c := range map[string]struct {
		allow Allow
		fails bool
	}{
		"neither peers nor ports":    {Allow{}, true},
		"everybody, at a port":       {Allow{Ports: []int{443}}, false},
		"all pods of the namespace":  {Allow{Peers: []Peer{{}}}, false},
		"everybody, at a port (UDP)": {Allow{UDP: []int{53}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := c.allow.rule("x")
			require.Equal(t, c.fails, err != nil)
		})
	}
}

func TestPeers(t *testing.T) {
	own := Peer{}.args()
	require.NotNil(t, own.PodSelector, "without a selector a peer would be nobody")
	require.Nil(t, own.NamespaceSelector)
	others := Peer{Namespace: pulumi.String("kafka")}.args()
	require.Nil(t, others.PodSelector)
	require.NotNil(t, others.NamespaceSelector)
	require.Equal(t, []Peer{{Range: "203.0.113.0/24"}}, Ranges([]string{"203.0.113.0/24"}))
	require.Equal(t, Internet(), Ranges(nil))
}

func TestTheInternetHasNoPrivateAddress(t *testing.T) {
	for what, address := range map[string]string{
		"a node": "10.110.0.11", "a Droplet's metadata": "169.254.169.254", "the nodes' other network": "172.16.3.4",
		"a home": "192.168.1.1", "a carrier's network": "100.65.0.1", "the machine itself": "127.0.0.1",
	} {
		excepted := false
		for _, network := range Internet()[0].Except {
			excepted = excepted || netip.MustParsePrefix(network).Contains(netip.MustParseAddr(address))
		}
		require.True(t, excepted, what)
	}
}
