package process

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newManager(t *testing.T, dir string) *Manager {
	t.Helper()
	m, err := New(dir, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.StopAll(5*time.Second)) })
	return m
}

func sleeper(seconds string) Spec {
	return Spec{Name: "sleeper", Path: "/bin/sleep", Args: []string{seconds}}
}

func only(t *testing.T, m *Manager) State {
	t.Helper()
	states, err := m.List()
	require.NoError(t, err)
	require.Len(t, states, 1)
	return states[0]
}

func TestASecondEnsureLeavesTheProcessAlone(t *testing.T) {
	m := newManager(t, t.TempDir())
	require.NoError(t, m.Ensure(sleeper("60")))
	before := only(t, m)
	require.NoError(t, m.Ensure(sleeper("60")))
	require.Equal(t, before.PID, only(t, m).PID)
}

func TestChangedSettingsReplaceTheProcess(t *testing.T) {
	m := newManager(t, t.TempDir())
	require.NoError(t, m.Ensure(sleeper("60")))
	before := only(t, m)
	require.NoError(t, m.Ensure(sleeper("61")))
	after := only(t, m)
	require.NotEqual(t, before.PID, after.PID)
	require.True(t, after.Running)
}

func TestANewManagerAdoptsWhatRuns(t *testing.T) {
	dir := t.TempDir()
	first := newManager(t, dir)
	require.NoError(t, first.Ensure(sleeper("60")))
	before := only(t, first)
	first.Release()

	second := newManager(t, dir)
	require.NoError(t, second.Ensure(sleeper("60")))
	require.Equal(t, before.PID, only(t, second).PID)
}

func TestAKilledProcessIsStartedAgain(t *testing.T) {
	m := newManager(t, t.TempDir())
	require.NoError(t, m.Ensure(sleeper("60")))
	before := only(t, m)
	require.NoError(t, syscall.Kill(before.PID, syscall.SIGKILL))
	require.Eventually(t, func() bool {
		state := only(t, m)
		return state.Running && state.PID != before.PID
	}, 10*time.Second, 20*time.Millisecond)
}

func TestStopEndsTheProcessAndForgetsIt(t *testing.T) {
	dir := t.TempDir()
	m := newManager(t, dir)
	require.NoError(t, m.Ensure(sleeper("60")))
	pid := only(t, m).PID
	require.NoError(t, m.Stop("sleeper", 5*time.Second))
	_, err := startTime(pid)
	require.Error(t, err)
	left, err := os.ReadDir(filepath.Join(dir, "run"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAProcessThatIgnoresTheSignalIsKilled(t *testing.T) {
	m := newManager(t, t.TempDir())
	require.NoError(t, m.Ensure(Spec{
		Name: "stubborn", Path: "/bin/sh",
		Args: []string{"-c", `trap "" TERM; echo ready; while :; do sleep 0.1; done`},
	}))
	require.Eventually(t, func() bool {
		out, _ := os.ReadFile(m.LogFile("stubborn"))
		return len(out) > 0
	}, 5*time.Second, 10*time.Millisecond)
	require.NoError(t, m.Stop("stubborn", 200*time.Millisecond))
	states, err := m.List()
	require.NoError(t, err)
	require.Empty(t, states)
}

func TestAMissingProgramIsAnErrorThatNamesIt(t *testing.T) {
	m := newManager(t, t.TempDir())
	err := m.Ensure(Spec{Name: "ghost", Path: "/nonexistent/ghost"})
	require.ErrorContains(t, err, "start ghost")
}

// A process that ends while it is ensured must not be started twice: `rehearsal down`
// finds those that have a record, and every process has one record.
func TestProcessThatEndsWhileItIsEnsuredRunsOnce(t *testing.T) {
	m, err := New(t.TempDir(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	mark := fmt.Sprintf("360%d", 10000000+os.Getpid())
	spec := Spec{Name: "sleeper", Path: "/bin/sleep", Args: []string{mark}}
	running := func() (pids []int) {
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		require.NoError(t, err)
		for _, file := range files {
			raw, _ := os.ReadFile(file)
			if !strings.HasPrefix(string(raw), "/bin/sleep\x00"+mark+"\x00") {
				continue
			}
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			require.NoError(t, err)
			pids = append(pids, pid)
		}
		return pids
	}
	t.Cleanup(func() {
		for _, pid := range running() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	for range 50 {
		require.NoError(t, m.Ensure(spec))
		before, err := m.read(spec.Name)
		require.NoError(t, err)
		_ = syscall.Kill(before.PID, syscall.SIGKILL)
		for before.alive() {
			runtime.Gosched()
		}
	}
	require.NoError(t, m.Ensure(spec))
	require.NoError(t, m.StopAll(5*time.Second))
	require.Empty(t, running())
}
