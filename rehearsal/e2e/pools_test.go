//go:build rehearsal && drills

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPoolsChange has the services' pool grow and shrink with what pods ask for, as DigitalOcean's
// autoscaler does it, and gives it nodes of another size: DigitalOcean makes new ones and takes the
// old ones away.
func TestPoolsChange(t *testing.T) {
	m := runningMachine(t)
	story(t, []step{
		{"a node comes for pods that have no place, and goes again", m.addsNodes},
		{"the services move to other nodes, and Kafka stays", m.movesServices},
	})
}

// movesServices changes the size of the services' nodes.
func (m *machine) movesServices(t *testing.T) {
	kafka := func() string {
		of := "jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.spec.nodeName} {.spec.volumeName}{\"\\n\"}{end}"
		return m.kubectl(t, "--namespace", "kafka", "get", "pods,persistentvolumeclaims", "--selector", "strimzi.io/kind=Kafka", "--output", of)
	}
	nodes := func(pool string) string {
		return m.kubectl(t, "get", "nodes", "--selector", "companion-pool="+pool, "--output", "name")
	}
	brokers, system, before := kafka(), nodes("system"), nodes("application")
	require.NotEmpty(t, brokers)
	require.NotEmpty(t, before)
	m.run(t, time.Minute, "pulumi", "config", "set", "--path", "companion:cluster.application.size", "s-4vcpu-8gb")
	out := m.run(t, 15*time.Minute, "pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
	require.Regexp(t, `\+-? ?1 replaced`, out)
	require.Equal(t, system, nodes("system"))
	require.NotEqual(t, before, nodes("application"))
	require.Equal(t, brokers, kafka(), "brokers and their volumes are as before")
	m.run(t, 10*time.Minute, "up")
}

// filler asks for more than one node of the services' has left, of an image that every node has.
const filler = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: filler, namespace: default}
spec:
  replicas: 3
  selector: {matchLabels: {app: filler}}
  template:
    metadata: {labels: {app: filler}}
    spec:
      automountServiceAccountToken: false
      nodeSelector: {companion-pool: application}
      tolerations: [{key: companion-pool, operator: Exists}]
      terminationGracePeriodSeconds: 1
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: filler
          image: registry.k8s.io/pause:3.10
          resources: {requests: {cpu: 700m, memory: 64Mi}, limits: {memory: 64Mi}}
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`

// addsNodes has pods wait for room, and looks at the number of nodes, up and down again.
func (m *machine) addsNodes(t *testing.T) {
	nodes := func() int {
		return len(strings.Fields(m.kubectl(t, "get", "nodes", "--selector", "companion-pool=application", "--output", "name")))
	}
	require.Equal(t, 1, nodes())
	file := filepath.Join(t.TempDir(), "filler.yaml")
	require.NoError(t, os.WriteFile(file, []byte(filler), 0o600))
	began := time.Now()
	m.kubectl(t, "apply", "--filename", file)
	t.Cleanup(func() {
		_, _ = m.tryKubectl(t, "delete", "--filename", file, "--ignore-not-found")
	})
	eventually(t, time.Minute, "a pod has no place", func() bool {
		return strings.Contains(m.kubectl(t, "--namespace", "default", "get", "events", "--field-selector", "reason=FailedScheduling", "--output", "jsonpath={.items[*].message}"), "Insufficient")
	})
	eventually(t, 3*time.Minute, "all have one", func() bool {
		return m.kubectl(t, "--namespace", "default", "get", "deployment", "filler", "--output", "jsonpath={.status.readyReplicas}") == "3"
	})
	t.Logf("all pods run %s after they were asked for", time.Since(began).Round(time.Second))
	require.Equal(t, 2, nodes(), "no more than it takes")
	m.run(t, 5*time.Minute, "pulumi", "preview", "--expect-no-changes", "--non-interactive")
	began = time.Now()
	m.kubectl(t, "delete", "--filename", file)
	eventually(t, 5*time.Minute, "as many nodes as before", func() bool { return nodes() == 1 })
	t.Logf("the node is gone %s after its pods", time.Since(began).Round(time.Second))
	eventually(t, 3*time.Minute, "what was moved runs", func() bool {
		return m.kubectl(t, "--namespace", "companion", "get", "pods", "--field-selector", "status.phase!=Running,status.phase!=Succeeded", "--output", "name") == ""
	})
	m.run(t, 5*time.Minute, "pulumi", "refresh", "--yes", "--skip-preview", "--expect-no-changes", "--non-interactive")
}
