package kubernetes

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

func joined(reasons []string) string { return strings.Join(reasons, "\n") }

func scaleTo(t *testing.T, client kubernetes.Interface, namespace, name string, replicas int32) *autoscalingv1.Scale {
	t.Helper()
	scale, err := client.AppsV1().Deployments(namespace).GetScale(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	scale.Spec.Replicas = replicas
	return scale
}

func patchStatus(t *testing.T, s *stack, token string, of *recorded, patch string) {
	t.Helper()
	gvk, err := kindOf(urnOf(token, "x"))
	require.NoError(t, err)
	namespace, name := splitID(of.id)
	client, err := s.provider.cluster.client(gvk, namespace)
	require.NoError(t, err)
	_, err = client.Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	require.NoError(t, err)
}
