package main

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/wealth-companion/companion/app/ops/trace"
)

// A trace that is not found says why it may not be there, and where to look then.
func TestATraceThatIsNotFoundIsExplained(t *testing.T) {
	const id = "0197a1d27b5e7c3a9d101f2e3d4c5b6a"
	backend := func(env ...corev1.EnvVar) *appsv1.Deployment {
		return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "companion", Name: "backend"}, Spec: appsv1.DeploymentSpec{
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Env: env}}}},
		}}
	}
	sampled := backend(corev1.EnvVar{Name: "OTEL_TRACES_SAMPLER_ARG", Value: "0.05"})
	away := errors.New("no pod behind this Service is ready")
	for name, c := range map[string]struct {
		deployment *appsv1.Deployment
		err        error
		want       string
	}{
		"not recorded, perhaps": {sampled, trace.ErrNotFound, "5 of a hundred traces are recorded (companion:tracing.sampledPercent)"},
		"none are recorded":     {backend(), away, "no traces are recorded: companion:tracing.enabled is false"},
		"Jaeger is away":        {sampled, away, "no pod behind this Service is ready (is it there? kubectl -n tracing get pods)"},
	} {
		t.Run(name, func(t *testing.T) {
			err := explained(t.Context(), fake.NewClientset(c.deployment), id, c.err)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "--all-containers --prefix --tail=-1 | grep "+id)
		})
	}
}

func TestTraceTellsWhatIsWrongWithACall(t *testing.T) {
	for _, args := range [][]string{{"trace"}, {"trace", "42"}, {"trace", "0197a1d27b5e7c3a9d101f2e3d4c5b6a"}} {
		cmd := command()
		cmd.SetArgs(args)
		require.ErrorIs(t, cmd.ExecuteContext(t.Context()), errUsage, "%v", args)
	}
}
