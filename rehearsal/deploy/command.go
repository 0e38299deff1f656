package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"github.com/wealth-companion/companion/rehearsal/progress"
	"github.com/wealth-companion/companion/rehearsal/settings"
)

// patience is how long an interrupted pulumi has for giving its operations up.
const patience = 2 * time.Minute

// command runs pulumi so that it outlives the program that started it. A
// pulumi that dies half-way leaves resources behind that its state does not
// know; this one goes on to its end, and the next run waits for it.
type command struct{ path string }

var _ auto.PulumiCommand = command{}

// Version implements auto.PulumiCommand: the one that go.mod pins.
func (c command) Version() semver.Version { return semver.MustParse("3.259.0") }

// Run implements auto.PulumiCommand. Both outputs are files, since a pipe
// would break with its reader.
func (c command) Run(ctx context.Context, dir string, stdin io.Reader, outs, errs []io.Writer, env []string, args ...string) (string, string, int, error) {
	var stdout, stderr bytes.Buffer
	output, err := newTail(io.MultiWriter(append(outs, &stdout)...))
	if err != nil {
		return "", "", -1, err
	}
	defer output.close()
	problems, err := newTail(io.MultiWriter(append(errs, &stderr)...))
	if err != nil {
		return "", "", -1, err
	}
	defer problems.close()

	cmd := exec.Command(c.path, append([]string{"--non-interactive"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), env...), "PULUMI_AUTOMATION_API=true")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, output.file, problems.file
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return "", "", -1, fmt.Errorf("start pulumi: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	err = await(ctx, cmd.Process, ended, func() { output.copy(); problems.copy() })
	output.copy()
	problems.copy()
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), err
}

// await returns when the process has ended, interrupting it when ctx ends.
func await(ctx context.Context, process *os.Process, ended <-chan error, every func()) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	interrupt, enough := ctx.Done(), (<-chan time.Time)(nil)
	for {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
			every()
		case <-interrupt:
			interrupt, enough = nil, time.After(patience)
			_ = process.Signal(os.Interrupt)
		case <-enough:
			_ = process.Kill()
		}
	}
}

// tail copies what is written to a file.
type tail struct {
	file *os.File // written by another process
	read *os.File
	to   io.Writer
}

func newTail(to io.Writer) (*tail, error) {
	file, err := os.CreateTemp("", "pulumi-output-")
	if err != nil {
		return nil, err
	}
	read, err := os.Open(file.Name())
	// Both are open: the name is no longer needed, and nothing has to be removed.
	return &tail{file: file, read: read, to: to}, errors.Join(err, os.Remove(file.Name()))
}

func (t *tail) copy() { _, _ = io.Copy(t.to, t.read) }

func (t *tail) close() {
	_ = t.file.Close()
	_ = t.read.Close()
}

// settle waits for a pulumi that an interrupted run left working, and lets go
// of the lock of one that was killed.
func (s *Stack) settle(ctx context.Context) error {
	locks, err := filepath.Glob(filepath.Join(s.folders.State, "pulumi", "state", ".pulumi", "locks", "*", "*", s.name, "*.json"))
	if err != nil || len(locks) == 0 {
		return err
	}
	var stage progress.Stage
	for deadline := time.Now().Add(20 * time.Minute); ; {
		holder := livingHolder(locks)
		if holder == 0 {
			break
		}
		if stage == nil {
			stage = s.report.Stage(fmt.Sprintf("an earlier pulumi (process %d) goes on: wait for its end", holder))
		}
		select {
		case <-ctx.Done():
			stage.Done(ctx.Err())
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			err := fmt.Errorf("pulumi (process %d) has worked on the stack for more than 20 minutes: interrupt it with `kill -INT %d`", holder, holder)
			stage.Done(err)
			return err
		}
	}
	if stage != nil {
		stage.Done(nil)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(locks[0]), "*.json")); err != nil || len(left) == 0 {
		return err
	}
	return s.stack.Cancel(ctx)
}

// livingHolder returns the id of a pulumi that holds one of the locks, or 0.
func livingHolder(locks []string) int {
	for _, file := range locks {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // let go of meanwhile
		}
		var lock struct {
			PID int `json:"pid"`
		}
		if json.Unmarshal(raw, &lock) != nil {
			continue
		}
		name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(lock.PID), "comm"))
		if err == nil && strings.TrimSpace(string(name)) == "pulumi" {
			return lock.PID
		}
	}
	return 0
}

// Stop ends every pulumi of the rehearsal, with the plugins that it started.
// Half-done work is left to whoever removes all of it.
func Stop(folders settings.Folders) error {
	program, err := os.Stat(folders.Program("pulumi"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	ours := map[int]bool{}
	for _, pid := range processes() {
		// The file, not its name: there may be other pulumis on this machine.
		if running, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && os.SameFile(running, program) {
			ours[pid] = true
		}
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		left := 0
		for _, pid := range processes() {
			// One that `up` started leads a session of its own, with its plugins
			// in it. One that a person started is in the session of their shell.
			if of := session(pid); of != 0 && (ours[pid] || ours[of]) {
				left++
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if left == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d processes of pulumi do not end", left)
		}
	}
}

func processes() []int {
	entries, _ := filepath.Glob("/proc/[0-9]*")
	var pids []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(filepath.Base(entry)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// session returns the session that a process belongs to, 0 when it is gone.
func session(pid int) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// "pid (name) state ppid pgrp session ...": the name may hold anything.
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 4 || fields[0] == "Z" {
		return 0
	}
	id, _ := strconv.Atoi(fields[3])
	return id
}
