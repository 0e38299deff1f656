//go:build integration

package digitalocean_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/doapi/doapitest"
	"github.com/wealth-companion/companion/rehearsal/valkey"
)

// A database that is asked for as the program asks for it, with a real server behind it.
func TestDatabaseWithARealServer(t *testing.T) {
	servers := valkey.New(t.TempDir(), &doapitest.Backend{})
	t.Cleanup(func() { require.NoError(t, servers.Close()) })
	_, address := doapitest.Start(t, t.TempDir(), servers)
	e, api := start(t, address), doapitest.Client(t, address)
	made := e.make(databaseToken, databaseProgram(nil))
	authority, _, err := api.Databases.GetCA(t.Context(), made.id)
	require.NoError(t, err)
	trusted := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(trusted, authority.Certificate, 0o600))
	client := func(uri string, command ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		out, _ := exec.CommandContext(ctx, "redis-cli", append([]string{"--no-auth-warning", "--cacert", trusted, "-u", uri}, command...)...).CombinedOutput() // the answer says more than its status
		return strings.TrimSpace(string(out))
	}
	uri := made.outputs()["privateUri"].(string)
	require.Equal(t, "OK", client(uri, "set", "key", "value"))
	// What Dapr's state store does, by the one user that there is.
	require.Contains(t, client(uri, "info", "replication"), "role:master")
	require.Equal(t, "1", client(uri, "eval", `return redis.call("HINCRBY", KEYS[1], "version", 1)`, "1", "etag"))
	for _, command := range [][]string{{"config", "get", "*"}, {"acl", "setuser", "mine", "on"}, {"bgrewriteaof"}, {"replicaof", "no", "one"}} {
		require.Contains(t, client(uri, command...), "NOPERM", command)
	}
	require.Contains(t, client(strings.Replace(uri, "default:", "default:not", 1), "ping"), "WRONGPASS")
	require.NotContains(t, client(strings.Replace(uri, "rediss://", "redis://", 1), "ping"), "PONG", "no answer without TLS")

	require.NoError(t, made.update(databaseProgram(func(p properties) { p["size"] = "db-s-1vcpu-2gb" })))
	made.requireSame()
	uri = made.outputs()["privateUri"].(string)
	require.Equal(t, "value", client(uri, "get", "key"))

	// 127.0.0.0/8 is all this machine's: one of its addresses is trusted, the one that clients
	// have by default is not.
	firewall := e.make(firewallToken, properties{"clusterId": made.id, "rules": []any{map[string]any{"type": "ip_addr", "value": "127.0.0.7"}}})
	require.Eventually(t, func() bool { return client(uri, "ping") != "PONG" }, 10*time.Second, 50*time.Millisecond, "a stranger is kept out")
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 7)}, Timeout: 5 * time.Second}
	connection, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort(made.outputs()["privateHost"].(string), portOf(made)))
	require.NoError(t, err)
	require.NoError(t, connection.SetDeadline(time.Now().Add(300*time.Millisecond)))
	_, err = connection.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "a trusted source is let in, and the server waits for it to begin")
	require.NoError(t, connection.Close())
	require.NoError(t, firewall.remove())
	require.Eventually(t, func() bool { return client(uri, "ping") == "PONG" }, 10*time.Second, 50*time.Millisecond, "without sources everybody may connect")

	require.NoError(t, made.remove())
	require.Eventually(t, func() bool { return !strings.Contains(client(uri, "ping"), "PONG") }, 10*time.Second, 50*time.Millisecond)
}

func portOf(made *thing) string {
	uri := made.outputs()["privateUri"].(string)
	return uri[strings.LastIndex(uri, ":")+1:]
}
