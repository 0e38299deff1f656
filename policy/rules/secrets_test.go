package rules

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The corpus has no providers: the engine has its own idea of what one may be given.
func TestAKubeconfigIsSecretWhereItsTextIs(t *testing.T) {
	const kubeconfig = `{"apiVersion": "v1", "kind": "Config", "users": [{"name": "admin", "user": {"token": "hunter2"}}]}`
	for name, row := range map[string]struct {
		kubeconfig any
		broken     bool
	}{
		"Pulumi keeps it secret": {Sealed{Value: kubeconfig}, false},
		"in the clear":           {kubeconfig, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := New("pulumi:providers:kubernetes", "doks", "urn:pulumi:prod::companion::pulumi:providers:kubernetes::doks", map[string]any{"kubeconfig": row.kubeconfig})
			require.Equal(t, row.broken, len(plainSecrets(r)) > 0)
		})
	}
}
