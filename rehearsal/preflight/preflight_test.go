package preflight

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatStandsInTheWayIsOneLineThatSaysWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()

	cases := map[string]struct {
		check func(Wants) error
		wants Wants
		says  []string
	}{
		"a missing package": {packages, Wants{Packages: []string{"no-such-package-here"}}, []string{"no-such-package-here", "make packages"}},
		"a missing program": {programs, Wants{Programs: []string{"no-such-program"}}, []string{"no-such-program", "PATH"}},
		"a taken port":      {ports, Wants{Ports: []string{taken.Addr().String()}}, []string{taken.Addr().String(), "taken", "ss -ltnp"}},
		"a used network":    {ranges, Wants{Bridge: "companion", Ranges: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/16")}}, []string{"lo", "127.0.0.1/8", "overlaps"}},
		"a full disk":       {disk, Wants{Disk: map[string]uint64{"/no/such/folder": 1 << 60}}, []string{"/no/such/folder", "make room"}},
		"too little memory": {memory, Wants{Memory: 1 << 60}, []string{"memory", "end other programs"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := c.check(c.wants)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "\n")
			for _, words := range c.says {
				require.ErrorContains(t, err, words)
			}
		})
	}
}

func TestWhatIsThereIsNoError(t *testing.T) {
	wants := Wants{
		Packages: []string{"dpkg"}, Programs: []string{"sh"}, Ports: []string{"127.0.0.1:0"},
		Bridge: "companion", Ranges: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
		Disk: map[string]uint64{"/": 1}, Memory: 1,
	}
	for _, check := range []func(Wants) error{packages, programs, kernel, ports, ranges, disk, memory} {
		require.NoError(t, check(wants))
	}
}
