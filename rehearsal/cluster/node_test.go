package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/doapi"
)

// A node offers what a Droplet of its size does, or what there is of the machine.
func TestNodesOfferWhatDropletsDo(t *testing.T) {
	for name, test := range map[string]struct {
		size    string
		machine Offer
		offered Offer
	}{
		"a small node":                {"s-2vcpu-4gb", Offer{16000, 64 << 10}, Offer{1900, 2560}},
		"a larger node":               {"s-4vcpu-8gb", Offer{16000, 64 << 10}, Offer{3900, 6 << 10}},
		"a machine with fewer cores":  {"s-4vcpu-8gb", Offer{2000, 24 << 10}, Offer{1900, 6 << 10}},
		"a machine with less memory":  {"s-8vcpu-16gb", Offer{16000, 8 << 10}, Offer{7900, 8<<10 - evictionMiB - 1}},
		"a machine of the same cores": {"s-2vcpu-4gb", Offer{2000, 24 << 10}, Offer{1900, 2560}},
	} {
		t.Run(name, func(t *testing.T) {
			var offer Offer
			offer.MilliCPU, offer.MemoryMiB = doapi.PoolSpec{Size: test.size}.Allocatable()
			kept := offer.reserved(test.machine)
			require.Equal(t, test.offered, Offer{test.machine.MilliCPU - kept.MilliCPU, test.machine.MemoryMiB - kept.MemoryMiB - evictionMiB})
		})
	}
}
