//go:build rehearsal && drills

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPoolsChange gives the services nodes of another size: DigitalOcean makes new ones and
// takes the old ones away.
func TestPoolsChange(t *testing.T) {
	m := runningMachine(t)
	story(t, []step{
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
