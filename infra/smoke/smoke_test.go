package smoke

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const admin = `
apiVersion: v1
kind: Config
clusters: [{name: do-fra1-companion, cluster: {server: "https://example.com", certificate-authority-data: QUJD}}]
users: [{name: admin, user: {token: "of the administrator"}}]
`

func TestTheAccountsKubeconfigHasItsTokenOnly(t *testing.T) {
	written, err := kubeconfig(admin, "YSB0b2tlbg==")
	require.NoError(t, err)
	require.NotContains(t, written, "administrator")
	var read map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(written), &read))
	require.Equal(t, map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "smoke",
		"clusters": []any{map[string]any{"name": "smoke", "cluster": map[string]any{"server": "https://example.com", "certificate-authority-data": "QUJD"}}},
		"users":    []any{map[string]any{"name": "smoke", "user": map[string]any{"token": "a token"}}},
		"contexts": []any{map[string]any{"name": "smoke", "context": map[string]any{"cluster": "smoke", "user": "smoke"}}},
	}, read)
}

func TestWhatGivesNoKubeconfig(t *testing.T) {
	for name, c := range map[string]struct{ admin, token, want string }{
		"no token yet":       {admin, "", "has no token"},
		"no YAML":            {"a: [", "YSB0b2tlbg==", "the cluster's kubeconfig"},
		"no cluster":         {"clusters: []", "YSB0b2tlbg==", "of no one cluster"},
		"a token in no form": {admin, "%", "has no token"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kubeconfig(c.admin, c.token)
			require.ErrorContains(t, err, c.want)
		})
	}
}
