package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program of the stack.
type process struct {
	name    string
	logFile string
	// command makes the command, anew for each start.
	command func() *exec.Cmd
	// ready returns nil once it answers.
	ready func(context.Context) error
	// restart starts it again when it ends before it is ready: after a kill,
	// something of the one before may be in the way for a moment.
	restart bool

	mu    sync.Mutex
	cmd   *exec.Cmd // nil: does not run
	ended chan struct{}
	told  bool // to end
	lost  error
}

// patience is how long a program may take to start.
const patience = 90 * time.Second

// start starts the program and waits until it is ready.
func (p *process) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := p.launch(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	for {
		err := p.ready(ctx)
		if err == nil {
			return nil
		}
		p.mu.Lock()
		ended := p.ended
		p.mu.Unlock()
		select {
		case <-ended:
			if !p.restart {
				return fmt.Errorf("%s ended before it was ready", p.name)
			}
			if err := p.launch(); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %s: %w", p.name, patience, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *process) launch() error {
	log, err := os.OpenFile(p.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := p.command()
	cmd.Stdout, cmd.Stderr = log, log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	// Nothing outlives the tests.
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	p.cmd, p.ended, p.told = cmd, ended, false
	go func() {
		err := cmd.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.told && !p.restart {
			p.lost = fmt.Errorf("%s ended by itself: %w", p.name, errors.Join(err))
		}
		p.cmd = nil
		close(ended)
	}()
	return nil
}

// end sends a signal to the program, and to its children when it is SIGKILL,
// and waits until they are gone. One that does not go is killed.
func (p *process) end(signal syscall.Signal) {
	p.mu.Lock()
	cmd, ended := p.cmd, p.ended
	p.told = true
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	children := descendants(cmd.Process.Pid)
	_ = cmd.Process.Signal(signal)
	if signal == syscall.SIGKILL {
		kill(children)
	}
	_ = cmd.Process.Signal(syscall.SIGCONT) // or a paused one would not hear of it
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		kill(append(descendants(cmd.Process.Pid), cmd.Process.Pid))
		<-ended
	}
	for deadline := time.Now().Add(10 * time.Second); slices.ContainsFunc(children, alive) && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
}

// signal sends a signal that does not end it.
func (p *process) signal(signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return fmt.Errorf("%s does not run", p.name)
	}
	return p.cmd.Process.Signal(signal)
}

// descendants lists the children of a process, and theirs.
func descendants(pid int) []int {
	var all []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range tasks {
		raw, _ := os.ReadFile(file)
		for _, text := range strings.Fields(string(raw)) {
			if child, err := strconv.Atoi(text); err == nil {
				all = append(append(all, child), descendants(child)...)
			}
		}
	}
	return all
}

func kill(pids []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// alive tells whether a process runs. One that ended and that its parent did not
// ask about does not.
func alive(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(raw), ") ") // the state follows the name
	return !strings.HasPrefix(after, "Z")
}
