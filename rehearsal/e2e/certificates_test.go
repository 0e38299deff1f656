//go:build rehearsal && drills

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestCertificatesRenew is a year of certificates in minutes: the brokers' authority, Dapr's
// and the edge's certificate are renewed while somebody uses the application.
func TestCertificatesRenew(t *testing.T) {
	m := runningMachine(t)
	story(t, []step{
		{"the brokers' authority is renewed, and reaches every client without an update", m.renewsBrokers},
		{"the edge's certificate is renewed", m.renewsEdge},
		{"Dapr's authority is renewed, and sidecars trust one another all the time", m.renewsSidecars},
	})
}

// renewsBrokers makes the operator find the authority's certificate due, by a renewal that
// begins earlier than it has days left; only the job that follows the operator acts for the
// services then.
func (m *machine) renewsBrokers(t *testing.T) {
	before, published := m.brokersAuthority(t), m.messages(t, transactions)
	require.Equal(t, before.SerialNumber, m.copiedAuthority(t).SerialNumber)
	user := m.register(t)
	stop := user.use(t)
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
		`go-template={{range .items}}{{.metadata.name}}={{with index .spec.template.metadata.annotations "companion/authority"}}{{.}}{{end}}{{"\n"}}{{end}}`)
	versions := map[string][]string{}
	for line := range strings.Lines(read) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), "=")
		versions[version] = append(versions[version], name)
	}
	require.Len(t, versions, 2, read)
	require.Equal(t, []string{"mcp", "web"}, versions[""], "all others know a broker")
	m.kubectl(t, "--namespace", "kafka", "wait", "--for=condition=Ready", "--timeout=110s", "kafka/events")

	m.nothingIsLost(t, user, stop, published)
	m.run(t, 10*time.Minute, "pulumi", "up", "--yes", "--skip-preview", "--non-interactive") // it leaves what the job did
	require.Equal(t, renewed.SerialNumber, m.copiedAuthority(t).SerialNumber)
	m.run(t, 5*time.Minute, "pulumi", "preview", "--expect-no-changes", "--non-interactive")
}

// transactions is the topic of what the user writes.
const transactions = "finance.transaction.created"

// nothingIsLost ends the use and looks for what was written: in the wallet once each, on the
// topic, and with every service.
func (m *machine) nothingIsLost(t *testing.T, user *person, stop func() (int, []string), published int64) {
	t.Helper()
	answered, failed := stop()
	t.Logf("%d requests were answered and %d failed; %d transactions were accepted", answered, len(failed), user.written)
	require.Empty(t, failed)
	require.Greater(t, answered, 100)
	require.Equal(t, fmt.Sprintf("-%d.00", user.written), user.balance(t))
	eventually(t, time.Minute, "every transaction is on its topic", func() bool { return m.messages(t, transactions)-published >= user.written })
	eventually(t, 2*time.Minute, "every service has handled every event", func() bool { return m.waiting(t) == 0 })
	t.Logf("%d events more than transactions are on the topic", m.messages(t, transactions)-published-user.written)
}

// renewsSidecars has sidecars' certificates be good for minutes, and makes the job find
// Dapr's authority due. It goes all the way until the root of before is trusted no more.
func (m *machine) renewsSidecars(t *testing.T) {
	before := m.sidecarRoots(t)
	require.Len(t, before, 1)
	for key, value := range map[string]string{"lifetime": "9000h", "renewBefore": "8800h", "workload": "20m"} {
		m.run(t, time.Minute, "pulumi", "config", "set", "--path", "companion:dapr.certificates."+key, value)
	}
	m.run(t, 15*time.Minute, "pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
	// The control plane's own certificates are still for a day.
	for _, kind := range []string{"deployment", "statefulset"} {
		m.kubectl(t, "--namespace", "dapr-system", "rollout", "restart", kind)
		for _, one := range strings.Fields(m.kubectl(t, "--namespace", "dapr-system", "get", kind, "--output", "name")) {
			m.kubectl(t, "--namespace", "dapr-system", "rollout", "status", one, "--timeout", "110s")
		}
	}
	published := m.messages(t, transactions)
	user := m.register(t)
	stop := user.use(t)
	m.renewsSidecarAuthority(t, "first")
	both := m.sidecarRoots(t)
	require.Len(t, both, 2)
	require.Equal(t, before[0].Raw, both[0].Raw)
	m.run(t, 10*time.Minute, "pulumi", "up", "--yes", "--skip-preview", "--non-interactive") // it leaves what the job did
	require.Len(t, m.sidecarRoots(t), 2)

	// Sidecars have certificates of the next issuer within minutes, when half of those of
	// before is over, and trust one another meanwhile.
	issuer := m.sidecarIssuer(t)
	for _, pod := range m.sidecars(t) {
		address := m.forward(t, "companion", "pod/"+pod, "50002")
		eventually(t, 6*time.Minute, pod+" shows a certificate of the next issuer", func() bool { return shown(t, address).CheckSignatureFrom(issuer) == nil })
	}
	m.renewsSidecarAuthority(t, "second", "--workload-lifetime=1m")
	require.Equal(t, [][]byte{both[1].Raw}, raw(m.sidecarRoots(t)), "the root of before is trusted no more")
	// New pods know the new root only, and those of before both.
	m.kubectl(t, "--namespace", "companion", "rollout", "restart", "deployment", "mcp")
	m.kubectl(t, "--namespace", "companion", "rollout", "status", "deployment", "mcp", "--timeout", "110s")
	sidecar := m.forward(t, "companion", "deployment/mcp", "3500")
	require.Equal(t, http.StatusUnauthorized, post(t, sidecar, "/v1.0/invoke/backend/method/api/v1/wallets", m.token(t, "mcp", "api")), "the backend answers, and wants a person's token")
	m.nothingIsLost(t, user, stop, published)
	m.run(t, 10*time.Minute, "pulumi", "preview", "--expect-no-changes", "--non-interactive")
}

// renewsSidecarAuthority runs the job as its schedule would, with further arguments.
func (m *machine) renewsSidecarAuthority(t *testing.T, name string, args ...string) {
	t.Helper()
	var job map[string]any
	made := m.kubectl(t, "--namespace", "dapr-system", "create", "job", name, "--from=cronjob/dapr-authority", "--dry-run=client", "--output", "json")
	require.NoError(t, json.Unmarshal([]byte(made), &job))
	container := job["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
	for _, arg := range args {
		container["args"] = append(container["args"].([]any), arg)
	}
	written, err := json.Marshal(job)
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "drill-") // a test's own folder has its name, and kubectl takes a comma for another file
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	file := filepath.Join(dir, name+".json")
	require.NoError(t, os.WriteFile(file, written, 0o600))
	m.kubectl(t, "create", "--filename", file)
	began := time.Now()
	eventually(t, 20*time.Minute, "the job "+name+" has ended", func() bool {
		status := m.kubectl(t, "--namespace", "dapr-system", "get", "job", name, "--output", "jsonpath={.status.conditions[*].type}")
		return strings.Contains(status, "Complete") || strings.Contains(status, "Failed")
	})
	t.Logf("the job %s took %s:\n%s", name, time.Since(began).Round(time.Second), m.kubectl(t, "--namespace", "dapr-system", "logs", "job/"+name, "--tail=-1"))
	m.kubectl(t, "--namespace", "dapr-system", "wait", "--for=condition=complete", "--timeout=1s", "job/"+name)
}

// sidecarRoots are those that the control plane trusts; they are what signs too.
func (m *machine) sidecarRoots(t *testing.T) []*x509.Certificate {
	t.Helper()
	text := m.kubectl(t, "--namespace", "dapr-system", "get", "configmap", "dapr-trust-bundle", "--output", `go-template={{index .data "ca.crt"}}`)
	require.Equal(t, text, m.kubectl(t, "--namespace", "dapr-system", "get", "secret", "dapr-trust-bundle", "--output", `go-template={{index .data "ca.crt" | base64decode}}`))
	return certificates(t, text)
}

func (m *machine) sidecarIssuer(t *testing.T) *x509.Certificate {
	t.Helper()
	return certificates(t, m.kubectl(t, "--namespace", "dapr-system", "get", "secret", "dapr-trust-bundle", "--output", `go-template={{index .data "issuer.crt" | base64decode}}`))[0]
}

func raw(certificates []*x509.Certificate) [][]byte {
	var all [][]byte
	for _, one := range certificates {
		all = append(all, one.Raw)
	}
	return all
}

// sidecars are the services' pods.
func (m *machine) sidecars(t *testing.T) []string {
	t.Helper()
	pods := strings.Fields(m.kubectl(t, "--namespace", "companion", "get", "pods", "--field-selector", "status.phase=Running", "--output",
		`go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}`))
	require.NotEmpty(t, pods)
	return pods
}

// shown is the certificate that a sidecar shows others at an address.
func shown(t *testing.T, address string) *x509.Certificate {
	t.Helper()
	// Whether it is to be trusted is what is asked here.
	connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}})
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	return connection.ConnectionState().PeerCertificates[0]
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
	return certificates(t, m.kubectl(t, "--namespace", namespace, "get", "secret", secret, "--output", `go-template={{index .data "ca.crt" | base64decode}}`))[0]
}

// certificates are those of a PEM file, of which there is one at least.
func certificates(t *testing.T, text string) []*x509.Certificate {
	t.Helper()
	var all []*x509.Certificate
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		read, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		all = append(all, read)
	}
	require.NotEmpty(t, all, text)
	return all
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
	out, err := m.operate(t, append(args, "--output", "json")...).Output()
	require.NoError(t, err, "companionctl %s", strings.Join(args, " "))
	require.NoError(t, json.Unmarshal(out, into), string(out))
}
