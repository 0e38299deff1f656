package cluster

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strings"
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

// daprScene is a cluster in which Dapr has an authority, and two services with sidecars. Pods
// are replaced as soon as a Deployment's template changes, and get the roots of then.
type daprScene struct {
	t      *testing.T
	client *fake.Clientset
	now    time.Time
	made   []string // what the reports say
	early  int      // so many pods are still created with the roots of before
	writes int
	fails  int // the write that fails; none when 0
}

const daprLifetime = 365 * 24 * time.Hour

func newDaprScene(t *testing.T, age time.Duration) *daprScene {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	authority, err := newAuthority(pkix.Name{Organization: []string{"cluster.local"}}, pkix.Name{Organization: []string{"spiffe://cluster.local/ns/dapr-system/dapr-sentry"}}, now.Add(-age), daprLifetime)
	require.NoError(t, err)
	roots := string(authority[rootsKey])
	objects := []runtime.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "dapr-system", Name: trustBundle}, Data: authority},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "dapr-system", Name: trustBundle}, Data: map[string]string{rootsKey: roots}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "dapr-system", Name: "dapr-authority"}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "companion", Name: "no-sidecar"}},
		pod("ended", nil, roots, corev1.PodSucceeded),
	}
	for _, name := range []string{"analytics", "backend"} {
		objects = append(objects, &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "companion", Name: name},
			Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}},
			Status:     appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1},
		}, pod(name, map[string]string{"app": name}, roots, corev1.PodRunning))
	}
	s := &daprScene{t: t, client: fake.NewClientset(objects...), now: now}
	s.client.PrependReactor("patch", "*", func(action ktesting.Action) (bool, runtime.Object, error) {
		s.writes++
		if s.writes == s.fails {
			return true, nil, errors.New("the API server is away")
		}
		if action.GetResource().Resource == "deployments" {
			s.replaces(action.(ktesting.PatchAction).GetName())
		}
		return false, nil, nil
	})
	return s
}

func pod(name string, labels map[string]string, roots string, phase corev1.PodPhase) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "companion", Name: name, Labels: labels},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "main"}, {Name: sidecarContainer, Env: []corev1.EnvVar{{Name: rootsVariable, Value: roots}}},
		}},
		Status: corev1.PodStatus{Phase: phase},
	}
}

func (s *daprScene) replaces(deployment string) {
	if s.early > 0 {
		s.early--
		return
	}
	s.consistent()
	s.create(deployment)
}

// create creates the pod of a Deployment anew, with the roots of now.
func (s *daprScene) create(deployment string) {
	err := s.client.Tracker().Update(corev1.SchemeGroupVersion.WithResource("pods"), pod(deployment, map[string]string{"app": deployment}, s.roots(), corev1.PodRunning), "companion")
	require.NoError(s.t, err)
}

func (s *daprScene) roots() string {
	read, err := s.client.Tracker().Get(corev1.SchemeGroupVersion.WithResource("configmaps"), "dapr-system", trustBundle)
	require.NoError(s.t, err)
	return read.(*corev1.ConfigMap).Data[rootsKey]
}

func (s *daprScene) secret(name string) *corev1.Secret {
	read, err := s.client.Tracker().Get(corev1.SchemeGroupVersion.WithResource("secrets"), "dapr-system", name)
	require.NoError(s.t, err)
	return read.(*corev1.Secret)
}

// consistent is what must hold at any time: whoever reads roots anywhere trusts what the
// issuer of now signs.
func (s *daprScene) consistent() {
	s.t.Helper()
	s.trusts(s.secret(trustBundle).Data[issuerKey], "the issuer")
}

// trusts checks that an issuer is trusted by everybody.
func (s *daprScene) trusts(issuer []byte, what string) {
	s.t.Helper()
	all := map[string]string{"the authority": string(s.secret(trustBundle).Data[rootsKey]), "the control plane": s.roots()}
	pods, err := s.client.Tracker().List(corev1.SchemeGroupVersion.WithResource("pods"), corev1.SchemeGroupVersion.WithKind("Pod"), "companion")
	require.NoError(s.t, err)
	for _, one := range pods.(*corev1.PodList).Items {
		if roots, has := rootsOf(one.Spec); has && one.Status.Phase == corev1.PodRunning {
			all["pod "+one.Name] = roots
		}
	}
	chain, err := parsed(issuer)
	require.NoError(s.t, err)
	for who, roots := range all {
		trusted := x509.NewCertPool()
		require.True(s.t, trusted.AppendCertsFromPEM([]byte(roots)), who)
		_, err := chain[0].Verify(x509.VerifyOptions{Roots: trusted, CurrentTime: s.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		require.NoError(s.t, err, "%s by %s", what, who)
	}
}

func (s *daprScene) renews() error {
	s.made = nil
	c := &Cluster{client: s.client}
	return c.Renew(s.t.Context(), Renewal{
		Namespace: "dapr-system", Next: "dapr-authority", Clients: "companion", Deployments: []string{"analytics", "backend"},
		Lifetime: daprLifetime, RenewBefore: 60 * 24 * time.Hour, Workload: 24 * time.Hour, Ready: 20 * time.Millisecond,
		Now: func() time.Time { return s.now },
	}, func(done string) { s.made = append(s.made, done) })
}

func (s *daprScene) numberOfRoots() int {
	s.t.Helper()
	require.Equal(s.t, s.roots(), string(s.secret(trustBundle).Data[rootsKey]), "Dapr makes an authority of its own when they differ")
	return strings.Count(s.roots(), "BEGIN CERTIFICATE")
}

func TestAnAuthorityWhoseEndIsFarStays(t *testing.T) {
	s := newDaprScene(t, daprLifetime-61*24*time.Hour)
	require.NoError(t, s.renews())
	require.Empty(t, s.made)
	require.Zero(t, s.writes)
}

func TestAnAuthorityIsRenewedBeforeItsEnd(t *testing.T) {
	s := newDaprScene(t, daprLifetime-59*24*time.Hour)
	before := s.secret(trustBundle).DeepCopy()
	require.NoError(t, s.renews())
	s.consistent()
	require.Len(t, s.made, 5, s.made)
	require.Equal(t, 2, s.numberOfRoots())
	require.NotEqual(t, before.Data[issuerKey], s.secret(trustBundle).Data[issuerKey])
	require.NotEqual(t, before.Data[signerKey], s.secret(trustBundle).Data[signerKey])
	s.trusts(before.Data[issuerKey], "what the issuer of before signed")

	s.now = s.now.Add(23 * time.Hour)
	require.NoError(t, s.renews())
	require.Empty(t, s.made, "sidecars still show certificates of before")
	s.now = s.now.Add(2 * time.Hour)
	require.NoError(t, s.renews())
	require.Equal(t, []string{"Dapr's root of before is trusted no more"}, s.made)
	require.Equal(t, 1, s.numberOfRoots())
	s.consistent()
	next := s.secret("dapr-authority")
	require.Empty(t, next.Data, "its key is in one place only")
	require.Empty(t, next.Annotations)

	writes := s.writes
	require.NoError(t, s.renews())
	require.Equal(t, writes, s.writes)
	s.now = s.now.Add(daprLifetime - 60*24*time.Hour)
	require.NoError(t, s.renews())
	require.Equal(t, 2, s.numberOfRoots(), "and the next time")
	s.consistent()
}

// Whatever write fails, everybody trusts everybody, and the next call ends what was begun.
func TestARenewalThatIsCutOffGoesOn(t *testing.T) {
	for fails := 1; ; fails++ {
		s := newDaprScene(t, daprLifetime-59*24*time.Hour)
		s.fails = fails
		failed := false
		for range 4 {
			if err := s.renews(); err != nil {
				require.ErrorContains(t, err, "the API server is away")
				failed = true
			}
			s.consistent()
			s.now = s.now.Add(25 * time.Hour)
		}
		require.Equal(t, 1, s.numberOfRoots(), "write %d failed", fails)
		end, err := endOf(s.secret(trustBundle).Data)
		require.NoError(t, err)
		require.Greater(t, end.Sub(s.now), 300*24*time.Hour)
		if !failed {
			require.Greater(t, fails, 8, "every write was tried")
			return
		}
	}
}

// The injector read the roots of before: the issuer stays until the pods were replaced again.
func TestNoIssuerThatASidecarDistrustsSigns(t *testing.T) {
	s := newDaprScene(t, daprLifetime)
	s.now = s.now.Add(-time.Hour)
	s.early = 1
	before := s.secret(trustBundle).Data[signerKey]
	require.ErrorContains(t, s.renews(), "sidecars of companion/{analytics} do not trust the next root: the issuer stays as it is")
	require.Equal(t, before, s.secret(trustBundle).Data[signerKey])
	s.consistent()
	s.now = s.now.Add(time.Second)
	require.NoError(t, s.renews())
	require.Equal(t, []string{"the pods of analytics are replaced", "Dapr's next issuer signs"}, s.made)
	s.consistent()
}

// A pod outside of the Deployments, such as one by hand, counts too.
func TestASidecarThatNobodyNamedIsWaitedFor(t *testing.T) {
	s := newDaprScene(t, daprLifetime-time.Hour)
	require.NoError(t, s.client.Tracker().Add(pod("by-hand", nil, s.roots(), corev1.PodRunning)))
	require.ErrorContains(t, s.renews(), "{by-hand}")
	s.consistent()
}

func TestTheControlPlaneHasTimeToRead(t *testing.T) {
	s := newDaprScene(t, daprLifetime-time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := (&Cluster{client: s.client}).Renew(ctx, Renewal{
		Namespace: "dapr-system", Next: "dapr-authority", Clients: "companion", Deployments: []string{"analytics", "backend"},
		Lifetime: daprLifetime, RenewBefore: 60 * 24 * time.Hour, Settle: time.Hour, Now: func() time.Time { return s.now },
	}, func(string) {})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 2, s.numberOfRoots())
	for _, name := range []string{"analytics", "backend"} {
		its, err := s.client.AppsV1().Deployments("companion").Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		require.Empty(t, its.Spec.Template.Annotations)
	}
}

// Dapr makes an authority when it finds none, or two that differ.
func TestAnAuthorityThatDaprMadeMeanwhile(t *testing.T) {
	s := newDaprScene(t, daprLifetime-time.Hour)
	s.early = 2
	require.Error(t, s.renews())
	made, err := newAuthority(pkix.Name{Organization: []string{"cluster.local"}}, pkix.Name{Organization: []string{"sentry"}}, s.now, daprLifetime)
	require.NoError(t, err)
	used, roots := s.secret(trustBundle).DeepCopy(), string(made[rootsKey])
	used.Data = made
	require.NoError(t, s.client.Tracker().Update(corev1.SchemeGroupVersion.WithResource("secrets"), used, "dapr-system"))
	require.NoError(t, s.client.Tracker().Update(corev1.SchemeGroupVersion.WithResource("configmaps"),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "dapr-system", Name: trustBundle}, Data: map[string]string{rootsKey: roots}}, "dapr-system"))
	s.create("analytics")
	s.create("backend")
	s.now = s.now.Add(time.Second)
	require.NoError(t, s.renews())
	require.Equal(t, 2, s.numberOfRoots())
	s.consistent()
}

func TestAnAuthorityThatCannotBeReadStays(t *testing.T) {
	for name, change := range map[string]func(map[string][]byte){
		"none yet":       func(data map[string][]byte) { clear(data) },
		"no certificate": func(data map[string][]byte) { data[issuerKey] = []byte("x") },
		"of somebody else's": func(data map[string][]byte) {
			other, err := newAuthority(pkix.Name{}, pkix.Name{}, time.Now(), time.Hour)
			require.NoError(t, err)
			data[rootsKey] = other[rootsKey]
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newDaprScene(t, daprLifetime-time.Hour)
			used := s.secret(trustBundle).DeepCopy()
			change(used.Data)
			require.NoError(t, s.client.Tracker().Update(corev1.SchemeGroupVersion.WithResource("secrets"), used, "dapr-system"))
			require.ErrorContains(t, s.renews(), trustBundle)
			require.Zero(t, s.writes)
		})
	}
}
