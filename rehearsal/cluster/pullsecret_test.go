//go:build integration

package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wealth-companion/companion/rehearsal/doapi"
	"github.com/wealth-companion/companion/rehearsal/internal/testcluster"
)

// As at DigitalOcean, the registry's integration does nothing for pods that run as an account of
// their own, which all of the program's do: they name a Secret of the program's.
func TestTheRegistrysSecretIsTheDefaultAccountsAlone(t *testing.T) {
	running := testcluster.Start(t, "serviceaccount-controller")
	api, namespace := running.Clients, running.Namespace(t)
	_, err := api.CoreV1().ServiceAccounts(namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "backend"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	own := corev1.LocalObjectReference{Name: "mine"}
	require.Eventually(t, func() bool {
		account, err := api.CoreV1().ServiceAccounts(namespace).Get(t.Context(), "default", metav1.GetOptions{})
		if err != nil {
			return false
		}
		account.ImagePullSecrets = []corev1.LocalObjectReference{own}
		_, err = api.CoreV1().ServiceAccounts(namespace).Update(t.Context(), account, metav1.UpdateOptions{})
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)

	for _, config := range []string{`{"auths": {"a": {}}}`, `{"auths": {"b": {}}}`} { // a new token follows
		pull := doapi.PullSecret{Name: "wealth-companion", DockerConfig: []byte(config)}
		require.NoError(t, spread(t.Context(), api, pull))
		require.NoError(t, spread(t.Context(), api, pull), "again changes nothing")
		for _, in := range []string{namespace, "kube-system", "default"} {
			secret, err := api.CoreV1().Secrets(in).Get(t.Context(), "wealth-companion", metav1.GetOptions{})
			require.NoError(t, err, in)
			require.Equal(t, corev1.SecretTypeDockerConfigJson, secret.Type)
			require.Equal(t, config, string(secret.Data[corev1.DockerConfigJsonKey]))
		}
	}
	account, err := api.CoreV1().ServiceAccounts(namespace).Get(t.Context(), "default", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, []corev1.LocalObjectReference{own, {Name: "wealth-companion"}}, account.ImagePullSecrets, "what it had stays")
	account, err = api.CoreV1().ServiceAccounts(namespace).Get(t.Context(), "backend", metav1.GetOptions{})
	require.NoError(t, err)
	require.Empty(t, account.ImagePullSecrets)
}
