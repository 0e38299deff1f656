//go:build rehearsal && drills

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestCertificatesRenew is a year of certificates in minutes: the brokers' authority and the
// edge's certificate are renewed while somebody uses the application.
func TestCertificatesRenew(t *testing.T) {
	m := newMachine(t)
	m.takenDown(t)
	story(t, []step{
		{"up", func(t *testing.T) { m.run(t, 15*time.Minute, "up") }},
		{"the brokers' authority is renewed, and reaches every client without an update", m.renewsBrokers},
		{"the edge's certificate is renewed", m.renewsEdge},
	})
}

// renewsBrokers makes the operator find the authority's certificate due, by a renewal that
// begins earlier than it has days left; only the job that follows the operator acts for the
// services then.
func (m *machine) renewsBrokers(t *testing.T) {
	const transactions = "finance.transaction.created"
	before, published := m.brokersAuthority(t), m.messages(t, transactions)
	require.Equal(t, before.SerialNumber, m.copiedAuthority(t).SerialNumber)
	stop := m.register(t).use(t)
	for key, value := range map[string]string{"lifetimeDays": "3650", "renewalDays": "365"} {
		m.run(t, time.Minute, "pulumi", "config", "set", "--path", "companion:kafka.certificates."+key, value)
	}
	m.run(t, 15*time.Minute, "pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
	eventually(t, 5*time.Minute, "the operator has renewed the authority", func() bool {
		return m.brokersAuthority(t).SerialNumber.Cmp(before.SerialNumber) != 0
	})
	renewed := m.brokersAuthority(t)
	require.Greater(t, time.Until(renewed.NotAfter), 9*365*24*time.Hour)
	require.Equal(t, before.SerialNumber, m.copiedAuthority(t).SerialNumber, "the program leaves the copy to the job")

	// As its schedule starts it, within an hour.
	m.kubectl(t, "--namespace", "companion", "create", "job", "authority-drill", "--from=cronjob/kafka-authority")
	m.kubectl(t, "--namespace", "companion", "wait", "--for=condition=complete", "--timeout=110s", "job/authority-drill")
	require.Equal(t, renewed.SerialNumber, m.copiedAuthority(t).SerialNumber)
	read := m.kubectl(t, "--namespace", "companion", "get", "deployments", "--output",
		`go-template={{range .items}}{{.metadata.name}}={{index .spec.template.metadata.annotations "companion/authority"}} {{end}}`)
	versions := map[string]bool{}
	for _, one := range strings.Fields(read) {
		name, version, _ := strings.Cut(one, "=")
		if name == "mcp" {
			continue // it knows no broker
		}
		require.NotContains(t, []string{"", "<no", "value>"}, version, name)
		versions[version] = true
	}
	require.Len(t, versions, 1, read)
	m.kubectl(t, "--namespace", "kafka", "wait", "--for=condition=Ready", "--timeout=110s", "kafka/events")

	answered, failed := stop()
	t.Logf("%d requests were answered", answered)
	require.Empty(t, failed)
	require.Greater(t, answered, 100)
	posted := int64(answered / 2) // every other request is a transaction
	eventually(t, time.Minute, "every transaction is on its topic", func() bool { return m.messages(t, transactions)-published >= posted })
	eventually(t, 2*time.Minute, "every service has handled every event", func() bool { return m.waiting(t) == 0 })
	m.run(t, 10*time.Minute, "pulumi", "up", "--yes", "--skip-preview", "--non-interactive") // it leaves what the job did
	require.Equal(t, renewed.SerialNumber, m.copiedAuthority(t).SerialNumber)
	m.run(t, 5*time.Minute, "pulumi", "preview", "--expect-no-changes", "--non-interactive")
}

// renewsEdge orders what cert-manager does when the certificate is due.
func (m *machine) renewsEdge(t *testing.T) {
	before := m.edgeCertificate(t)
	stop := m.register(t).use(t)
	m.kubectl(t, "--namespace", "nginx-gateway", "patch", "certificate", m.edgeCertificateName(t), "--subresource=status", "--type=merge", "--patch",
		`{"status": {"conditions": [{"type": "Issuing", "status": "True", "reason": "Drill", "message": "a drill", "lastTransitionTime": "`+time.Now().UTC().Format(time.RFC3339)+`"}]}}`)
	eventually(t, time.Minute, "NGINX serves the new certificate", func() bool { return m.edgeCertificate(t).SerialNumber.Cmp(before.SerialNumber) != 0 })
	answered, failed := stop()
	t.Logf("%d requests were answered", answered)
	require.Empty(t, failed)
	require.Positive(t, answered)
}

func (m *machine) edgeCertificateName(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(m.kubectl(t, "--namespace", "nginx-gateway", "get", "certificate", "--output", "jsonpath={.items[0].metadata.name}"))
}

// edgeCertificate is what a new connection is shown.
func (m *machine) edgeCertificate(t *testing.T) *x509.Certificate {
	t.Helper()
	authority, err := os.ReadFile(filepath.Join(m.folders.State, "ca.crt"))
	require.NoError(t, err)
	trusted := x509.NewCertPool()
	require.True(t, trusted.AppendCertsFromPEM(authority))
	connection, err := tls.Dial("tcp", "127.0.0.1:8443", &tls.Config{ServerName: host, RootCAs: trusted, MinVersion: tls.VersionTLS12})
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	return connection.ConnectionState().PeerCertificates[0]
}

func (m *machine) brokersAuthority(t *testing.T) *x509.Certificate {
	return m.certificate(t, "kafka", "events-cluster-ca-cert")
}

func (m *machine) copiedAuthority(t *testing.T) *x509.Certificate {
	return m.certificate(t, "companion", "kafka-ca")
}

// certificate is the first one under a Secret's ca.crt.
func (m *machine) certificate(t *testing.T, namespace, secret string) *x509.Certificate {
	t.Helper()
	text := m.kubectl(t, "--namespace", namespace, "get", "secret", secret, "--output", `go-template={{index .data "ca.crt" | base64decode}}`)
	block, _ := pem.Decode([]byte(text))
	require.NotNil(t, block, text)
	read, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return read
}

// messages is how many there are on a topic.
func (m *machine) messages(t *testing.T, topic string) int64 {
	t.Helper()
	var topics []struct {
		Name     string
		Messages int64
	}
	m.companionctl(t, &topics, "topics", "list")
	for _, one := range topics {
		if one.Name == topic {
			return one.Messages
		}
	}
	require.Fail(t, "there is no topic "+topic)
	return 0
}

// waiting is how many events wait for a service.
func (m *machine) waiting(t *testing.T) int64 {
	t.Helper()
	var groups []struct {
		Partitions []struct{ Waiting int64 }
	}
	m.companionctl(t, &groups, "lag", "--max-age", "1h")
	var all int64
	for _, group := range groups {
		for _, partition := range group.Partitions {
			all += partition.Waiting
		}
	}
	return all
}

// companionctl reads what a command of the operators' tool prints as JSON.
func (m *machine) companionctl(t *testing.T, into any, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), m.folders.Program("companionctl"),
		append(args, "--output", "json", "--kubeconfig", filepath.Join(m.folders.State, "kubeconfig"))...)
	out, err := cmd.Output()
	require.NoError(t, err, "companionctl %s", strings.Join(args, " "))
	require.NoError(t, json.Unmarshal(out, into), string(out))
}
