package stack

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWithoutItsPartsItSaysWhereTheyComeFrom(t *testing.T) {
	_, err := partsOf(func(string) string { return "" })
	require.ErrorContains(t, err, "run `make test-integration`")
	_, err = partsOf(func(name string) string { return name })
	require.NoError(t, err)
}

func answersAtOnce(context.Context) error { return nil }

func shell(t *testing.T, script string) *process {
	p := &process{
		name: "shell", logFile: filepath.Join(t.TempDir(), "log"),
		command: func() *exec.Cmd { return exec.Command("/bin/sh", "-c", script) },
		ready:   answersAtOnce,
	}
	return p
}

func TestAKilledProcessTakesItsChildrenWithIt(t *testing.T) {
	p := shell(t, "sleep 1000 & sleep 1000 & wait")
	require.NoError(t, p.start(t.Context()))
	pid := p.cmd.Process.Pid
	require.Eventually(t, func() bool { return len(descendants(pid)) == 2 }, 5*time.Second, 5*time.Millisecond)
	children := descendants(pid)
	p.end(9)
	for _, child := range append(children, pid) {
		require.False(t, alive(child))
	}
	require.NoError(t, p.lost)
}

func TestAProcessThatEndsByItselfIsTold(t *testing.T) {
	p := shell(t, "exit 3")
	require.NoError(t, p.start(t.Context()))
	<-p.ended
	require.ErrorContains(t, p.lost, "ended by itself: exit status 3")
}
