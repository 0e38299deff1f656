package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/settings"
)

func TestCheck(t *testing.T) {
	whole, err := os.ReadFile("../../Pulumi.rehearsal.yaml")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		from, to string
		want     []string // one a line; none: it is right
	}{
		"as it is":                {"", "", nil},
		"a value that is wrong":   {"nodeCount: 3", "nodeCount: 2", []string{"companion:cluster.nodeCount is 2: set it to 3 or more"}},
		"a value that is missing": {"domain: companion.localhost", "domain: ''", []string{"companion:domain is empty: set it to a domain"}},
		"a shape that is none":    {"companion:issuer: {kind: ca}", "companion:issuer: []", []string{"companion:issuer must be of type object, not array"}},
		"a key of nothing":        {"companion:dapr: {ha: false,", "companion:dapr: {haa: false,", []string{"companion:dapr.haa is no key: did you mean ha?", "companion:dapr.ha is missing"}},
		"no configuration":        {"config:", "konfig:", []string{"has no `config`"}},
		"no YAML":                 {"config:", "config: [", []string{"Pulumi.rehearsal.yaml cannot be read"}},
		"what may be left aside":  {"host: 10.110.0.1", "host: ''", []string{"companion:mail.host is empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			require.Contains(t, string(whole), c.from)
			text := strings.Replace(string(whole), c.from, c.to, 1)
			require.NoError(t, os.WriteFile(filepath.Join(root, "Pulumi.rehearsal.yaml"), []byte(text), 0o600))
			err := Check(settings.Folders{Root: root}, "rehearsal")
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	require.ErrorContains(t, Check(settings.Folders{Root: t.TempDir()}, "none"), "has no Pulumi.none.yaml")
}
