package doapi_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/autoscaler"
	"github.com/wealth-companion/companion/rehearsal/doapi"
	"github.com/wealth-companion/companion/rehearsal/doapi/doapitest"
)

// wishes are what the autoscaler answers next, once each.
type wishes struct {
	mu   sync.Mutex
	next func(doapi.ClusterSpec) (doapi.Scaling, error)
	seen autoscaler.Settings
	asks int
}

func (w *wishes) scale(spec doapi.ClusterSpec) (doapi.Scaling, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = spec.Autoscaler
	w.asks++
	if w.next == nil {
		return doapi.Scaling{}, nil
	}
	defer func() { w.next = nil }()
	return w.next(spec)
}

func (w *wishes) say(next func(doapi.ClusterSpec) (doapi.Scaling, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = next
}

// waits tells whether what was said was never asked for.
func (w *wishes) waits() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next != nil
}

func (w *wishes) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asks
}

func TestPoolsAreAutoscaled(t *testing.T) {
	var w wishes
	_, address := doapitest.Start(t, t.TempDir(), &doapitest.Backend{Scale: w.scale}, doapi.WithAutoscalerInterval(5*time.Millisecond))
	client := doapitest.Client(t, address)
	share, unneeded := 0.5, "1m30s"
	request := clusterRequest("")
	request.ClusterAutoscalerConfiguration = &godo.KubernetesClusterAutoscalerConfiguration{
		ScaleDownUtilizationThreshold: &share, ScaleDownUnneededTime: &unneeded, Expanders: []string{"least_waste"},
	}
	made, _, err := client.Kubernetes.Create(t.Context(), request)
	require.NoError(t, err)
	pool, _, err := client.Kubernetes.CreateNodePool(t.Context(), made.ID, &godo.KubernetesNodePoolCreateRequest{
		Name: "application", Size: "s-2vcpu-4gb", Count: 1, AutoScale: true, MinNodes: 1, MaxNodes: 3,
	})
	require.NoError(t, err)
	nodes := func() []*godo.KubernetesNode {
		now, _, err := client.Kubernetes.GetNodePool(t.Context(), made.ID, pool.ID)
		require.NoError(t, err)
		return now.Nodes
	}
	running := func(count int) bool {
		all := nodes()
		for _, n := range all {
			if n.Status.State != "running" {
				return false
			}
		}
		return len(all) == count
	}
	eventually(t, "the node runs", func() bool { return running(1) })

	grow := func(by int) {
		w.say(func(doapi.ClusterSpec) (doapi.Scaling, error) {
			return doapi.Scaling{Grow: map[string]int{pool.ID: by}, Why: "pods wait"}, nil
		})
	}
	grow(1)
	eventually(t, "there is one more", func() bool { return running(2) })
	require.Equal(t, autoscaler.Settings{ScaleDownUtilizationThreshold: 0.5, ScaleDownUnneededTime: 90 * time.Second}, w.seen)
	grow(5)
	eventually(t, "there are as many as the bounds allow", func() bool { return running(3) })
	w.say(func(doapi.ClusterSpec) (doapi.Scaling, error) { return doapi.Scaling{}, errors.New("no answer") })
	before := w.asked()
	eventually(t, "it goes on looking", func() bool { return w.asked() > before+2 })
	got, _, err := client.Kubernetes.Get(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, godo.KubernetesClusterStatusRunning, got.Status.State, "a look that failed is no fault of the cluster")

	first := nodes()[0].Name
	w.say(func(doapi.ClusterSpec) (doapi.Scaling, error) {
		return doapi.Scaling{Drained: first, Why: "unneeded"}, nil
	})
	eventually(t, "the one that was named goes", func() bool { return running(2) && nodes()[0].Name != first })

	_, _, err = client.Kubernetes.UpdateNodePool(t.Context(), made.ID, pool.ID, &godo.KubernetesNodePoolUpdateRequest{AutoScale: godo.PtrTo(false), Count: godo.PtrTo(2)})
	require.NoError(t, err)
	eventually(t, "as many as were asked for", func() bool { return running(2) })
	grow(1)
	_, _, err = client.Kubernetes.UpdateNodePool(t.Context(), made.ID, pool.ID, &godo.KubernetesNodePoolUpdateRequest{Count: godo.PtrTo(1)})
	require.NoError(t, err)
	eventually(t, "what is asked for is done", func() bool { return running(1) })
	require.True(t, w.waits(), "and nobody looks any more")
}

func TestAutoscalersConfigurationIsRefused(t *testing.T) {
	client, _, _ := start(t)
	half, wrong, minute, never := 0.5, 65.0, "1m", "soon"
	for name, test := range map[string]struct {
		set  godo.KubernetesClusterAutoscalerConfiguration
		says string
	}{
		"a percentage":     {godo.KubernetesClusterAutoscalerConfiguration{ScaleDownUtilizationThreshold: &wrong, ScaleDownUnneededTime: &minute}, "must be from 0 to 1"},
		"no time":          {godo.KubernetesClusterAutoscalerConfiguration{ScaleDownUtilizationThreshold: &half, ScaleDownUnneededTime: &never}, "must be a duration"},
		"no such expander": {godo.KubernetesClusterAutoscalerConfiguration{Expanders: []string{"cheapest"}}, "cheapest"},
	} {
		t.Run(name, func(t *testing.T) {
			request := clusterRequest("")
			request.ClusterAutoscalerConfiguration = &test.set
			_, answer, err := client.Kubernetes.Create(t.Context(), request)
			require.ErrorContains(t, err, test.says)
			require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode)
		})
	}
}
