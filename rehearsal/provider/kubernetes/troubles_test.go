package kubernetes

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

func waits(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: "main", State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message},
	}}
}

func ended(code int32, reason string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}}
}

func crashes() corev1.ContainerStatus {
	status := waits("CrashLoopBackOff", "back-off 10s restarting failed container=main pod=web-1_ns(uid)")
	status.LastTerminationState = ended(1, "Error")
	return status
}

func TestTroublesOfAPod(t *testing.T) {
	running := func(ready bool, last corev1.ContainerState) corev1.ContainerStatus {
		return corev1.ContainerStatus{
			Name: "main", Ready: ready, LastTerminationState: last,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		}
	}
	for name, c := range map[string]struct {
		status corev1.PodStatus
		want   []trouble
	}{
		"nothing known yet": {},
		"being started":     {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waits("ContainerCreating", "")}}, nil},
		"behind an init container": {corev1.PodStatus{
			InitContainerStatuses: []corev1.ContainerStatus{running(true, corev1.ContainerState{})},
			ContainerStatuses:     []corev1.ContainerStatus{waits("PodInitializing", "")},
		}, nil},
		"ready": {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{running(true, ended(1, "Error"))}}, nil},
		"done":  {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "main", State: ended(0, "Completed")}}}, nil},
		"not yet ready": {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{running(false, corev1.ContainerState{})}},
			[]trouble{{container: "main", previous: true, what: "container main runs but is not ready"}}},
		"ended and running again": {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{running(false, ended(2, "OOMKilled"))}},
			[]trouble{{container: "main", reason: "Crashed", crashed: true, previous: true, what: "container main runs again but is not ready; it ended with exit code 2: OOMKilled"}}},
		"just ended": {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "main", State: ended(3, "Error")}}},
			[]trouble{{container: "main", reason: "Crashed", crashed: true, what: "container main ended with exit code 3: Error"}}},
		"an init container that crashes": {corev1.PodStatus{
			InitContainerStatuses: []corev1.ContainerStatus{crashes()},
			ContainerStatuses:     []corev1.ContainerStatus{waits("PodInitializing", "")},
		}, []trouble{{container: "main", reason: "CrashLoopBackOff", crashed: true, previous: true,
			what: "container main crashes and is waiting to be restarted: CrashLoopBackOff (exit code 1: Error)"}}},
		"no image": {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waits("ErrImagePull", "not found")}},
			[]trouble{{container: "main", reason: "ErrImagePull", previous: true, what: "container main is waiting: ErrImagePull: not found"}}},
		"a secret that is missing": {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waits("CreateContainerConfigError", `secret "x" not found`)}},
			[]trouble{{container: "main", reason: "CreateContainerConfigError", previous: true, hopeless: true,
				what: `container main is waiting: CreateContainerConfigError: secret "x" not found`}}},
		"no room": {corev1.PodStatus{Conditions: []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available: 3 Insufficient memory.",
		}}}, []trouble{{reason: "Unschedulable", what: "not scheduled: 0/3 nodes are available: 3 Insufficient memory."}}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Status: c.status}
			for i := range c.want {
				c.want[i].pod = pod
			}
			require.Equal(t, c.want, troublesOf(pod))
		})
	}
}

func TestSameTroubleIsToldOnce(t *testing.T) {
	pod := func(name string, status corev1.ContainerStatus) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{status}}}
	}
	other := crashes() // a pod that has waited for longer
	other.State.Waiting.Message = "back-off 5m0s restarting failed container=main pod=web-2_ns(uid)"
	var told []string
	for _, one := range together([]corev1.Pod{pod("web-1", crashes()), pod("web-2", other), pod("web-3", waits("ErrImagePull", "not found"))}) {
		told = append(told, one.String())
	}
	require.Equal(t, []string{
		"pod web-1 and 1 more: container main crashes and is waiting to be restarted: CrashLoopBackOff (exit code 1: Error)",
		"pod web-3: container main is waiting: ErrImagePull: not found",
	}, told)
}

// node is a node whose kubelet has what containers wrote: it answers the API
// server's question for a log, and nothing else.
type node struct {
	name string

	mu    sync.Mutex
	asked []url.URL
}

func startNode(t *testing.T, client kubernetes.Interface, name string, log []string) *node {
	t.Helper()
	n := &node{name: name}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		n.asked = append(n.asked, *r.URL)
		n.mu.Unlock()
		lines := log
		if tail, err := strconv.Atoi(r.URL.Query().Get("tailLines")); err == nil {
			lines = lines[max(0, len(lines)-tail):]
		}
		_, _ = w.Write([]byte(strings.Join(lines, "\n") + "\n"))
	}))
	t.Cleanup(server.Close)
	_, text, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)
	made, err := client.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, client.CoreV1().Nodes().Delete(context.Background(), name, metav1.DeleteOptions{}))
	})
	// Admission takes a new node for one that is not ready.
	made.Spec.Taints = nil
	made, err = client.CoreV1().Nodes().Update(t.Context(), made, metav1.UpdateOptions{})
	require.NoError(t, err)
	made.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "127.0.0.1"}}
	made.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(port)
	_, err = client.CoreV1().Nodes().UpdateStatus(t.Context(), made, metav1.UpdateOptions{})
	require.NoError(t, err)
	return n
}

// bind puts a pod on the node; its status can be written from the next look on.
func (n *node) bind(client kubernetes.Interface, pod *corev1.Pod) {
	_ = client.CoreV1().Pods(pod.Namespace).Bind(context.Background(), &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace},
		Target:     corev1.ObjectReference{Kind: "Node", Name: n.name},
	}, metav1.CreateOptions{})
}

func (n *node) questions() []url.URL {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]url.URL(nil), n.asked...)
}

// longLog is more than anybody wants to read while waiting.
func longLog() []string {
	var lines []string
	for i := range 100 {
		lines = append(lines, "line "+strconv.Itoa(i+1))
	}
	return lines
}

const lastFive = "line 96\nline 97\nline 98\nline 99\nline 100"

func TestCrashIsToldAtOnceAndWaitedFor(t *testing.T) {
	s, namespace := connected(t)
	client := s.provider.cluster.typed
	node := startNode(t, client, namespace, longLog())
	var mended atomic.Bool
	kubelet(t, client, namespace, func(pod *corev1.Pod) {
		switch {
		case pod.Spec.NodeName == "":
			node.bind(client, pod)
		case mended.Load():
			ready(pod)
			pod.Status.ContainerStatuses = nil
		default:
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{crashes()}
		}
	})
	// Once both pods were seen to crash, for several looks, they come up after all.
	go func() {
		for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			statuses, warnings := s.log.told()
			if len(warnings) > 0 && strings.Contains(strings.Join(statuses, "\n"), "and 1 more: container main crashes") {
				mended.Store(true)
				return
			}
		}
	}()
	s.mustUp("create", deploymentType, "web", deployment("web", "web:1", 2))

	statuses, warnings := s.log.told()
	require.Len(t, warnings, 1, "a crash of every replica is told once")
	require.Regexp(t, `^pod web-[0-9a-z]+-[0-9a-z]+( and 1 more)?: container main crashes and is waiting to be restarted: `+
		`CrashLoopBackOff \(exit code 1: Error\); it wrote last:\n`+lastFive+`$`, warnings[0])
	for _, status := range statuses {
		require.NotContains(t, status, "\n", "a status is a line")
	}
	require.Regexp(t, `^Available: 0/2: pod web-[0-9a-z]+-[0-9a-z]+ and 1 more: container main crashes`, find(statuses, "and 1 more"))
	require.Empty(t, statuses[len(statuses)-1], "what is over is no longer shown")
	asked := node.questions()
	require.Len(t, asked, 1)
	require.Equal(t, "true", asked[0].Query().Get("previous"), "the run that ended has the reason, not the one to come")
	require.True(t, strings.HasPrefix(asked[0].Path, "/containerLogs/"+namespace+"/web-"), asked[0].Path)
}

func find(lines []string, part string) string {
	for _, line := range lines {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

func TestCrashThatLastsTimesOutWithFewLines(t *testing.T) {
	s, namespace := connected(t)
	client := s.provider.cluster.typed
	node := startNode(t, client, namespace, longLog())
	kubelet(t, client, namespace, func(pod *corev1.Pod) {
		if pod.Spec.NodeName == "" {
			node.bind(client, pod)
			return
		}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{crashes()}
	})
	_, err := s.up(deploymentType, "web", deployment("web", "web:1", 3), within(3*time.Second))
	require.ErrorContains(t, err, "Deployment "+namespace+"/web is not ready: timed out after 3s")
	reasons := s.state[urnOf(deploymentType, "web")].reasons
	require.Len(t, reasons, 4, "%q", reasons)
	require.Contains(t, reasons[2], "and 2 more: container main crashes")
	require.Equal(t, "container main wrote last:\n"+lastFive, reasons[3])
}

func workload(kind, image string) object {
	version, labels := "apps/v1", object{"app": "web"}
	pod := object{"containers": []any{object{"name": "main", "image": image}}}
	spec := object{"selector": object{"matchLabels": labels}, "template": object{"metadata": object{"labels": labels}, "spec": pod}}
	switch kind {
	case "StatefulSet":
		spec["serviceName"] = "web"
	case "Job":
		version = "batch/v1"
		pod["restartPolicy"] = "Never"
		delete(spec, "selector")
	case "Pod":
		version, spec = "v1", pod
	}
	return object{"apiVersion": version, "kind": kind, "metadata": object{"name": "web"}, "spec": spec}
}

func TestWaitEndsWhenItIsOfNoUse(t *testing.T) {
	for kind, token := range map[string]string{
		"Deployment": deploymentType, "StatefulSet": "kubernetes:apps/v1:StatefulSet", "DaemonSet": "kubernetes:apps/v1:DaemonSet",
		"Job": jobType, "Pod": "kubernetes:core/v1:Pod",
	} {
		t.Run(kind, func(t *testing.T) {
			s, namespace := connected(t)
			client := s.provider.cluster.typed
			startNode(t, client, namespace, nil) // a daemon set makes a pod for each
			kubelet(t, client, namespace, func(pod *corev1.Pod) {
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{waits("CreateContainerConfigError", `secret "login" not found`)}
			})
			_, err := s.up(token, "web", workload(kind, "web:1"))
			require.ErrorContains(t, err, kind+" "+namespace+"/web is not ready: pod web")
			require.ErrorContains(t, err, `container main is waiting: CreateContainerConfigError: secret "login" not found; `+
				`this has not changed for 500ms and does not mend by waiting`)
			require.NotNil(t, s.state[urnOf(token, "web")], "what exists is in the state")
			statuses, _ := s.log.told()
			require.Contains(t, joined(statuses), `secret "login" not found`, "it is shown before the wait is given up")
		})
	}
}

func TestTroubleThatMendsIsWaitedFor(t *testing.T) {
	for _, reason := range []string{"CreateContainerConfigError", "ImagePullBackOff", "ErrImagePull", "RunContainerError"} {
		t.Run(reason, func(t *testing.T) {
			s, namespace := connected(t)
			if hopeless[reason] {
				s.provider.awaits.hopeless = time.Minute // its Secret comes in time
			}
			begun := time.Now()
			kubelet(t, s.provider.cluster.typed, namespace, func(pod *corev1.Pod) {
				statuses, _ := s.log.told()
				// Long enough that one which is not waited for is given up.
				if strings.Contains(joined(statuses), reason) && time.Since(begun) > time.Second {
					ready(pod)
					pod.Status.ContainerStatuses = nil
					return
				}
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{waits(reason, "not yet")}
			})
			s.mustUp("create", deploymentType, "web", workload("Deployment", "web:1"))
			_, warnings := s.log.told()
			require.Empty(t, warnings, "nothing is left of what mended")
		})
	}
}

// A change that mends a Deployment leaves its old pods as they are until the
// new ones are ready.
func TestOldPodsDoNotEndTheWaitForNewOnes(t *testing.T) {
	s, namespace := connected(t)
	var begun atomic.Pointer[time.Time]
	kubelet(t, s.provider.cluster.typed, namespace, func(pod *corev1.Pod) {
		if pod.Spec.Containers[0].Image == "web:1" {
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{waits("InvalidImageName", "not an image")}
			return
		}
		// The new pods take longer than what is hopeless is given.
		if start := begun.Load(); start != nil && time.Since(*start) > 3*s.provider.awaits.hopeless {
			ready(pod)
			pod.Status.ContainerStatuses = nil
		}
	})
	_, err := s.up(deploymentType, "web", workload("Deployment", "web:1"))
	require.ErrorContains(t, err, "InvalidImageName")

	now := time.Now()
	begun.Store(&now)
	s.mustUp("update", deploymentType, "web", workload("Deployment", "web:2"))
	require.Greater(t, time.Since(now), 3*s.provider.awaits.hopeless)
}

func TestReleaseTellsOfItsPods(t *testing.T) {
	t.Run("of no use", func(t *testing.T) {
		s, namespace, address, _ := withCharts(t, "1.0.0")
		kubelet(t, s.provider.cluster.typed, namespace, func(pod *corev1.Pod) {
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{waits("ErrImageNeverPull", "not present")}
		})
		_, err := s.up(releaseType, "web", webRelease(address, object{"workload": true}), within(time.Minute))
		require.ErrorContains(t, err, "installing release "+namespace+"/web: Deployment web: pod web-")
		require.ErrorContains(t, err, "ErrImageNeverPull: not present; this has not changed for 500ms and does not mend by waiting")
		require.NotNil(t, s.state[urnOf(releaseType, "web")], "a failed release can be upgraded into one that works")
	})
	t.Run("a crash", func(t *testing.T) {
		s, namespace, address, _ := withCharts(t, "1.0.0")
		client := s.provider.cluster.typed
		node := startNode(t, client, namespace, longLog())
		kubelet(t, client, namespace, func(pod *corev1.Pod) {
			_, warnings := s.log.told()
			switch {
			case pod.Spec.NodeName == "":
				node.bind(client, pod)
			case len(warnings) > 0:
				ready(pod)
				pod.Status.ContainerStatuses = nil
			default:
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{crashes()}
			}
		})
		s.mustUp("create", releaseType, "web", webRelease(address, object{"workload": true}), within(time.Minute))
		statuses, warnings := s.log.told()
		require.Len(t, warnings, 1)
		require.Contains(t, warnings[0], "container main crashes and is waiting to be restarted: CrashLoopBackOff (exit code 1: Error); it wrote last:\n"+lastFive)
		require.Contains(t, joined(statuses), "waiting for Deployment web: pod web-")
	})
}
