package stack

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"sync/atomic"
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

func TestAClientLogsInAgainWhenItsTokenIsOver(t *testing.T) {
	var logins atomic.Int64
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api/v1/auth/register":
			_, _ = io.WriteString(w, `{"token": "old"}`)
		case r.URL.Path == "/api/v1/auth/login":
			logins.Add(1)
			_, _ = io.WriteString(w, `{"token": "new"}`)
		case r.Header.Get("Authorization") != "Bearer new":
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer api.Close()
	c := (&Stack{URL: api.URL}).Client()
	require.NoError(t, c.Register(t.Context()))
	failed := make(chan error, 4)
	for range cap(failed) {
		go func() { failed <- c.Call(t.Context(), http.MethodGet, "/wallets", nil, nil, nil) }()
	}
	for range cap(failed) {
		require.NoError(t, <-failed)
	}
	require.EqualValues(t, 1, logins.Load(), "one logs in for all")
}
