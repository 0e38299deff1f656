package cluster

import (
	"context"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
)

func certificate(content string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(content)})
}

// scene is a cluster with an authority, its copy, and two clients, of which one may stay
// without new pods.
func scene(t *testing.T, authority map[string][]byte, copied []byte, stuck string) (*Cluster, Follow) {
	t.Helper()
	meta := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name}
	}
	client := fake.NewClientset(
		&corev1.Secret{ObjectMeta: meta("kafka", "events-cluster-ca-cert"), Data: authority},
		&corev1.Secret{ObjectMeta: meta("companion", "kafka-ca"), Data: map[string][]byte{"ca.crt": copied}},
		&appsv1.Deployment{ObjectMeta: meta("companion", "analytics"), Status: appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}},
		&appsv1.Deployment{ObjectMeta: meta("companion", "backend"), Status: appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}},
	)
	if stuck != "" {
		client.PrependReactor("get", "deployments", func(action ktesting.Action) (bool, runtime.Object, error) {
			if action.(ktesting.GetAction).GetName() != stuck {
				return false, nil, nil
			}
			return true, &appsv1.Deployment{ObjectMeta: meta("companion", stuck), Status: appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 1, AvailableReplicas: 1}}, nil
		})
	}
	return &Cluster{client: client}, Follow{
		FromNamespace: "kafka", From: "events-cluster-ca-cert", ToNamespace: "companion", To: "kafka-ca",
		Deployments: []string{"analytics", "backend"}, Ready: 20 * time.Millisecond,
	}
}

func (c *Cluster) state(t *testing.T) (authority string, waiting bool, read map[string]string) {
	t.Helper()
	copied, err := c.client.CoreV1().Secrets("companion").Get(context.Background(), "kafka-ca", metav1.GetOptions{})
	require.NoError(t, err)
	_, waiting = copied.Annotations[annotationReplacing]
	read = map[string]string{}
	list, err := c.client.AppsV1().Deployments("companion").List(context.Background(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, d := range list.Items {
		read[d.Name] = d.Spec.Template.Annotations[annotationRead]
	}
	return string(copied.Data["ca.crt"]), waiting, read
}

func TestAnAuthorityThatStaysReplacesNoPod(t *testing.T) {
	c, f := scene(t, map[string][]byte{"ca.crt": certificate("one"), "ca.p12": {1}}, append([]byte("\n"), certificate("one")...), "")
	require.NoError(t, c.FollowAuthority(t.Context(), f, func(done string) { t.Error(done) }))
	_, waiting, read := c.state(t)
	require.False(t, waiting)
	require.Equal(t, map[string]string{"analytics": "", "backend": ""}, read)
}

func TestARenewedAuthorityReachesEveryClient(t *testing.T) {
	c, f := scene(t, map[string][]byte{"ca.crt": certificate("two"), "ca-2026-11-27.crt": certificate("one")}, certificate("one"), "")
	var reports []string
	require.NoError(t, c.FollowAuthority(t.Context(), f, func(done string) { reports = append(reports, done) }))
	authority, waiting, read := c.state(t)
	bundle := string(certificate("two")) + string(certificate("one"))
	require.Equal(t, bundle, authority, "the one of before is trusted while the operator keeps it")
	require.False(t, waiting)
	version := fingerprint([]byte(bundle))
	require.Equal(t, map[string]string{"analytics": version, "backend": version}, read)
	require.Equal(t, []string{
		"the authority " + version + " is in secret companion/kafka-ca", "the pods of analytics are replaced", "the pods of backend are replaced",
	}, reports)
	require.NoError(t, c.FollowAuthority(t.Context(), f, func(done string) { t.Error(done) }), "again")
}

// A renewal that was cut off, here by pods that do not become ready, touches nobody else
// and goes on the next time.
func TestARenewalGoesOn(t *testing.T) {
	authority := map[string][]byte{"ca.crt": certificate("two")}
	c, f := scene(t, authority, certificate("one"), "analytics")
	require.ErrorContains(t, c.FollowAuthority(t.Context(), f, func(string) {}), "deployment companion/analytics: 1 of 1 pods with the new authority are ready, and no further Deployment is touched")
	_, waiting, read := c.state(t)
	require.True(t, waiting)
	require.Empty(t, read["backend"])

	c.client.(*fake.Clientset).ReactionChain = c.client.(*fake.Clientset).ReactionChain[1:] // analytics is ready now
	require.NoError(t, c.FollowAuthority(t.Context(), f, func(string) {}))
	_, waiting, read = c.state(t)
	require.False(t, waiting)
	require.Equal(t, fingerprint(certificate("two")), read["backend"])
}

func TestWhatIsNoAuthorityReachesNobody(t *testing.T) {
	for name, authority := range map[string]map[string][]byte{
		"nothing":           {"ca.password": []byte("x")},
		"an empty file":     {"ca.crt": nil},
		"a key":             {"ca.crt": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})},
		"one of two is bad": {"ca.crt": certificate("two"), "ca-2026.crt": []byte("x")},
	} {
		t.Run(name, func(t *testing.T) {
			c, f := scene(t, authority, certificate("one"), "")
			require.ErrorContains(t, c.FollowAuthority(t.Context(), f, func(done string) { t.Error(done) }), "events-cluster-ca-cert")
			copied, _, _ := c.state(t)
			require.Equal(t, string(certificate("one")), copied)
		})
	}
}
