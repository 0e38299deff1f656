// Package process keeps long-running programs running, and finds them again
// after the program that started them is gone.
//
// What runs is written to disk (one record a process), so a rehearsal that is
// interrupted and started again adopts its processes instead of doubling them,
// and `rehearsal down` can stop them without the daemon's help.
package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Spec says what to run. Two specs with the same fields are the same process.
type Spec struct {
	Name string   // unique; names the record and the log file
	Path string   // absolute path of the program
	Args []string // without the program's own name
	Env  []string // added to PATH and HOME, nothing else is handed on
	Dir  string   // working directory, "/" when empty
	// Netns is the network namespace (a name under /run/netns) to run in; the
	// host's own when empty.
	Netns string
	// UID and GID run the program as another user; 0 keeps root.
	UID, GID uint32
	// StopSignal asks the program to end; SIGTERM when 0.
	StopSignal syscall.Signal
}

// record is what is known on disk of a process that was started.
type record struct {
	Name       string         `json:"name"`
	PID        int            `json:"pid"`
	Started    uint64         `json:"started"` // clock ticks after boot: tells a reused pid apart
	Hash       string         `json:"hash"`
	StopSignal syscall.Signal `json:"stopSignal"`
	Order      int64          `json:"order"` // start order, in Unix nanoseconds
}

// Manager starts, watches, adopts and stops processes. It is safe for
// concurrent use.
type Manager struct {
	runDir, logDir string
	log            *slog.Logger

	mu      sync.Mutex
	watched map[string]watcher
}

// watcher starts a process again when it ends. No two of the same process may work at
// once: each would start it, and the record would know one of both.
type watcher struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when it works no longer
}

// end ends the watcher and waits until it works no longer.
func (w watcher) end() {
	w.cancel()
	<-w.done
}

// New returns a manager that keeps its records in stateDir/run and the
// processes' output in stateDir/log.
func New(stateDir string, log *slog.Logger) (*Manager, error) {
	m := &Manager{
		runDir:  filepath.Join(stateDir, "run"),
		logDir:  filepath.Join(stateDir, "log"),
		log:     log,
		watched: map[string]watcher{},
	}
	for _, dir := range []string{m.runDir, m.logDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("process records: %w", err)
		}
	}
	return m, nil
}

// LogFile is where the named process writes.
func (m *Manager) LogFile(name string) string { return filepath.Join(m.logDir, name+".log") }

// Ensure has the process run: it is adopted when it runs as specified already,
// replaced when it runs otherwise, and started again whenever it ends, until
// Stop or Release.
func (m *Manager) Ensure(spec Spec) error {
	m.mu.Lock()
	before, watching := m.watched[spec.Name]
	m.mu.Unlock()
	hash := spec.hash()
	current, err := m.read(spec.Name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	alive := err == nil && current.alive()
	if alive && current.Hash == hash && watching {
		return nil
	}
	if watching {
		before.end()
		// Meanwhile it may have started the process again.
		if current, err = m.read(spec.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		alive = err == nil && current.alive()
	}
	if alive && current.Hash != hash {
		m.log.Info("replacing a process whose settings changed", "process", spec.Name)
		if err := current.stop(30 * time.Second); err != nil {
			return err
		}
		alive = false
	}
	var exited <-chan struct{}
	if !alive {
		if current, exited, err = m.start(spec, hash); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.mu.Lock()
	now := watcher{cancel: cancel, done: make(chan struct{})}
	m.watched[spec.Name] = now
	m.mu.Unlock()
	go func() {
		defer close(now.done)
		m.watch(ctx, spec, current, exited)
	}()
	return nil
}

// Release stops watching, and leaves every process running.
func (m *Manager) Release() {
	m.mu.Lock()
	watching := maps.Clone(m.watched)
	clear(m.watched)
	m.mu.Unlock()
	for _, w := range watching {
		w.cancel()
	}
	for _, w := range watching {
		<-w.done
	}
}

// Stop ends one process: its stop signal first, SIGKILL after grace. A process
// that does not run is no error.
func (m *Manager) Stop(name string, grace time.Duration) error {
	m.mu.Lock()
	watching, ok := m.watched[name]
	delete(m.watched, name)
	m.mu.Unlock()
	if ok {
		watching.end()
	}
	rec, err := m.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := rec.stop(grace); err != nil {
		return err
	}
	return os.Remove(m.recordFile(name))
}

// State is one process as `rehearsal status` shows it.
type State struct {
	Name    string
	PID     int
	Running bool
	Uptime  time.Duration
}

// List returns every process that was started and not stopped, in the order in
// which they were started.
func (m *Manager) List() ([]State, error) {
	records, err := m.records()
	if err != nil {
		return nil, err
	}
	states := make([]State, 0, len(records))
	for _, rec := range records {
		states = append(states, State{
			Name: rec.Name, PID: rec.PID, Running: rec.alive(),
			Uptime: time.Since(time.Unix(0, rec.Order)).Truncate(time.Second),
		})
	}
	return states, nil
}

// StopAll ends every recorded process, the last started first.
func (m *Manager) StopAll(grace time.Duration) error {
	records, err := m.records()
	if err != nil {
		return err
	}
	slices.Reverse(records)
	var errs []error
	for _, rec := range records {
		errs = append(errs, m.Stop(rec.Name, grace))
	}
	return errors.Join(errs...)
}

func (m *Manager) records() ([]record, error) {
	names, err := filepath.Glob(filepath.Join(m.runDir, "*.json"))
	if err != nil {
		return nil, err
	}
	var records []record
	for _, name := range names {
		rec, err := m.read(strings.TrimSuffix(filepath.Base(name), ".json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		records = append(records, rec)
	}
	sort.Slice(records, func(i, j int) bool { return records[i].Order < records[j].Order })
	return records, nil
}

// watch starts the process again when it ends: at once the first time, then
// with growing pauses while it keeps ending within a minute.
func (m *Manager) watch(ctx context.Context, spec Spec, rec record, exited <-chan struct{}) {
	const longest = 15 * time.Second
	pause := time.Duration(0)
	for {
		if !m.waitForEnd(ctx, rec, exited) {
			return
		}
		if time.Since(time.Unix(0, rec.Order)) > time.Minute {
			pause = 0
		}
		m.log.Warn("process ended; starting it again", "process", spec.Name, "log", m.LogFile(spec.Name), "after", pause)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			pause = min(2*pause+time.Second, longest)
			next, ended, err := m.start(spec, spec.hash())
			if err == nil && ctx.Err() != nil { // stopped meanwhile
				_ = next.stop(10 * time.Second)
				_ = os.Remove(m.recordFile(spec.Name))
				return
			}
			if err == nil {
				rec, exited = next, ended
				break
			}
			m.log.Error("process does not start", "process", spec.Name, "error", err)
		}
	}
}

// waitForEnd returns true when the process ended and false when ctx did. An
// adopted process is not our child, so it can only be looked at.
func (m *Manager) waitForEnd(ctx context.Context, rec record, exited <-chan struct{}) bool {
	if exited != nil {
		select {
		case <-ctx.Done():
			return false
		case <-exited:
			return true
		}
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for rec.alive() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

func (m *Manager) start(spec Spec, hash string) (record, <-chan struct{}, error) {
	out, err := os.OpenFile(m.LogFile(spec.Name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return record{}, nil, fmt.Errorf("log of %s: %w", spec.Name, err)
	}
	defer func() { _ = out.Close() }()
	path, args := spec.Path, spec.Args
	if spec.Netns != "" {
		// `ip netns exec` would remount /sys and hide the cgroups.
		args = append([]string{"--net=/run/netns/" + spec.Netns, path}, args...)
		path = "/usr/bin/nsenter"
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = spec.Dir
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/root"}, spec.Env...)
	cmd.Stdout, cmd.Stderr = out, out
	// A session of its own: Ctrl-C in the terminal of `rehearsal up` is not for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if spec.UID != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: spec.UID, Gid: spec.GID}
	}
	if err := cmd.Start(); err != nil {
		return record{}, nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	started, err := startTime(cmd.Process.Pid)
	if err != nil {
		return record{}, nil, fmt.Errorf("%s ended at once; see %s", spec.Name, m.LogFile(spec.Name))
	}
	rec := record{
		Name: spec.Name, PID: cmd.Process.Pid, Started: started, Hash: hash,
		StopSignal: spec.StopSignal, Order: time.Now().UnixNano(),
	}
	return rec, exited, m.write(rec)
}

func (m *Manager) recordFile(name string) string { return filepath.Join(m.runDir, name+".json") }

func (m *Manager) read(name string) (record, error) {
	raw, err := os.ReadFile(m.recordFile(name))
	if err != nil {
		return record{}, err
	}
	var rec record
	if err := json.Unmarshal(raw, &rec); err != nil {
		return record{}, fmt.Errorf("record of %s: %w", name, err)
	}
	return rec, nil
}

func (m *Manager) write(rec record) error {
	raw, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	tmp := m.recordFile(rec.Name) + ".new"
	if err := os.WriteFile(tmp, raw, 0o644); err != nil {
		return fmt.Errorf("record of %s: %w", rec.Name, err)
	}
	return os.Rename(tmp, m.recordFile(rec.Name))
}

func (s Spec) hash() string {
	raw, _ := json.Marshal(s) // plain fields cannot fail
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

func (r record) alive() bool {
	started, err := startTime(r.PID)
	return err == nil && started == r.Started
}

func (r record) stop(grace time.Duration) error {
	signal := r.StopSignal
	if signal == 0 {
		signal = syscall.SIGTERM
	}
	if !r.alive() {
		return nil
	}
	_ = syscall.Kill(r.PID, signal)
	if r.gone(grace) {
		return nil
	}
	_ = syscall.Kill(r.PID, syscall.SIGKILL)
	if r.gone(10 * time.Second) {
		return nil
	}
	return fmt.Errorf("process %s (pid %d) does not end, not even when killed", r.Name, r.PID)
}

func (r record) gone(within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if !r.alive() {
			return true
		}
	}
	return !r.alive()
}

// startTime reads when the process started (field 22 of /proc/PID/stat); a
// zombie counts as gone.
func startTime(pid int) (uint64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is the program's name in parentheses and may hold spaces.
	_, rest, ok := strings.Cut(string(raw[strings.LastIndexByte(string(raw), ')'):]), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return 0, fmt.Errorf("/proc/%d/stat is not as expected", pid)
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return 0, fs.ErrNotExist
	}
	return strconv.ParseUint(fields[19], 10, 64)
}
