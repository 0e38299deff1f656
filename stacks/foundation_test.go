package stacks

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func foundation() map[string]any {
	return map[string]any{
		"companion:registry": map[string]any{"name": "wealth-companion", "region": "fra1"},
		"companion:zones":    []any{"example.com"}, "companion:protected": true,
	}
}

func TestFoundation(t *testing.T) {
	for name, c := range map[string]struct {
		key   string
		value any
		wants []string
	}{
		"what is left out has its default": {},
		"a key of the other stacks":        {"companion:domain", "example.com", []string{"companion:domain is no key"}},
		"a tier that is none":              {"companion:registry", map[string]any{"name": "x", "region": "fra1", "tier": "gold"}, []string{`companion:registry.tier is "gold": set it to one of starter, basic, professional`}},
		"no zone":                          {"companion:zones", []any{}, []string{"companion:zones is empty: set it to the DNS zones"}},
		"a zone that is an address":        {"companion:zones", []any{"example.com", "https://example.com"}, []string{`companion:zones[1] is "https://example.com": set it to a domain`}},
		"no registry":                      {"companion:registry", nil, []string{"companion:registry is missing: set it to an object with name, region, tier"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := foundation()
			if c.key != "" {
				config[c.key] = c.value
			}
			maps.DeleteFunc(config, func(_ string, value any) bool { return value == nil })
			read, err := ReadFoundation(config)
			for _, want := range c.wants {
				require.ErrorContains(t, err, want)
			}
			if c.wants == nil {
				require.NoError(t, err)
				require.Equal(t, "professional", read.Registry.Tier)
				require.Equal(t, "letsencrypt.org", read.CertificateAuthority)
			}
		})
	}
}

func TestFoundationOutputs(t *testing.T) {
	outputs := map[string]any{"registry": "registry.digitalocean.com/x", "registryName": "x", "zones": []any{"example.com"}}
	read, err := ReadFoundationOutputs(outputs)
	require.NoError(t, err)
	require.Equal(t, []string{"example.com"}, read.Zones)
	delete(outputs, "zones")
	_, err = ReadFoundationOutputs(outputs)
	require.ErrorContains(t, err, "foundation-outputs.schema.json")
}

// TestEveryStackHasAFoundation: the registry and the domain that a stack looks up are
// those that the foundation of its account creates.
func TestEveryStackHasAFoundation(t *testing.T) {
	foundations := map[string]Foundation{}
	for _, account := range []string{"account", "rehearsal-account"} {
		read, err := ReadFoundation(fileConfig(t, filepath.Join("..", "infra", "foundation", "Pulumi."+account+".yaml")))
		require.NoError(t, err, account)
		foundations[account] = read
	}
	for stack, account := range map[string]string{"prod": "account", "staging": "account", "rehearsal": "rehearsal-account"} {
		config := fileConfig(t, filepath.Join("..", "Pulumi."+stack+".yaml"))
		config["companion:release"] = "any"
		read, err := Read(config)
		require.NoError(t, err, stack)
		require.Equal(t, foundations[account].Registry.Name, read.Registry.Name, stack)
		require.True(t, slices.Contains(foundations[account].Zones, read.Domain), "%s: no zone is %s", stack, read.Domain)
		if read.Issuer.Kind == "acme" {
			require.Contains(t, strings.ReplaceAll(read.Issuer.Server, "-v02.api.", "."), foundations[account].CertificateAuthority, "CAA records refuse the stack's certificates")
		}
	}
}

func fileConfig(t *testing.T, name string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile(name)
	require.NoError(t, err)
	var file struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal(raw, &file))
	return file.Config
}
