//go:build rehearsal

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/settings"
)

// machine is this machine, and the rehearsal's command on it.
type machine struct {
	folders settings.Folders
	command string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	require.Zero(t, os.Geteuid(), "a rehearsal needs root")
	folders, err := settings.NewFolders()
	require.NoError(t, err)
	m := &machine{folders: folders, command: filepath.Join(t.TempDir(), "rehearsal")}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", m.command, "../cmd/rehearsal").CombinedOutput()
	require.NoError(t, err, string(out))
	return m
}

// rehearsal prepares the command with arguments; its group can be signalled.
func (m *machine) rehearsal(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, m.command, args...)
	cmd.Dir = m.folders.Root
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	return cmd
}

// run runs a command of the rehearsal's that must succeed.
func (m *machine) run(t *testing.T, within time.Duration, args ...string) string {
	t.Helper()
	out, err := m.try(t, within, args...)
	require.NoError(t, err, "rehearsal %s", strings.Join(args, " "))
	return out
}

func (m *machine) try(t *testing.T, within time.Duration, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	began := time.Now()
	out, err := m.rehearsal(ctx, args...).CombinedOutput()
	t.Logf("rehearsal %s (%s)\n%s", strings.Join(args, " "), time.Since(began).Round(100*time.Millisecond), progressLine.ReplaceAll(out, nil))
	return string(out), err
}

// progressLine is what is said of a stage that is not done yet.
var progressLine = regexp.MustCompile(`(?m)^… .*\n`)

func (m *machine) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.tryKubectl(t, args...)
	require.NoError(t, err, "kubectl %s: %s", strings.Join(args, " "), out)
	return out
}

func (m *machine) tryKubectl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, m.folders.Program("kubectl"), append([]string{"--kubeconfig", filepath.Join(m.folders.State, "kubeconfig")}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// forward leads to a port of a pod's own loopback until the test ends, and
// returns where from, host:port.
func (m *machine) forward(t *testing.T, namespace, pod, port string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), m.folders.Program("kubectl"), "--kubeconfig", filepath.Join(m.folders.State, "kubeconfig"),
		"--namespace", namespace, "port-forward", "--address", "127.0.0.1", pod, ":"+port)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "%s of %s cannot be reached", port, pod)
	from, _, found := strings.Cut(strings.TrimPrefix(line, "Forwarding from "), " ->")
	require.True(t, found, line)
	return from
}

// traces is what a rehearsal may leave behind on a machine.
func (m *machine) traces(t *testing.T) []string {
	t.Helper()
	traces := []string{}
	add := func(kind, text string) { traces = append(traces, kind+" "+text) }

	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	for _, entry := range entries {
		line, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if err != nil {
			continue
		}
		program, _ := os.Readlink(filepath.Join("/proc", entry.Name(), "exe"))
		text := string(bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
		for _, folder := range []string{m.folders.State, m.folders.Cache} {
			if strings.Contains(text, folder) || strings.HasPrefix(program, folder) {
				add("process", text)
				break
			}
		}
	}
	mounts, err := os.ReadFile("/proc/mounts")
	require.NoError(t, err)
	for line := range strings.Lines(string(mounts)) {
		add("mount", strings.Join(strings.Fields(line)[:2], " "))
	}
	for _, command := range [][]string{
		{"ip", "-o", "-br", "link"}, {"ip", "netns"}, {"ip", "route"}, {"nft", "list", "ruleset"}, {"iptables-save"},
	} {
		out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).Output()
		require.NoError(t, err, command)
		for line := range strings.Lines(string(out)) {
			line = counters.ReplaceAllString(strings.TrimSpace(line), "")
			if line != "" && !strings.HasPrefix(line, "#") {
				add(strings.Join(command, " "), line)
			}
		}
	}
	for _, pattern := range []string{m.folders.State, "/run/netns/*", "/sys/fs/cgroup/*", "/var/lib/cni*", "/run/containerd*", "/var/lib/kubelet*", "/etc/cni/net.d/*"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, path := range found {
			add("file", path)
		}
	}
	slices.Sort(traces)
	return slices.Compact(traces)
}

// counters are what differs from one look to the next though nothing changed.
var counters = regexp.MustCompile(`\[\d+:\d+\]|counter packets \d+ bytes \d+`)

// difference lists what is in b and not in a.
func difference(a, b []string) []string {
	var more []string
	for _, one := range b {
		if !slices.Contains(a, one) {
			more = append(more, one)
		}
	}
	return more
}

// eventually waits for something that must come.
func eventually(t *testing.T, within time.Duration, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, within)
		}
	}
}
