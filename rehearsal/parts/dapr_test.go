//go:build integration

package parts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/progress"
	"github.com/wealth-companion/companion/rehearsal/settings"
)

// The component that the stable ones lack, and that the application uses.
const daprComponents = `
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: model}
spec: {type: conversation.echo, version: v1}
`

// Without it, daprd would look for others by multicast, and past loopback.
const daprConfig = `
apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {name: config}
spec:
  nameResolution: {component: kubernetes}
`

// freePorts are ports of loopback that nobody listens on.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { require.NoError(t, listener.Close()) }()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// startDaprd starts the sidecar of the catalogue and returns the address of its
// API once it is ready.
func startDaprd(t *testing.T, components string) string {
	t.Helper()
	folders, err := settings.NewFolders()
	require.NoError(t, err)
	program, err := New(folders.Root, folders.Cache, progress.Discard).Binary(t.Context(), "daprd")
	require.NoError(t, err)
	dir, ports := t.TempDir(), freePorts(t, 3)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "resources"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "resources", "components.yaml"), []byte(components), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(daprConfig), 0o600))
	var log bytes.Buffer
	cmd := exec.Command(program, "--mode", "standalone", "--app-id", "test", "--enable-metrics=false",
		"--dapr-listen-addresses", "127.0.0.1", "--dapr-http-port", fmt.Sprint(ports[0]), "--dapr-grpc-port", fmt.Sprint(ports[1]),
		"--dapr-internal-grpc-listen-address", "127.0.0.1", "--dapr-internal-grpc-port", fmt.Sprint(ports[2]),
		"--resources-path", filepath.Join(dir, "resources"), "--config", filepath.Join(dir, "config.yaml"))
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	address := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	for deadline := time.Now().Add(time.Minute); ; {
		answer, err := http.Get(address + "/v1.0/healthz/outbound")
		if err == nil {
			require.NoError(t, answer.Body.Close())
			if answer.StatusCode == http.StatusNoContent {
				return address
			}
		}
		select {
		case <-ended:
			require.FailNow(t, "daprd ended")
		case <-time.After(50 * time.Millisecond):
		}
		require.True(t, time.Now().Before(deadline), "daprd is not ready: %v", err)
	}
}

func call(t *testing.T, method, url, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(raw)
}

func TestDaprdHasTheComponentThatTheApplicationUses(t *testing.T) {
	address := startDaprd(t, daprComponents)

	_, raw := call(t, http.MethodGet, address+"/v1.0/metadata", "")
	var metadata struct {
		RuntimeVersion string
		Components     []struct{ Name, Type string }
	}
	require.NoError(t, json.Unmarshal([]byte(raw), &metadata))
	require.Equal(t, daprVersion, metadata.RuntimeVersion, "the build is stamped")
	require.Equal(t, []struct{ Name, Type string }{{"model", "conversation.echo"}}, metadata.Components)

	status, said := call(t, http.MethodPost, address+"/v1.0-alpha1/conversation/model/converse", `{"inputs": [{"content": "Dining is 80% spent."}]}`)
	require.Equal(t, http.StatusOK, status, said)
	require.Contains(t, said, "Dining is 80% spent.")
}
