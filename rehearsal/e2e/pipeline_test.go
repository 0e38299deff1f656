//go:build rehearsal && drills

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPipeline takes the targets that the workflows call to a stack that runs: an account
// that is as the program says, one that somebody changed, and the update that mends it.
func TestPipeline(t *testing.T) {
	m := runningMachine(t)
	story(t, []step{
		{"a plan has no change", func(t *testing.T) {
			m.make(t, "ci-plan")
			require.Contains(t, m.comment(t, "plan"), "unchanged")
		}},
		{"an account that nobody changed has no drift", func(t *testing.T) { m.make(t, "ci-drift") }},
		{"the certificate that people meet is valid for weeks", func(t *testing.T) {
			certificate := func(args ...string) (string, error) {
				return m.tryMake(t, append([]string{"ci-certificate", "CONNECT=127.0.0.1:8443"}, args...)...)
			}
			trusted := "CA_FILE=" + filepath.Join(m.folders.State, "ca.crt")
			out, err := certificate(trusted)
			require.NoError(t, err)
			require.Contains(t, out, "certificate valid for 21 days")
			out, err = certificate(trusted, "DAYS=36500")
			require.Error(t, err)
			require.Contains(t, out, "its renewal fails")
			out, err = certificate()
			require.Error(t, err, "nobody trusts the machine's own authority")
			require.Contains(t, out, "no valid certificate")
		}},
		{"a policy that somebody deleted is drift", func(t *testing.T) {
			m.kubectl(t, "--namespace", "companion", "delete", "networkpolicy", "default-deny")
			out, err := m.tryMake(t, "ci-drift")
			require.Error(t, err, out)
			require.Contains(t, m.comment(t, "drift"), "default-deny")
		}},
		{"an update makes it again", func(t *testing.T) {
			m.make(t, "ci-up")
			m.kubectl(t, "--namespace", "companion", "get", "networkpolicy", "default-deny")
		}},
		{"the smoke sends a transaction by the outputs", func(t *testing.T) {
			out := m.make(t, "ci-smoke", "VALIDATE=--ca-file "+filepath.Join(m.folders.State, "ca.crt")+" --resolve "+application+":127.0.0.1:8443")
			require.Contains(t, out, "validated: the whole way in")
			left, err := filepath.Glob(filepath.Join(m.folders.Root, "bin", "ci", "*"))
			require.NoError(t, err)
			for _, file := range left {
				require.NotContains(t, []string{"outputs.json", "kubeconfig"}, filepath.Base(file), "credentials stay nowhere")
			}
		}},
	})
}

// comment is what a pull request or an issue is told.
func (m *machine) comment(t *testing.T, of string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(m.folders.Root, "bin", "ci", of+"-rehearsal.md"))
	require.NoError(t, err)
	return string(raw)
}

func (m *machine) make(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.tryMake(t, args...)
	require.NoError(t, err, "make %s", strings.Join(args, " "))
	return out
}

func (m *machine) tryMake(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "make", append(args, "STACK=rehearsal")...)
	cmd.Dir = m.folders.Root
	out, err := cmd.CombinedOutput()
	t.Logf("make %s\n%s", strings.Join(args, " "), out)
	return string(out), err
}
