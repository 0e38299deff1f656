//go:build rehearsal

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/parts"
)

// stranger is a pod that keeps to the restricted standard and that no exception names.
const stranger = `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger", "namespace": %q}, "spec": {
	"terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false, "nodeSelector": {"companion-pool": "system"},
	"securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
	"containers": [{"name": "stranger", "image": %q, "command": ["/bin/busybox", "sleep", "600"],
		"securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}}`

// walledOff tries a stranger in each namespace: what only some of its pods may reach, what
// all may, and a pod that its standard forbids.
func (m *machine) walledOff(t *testing.T) {
	address := func(namespace, selector string) string {
		return strings.Fields(m.kubectl(t, "--namespace", namespace, "get", "pods", "--selector", selector, "--output",
			`go-template={{range .items}}{{.status.podIP}}{{"\n"}}{{end}}`))[0]
	}
	const api = "10.110.0.1 6443"
	names := address("kube-system", "k8s-app=kube-dns") + " 53"
	redis := address("data", "app.kubernetes.io/name=redis") + " 6379"
	broker := address("kafka", "strimzi.io/kind=Kafka,strimzi.io/pool-name=dual") + " 9093"
	backend := address("companion", "app.kubernetes.io/name=backend") + " 8080"
	web := address("companion", "app.kubernetes.io/name=web")
	jaeger := address("tracing", "app.kubernetes.io/name=jaeger")
	for namespace, callsAPI := range map[string]bool{
		"companion": false, "data": false, "kafka": false, "dapr-system": true, "cert-manager": true, "nginx-gateway": true, "tracing": false,
	} {
		t.Run(namespace, func(t *testing.T) {
			t.Parallel()
			out, err := m.tryKubectl(t, "--namespace", namespace, "run", "root", "--image", parts.BusyboxImage, "--privileged", "--dry-run=server")
			require.Error(t, err)
			require.Contains(t, out, "violates PodSecurity")
			file := filepath.Join(t.TempDir(), "stranger.json")
			require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, stranger, namespace, parts.BusyboxImage), 0o600))
			m.kubectl(t, "create", "--filename", file)
			defer m.kubectl(t, "--namespace", namespace, "delete", "pod", "stranger", "--now")
			m.kubectl(t, "--namespace", namespace, "wait", "pod", "stranger", "--for", "condition=Ready", "--timeout", "60s")
			reaches := func(to string) bool {
				out, _ := m.tryKubectl(t, "--namespace", namespace, "exec", "stranger", "--", "sh", "-c", "timeout 5 nc -w 3 "+to+" </dev/null")
				return !strings.Contains(out, "timed out")
			}
			// Isolated as soon as its address is published.
			eventually(t, 30*time.Second, "the stranger is isolated", func() bool { return !reaches(broker) })
			require.True(t, reaches(names), "the name server")
			require.Equal(t, callsAPI, reaches(api), "the API server")
			require.False(t, reaches(redis), "Redis")
			require.Equal(t, namespace == "nginx-gateway", reaches(backend), "the backend")
			require.Equal(t, namespace == "nginx-gateway", reaches(web+" 8080"), "the web")
			require.False(t, reaches(web+" 8082"), "the web's metrics")
			require.False(t, reaches(jaeger+" 4317"), "Jaeger, which takes spans of the collector only")
			require.False(t, reaches(jaeger+" 16686"), "Jaeger's answers")
		})
	}
}
