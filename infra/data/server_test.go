//go:build integration

package data

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/infra/secret"
)

// server is a Redis that was started as its pod starts it.
type server struct {
	dir  string
	port int
}

// startServer needs Debian's redis-tools, whose redis-check-rdb is the server under
// another name.
func startServer(t *testing.T, passwords ...secret.Text) *server {
	t.Helper()
	const program = "/usr/bin/redis-check-rdb"
	require.FileExists(t, program, "Redis is not on this machine: `make packages` installs it")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{dir: t.TempDir(), port: listener.Addr().(*net.TCPAddr).Port}
	require.NoError(t, listener.Close())
	require.NoError(t, os.Symlink(program, filepath.Join(s.dir, "redis-server")))
	content := accountsOf(passwords)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "users.acl"), []byte(content["users.acl"]), 0o600))
	s.certify(t)
	var log bytes.Buffer
	cmd := exec.Command("busybox", "sh", "-c", command(s.dir, s.dir, s.port, 64<<20, time.Second))
	cmd.Env = []string{"PATH=" + s.dir + ":/usr/bin:/bin", "REDISCLI_AUTH=" + string(content["password"])}
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the loop that renews is a process of its own
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Log(log.String())
		}
	})
	require.Eventually(t, func() bool {
		return s.do(User, string(passwords[0]), "ping") == "PONG"
	}, 10*time.Second, 50*time.Millisecond)
	return s
}

// certify writes a new certificate, and the one that the services would trust.
func (s *server) certify(t *testing.T) *big.Int {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "redis"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, content := range map[string][]byte{
		"ca.crt": certificate, "tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), "tls.crt": certificate,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(s.dir, name), content, 0o600))
	}
	return template.SerialNumber
}

// do runs a command as a user, and returns the answer; errors too, as Redis says them.
func (s *server) do(user, password string, command ...string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	args := append([]string{"-p", fmt.Sprint(s.port), "--no-auth-warning"}, "--tls", "--cacert", filepath.Join(s.dir, "ca.crt"))
	if user != "" {
		args = append(args, "--user", user, "--pass", password)
	}
	out, _ := exec.CommandContext(ctx, "redis-cli", append(args, command...)...).CombinedOutput() // its status says less than the answer
	return strings.TrimSpace(string(out))
}

func TestRedisTakesTLSAndItsUsersOnly(t *testing.T) {
	s := startServer(t, "the new password", "the old password")
	for name, c := range map[string]struct {
		user, password string
		command        []string
		want           string
	}{
		"the services write":                      {User, "the new password", []string{"set", "key", "value"}, "OK"},
		"the password before is still accepted":   {User, "the old password", []string{"ping"}, "PONG"},
		"a wrong password is not":                 {User, "another password", []string{"ping"}, "WRONGPASS"},
		"without a log-in nothing is answered":    {"", "", []string{"ping"}, "NOAUTH"},
		"Dapr asks for replicas":                  {User, "the new password", []string{"info", "replication"}, "role:master"},
		"Dapr compares ETags in a script":         {User, "the new password", []string{"eval", `return redis.call("HINCRBY", KEYS[1], "version", 1)`, "1", "etag"}, "1"},
		"Dapr has a key end":                      {User, "the new password", []string{"expire", "none", "10"}, "0"},
		"a service cannot configure the server":   {User, "the new password", []string{"config", "get", "*"}, "NOPERM"},
		"a service cannot empty it":               {User, "the new password", []string{"flushall"}, "NOPERM"},
		"a service cannot see the users":          {User, "the new password", []string{"acl", "list"}, "NOPERM"},
		"the maintainer reads nothing":            {maintainer, string(secret.Derive("the new password", "redis maintainer")), []string{"get", "key"}, "NOPERM"},
		"the maintainer may ask whether it lives": {maintainer, string(secret.Derive("the new password", "redis maintainer")), []string{"ping"}, "PONG"},
	} {
		t.Run(name, func(t *testing.T) { require.Contains(t, s.do(c.user, c.password, c.command...), c.want) })
	}
	plain, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", s.port), time.Second)
	require.NoError(t, err)
	defer func() { _ = plain.Close() }()
	require.NoError(t, plain.SetDeadline(time.Now().Add(5*time.Second)))
	_, err = plain.Write([]byte("PING\r\n"))
	require.NoError(t, err)
	answer := make([]byte, 16)
	n, _ := plain.Read(answer)
	require.NotContains(t, string(answer[:n]), "PONG", "no answer without TLS")
}

func TestRedisServesARenewedCertificateWithoutARestart(t *testing.T) {
	s := startServer(t, "a password")
	renewed := s.certify(t)
	address := fmt.Sprintf("127.0.0.1:%d", s.port)
	require.Eventually(t, func() bool {
		connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) //nolint:gosec // which certificate it is, is compared
		if err != nil {
			return false
		}
		defer func() { _ = connection.Close() }()
		return connection.ConnectionState().PeerCertificates[0].SerialNumber.Cmp(renewed) == 0
	}, 10*time.Second, 100*time.Millisecond)
}
