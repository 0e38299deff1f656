package stack

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit in which Linux tells of a process's time.
const clockTick = 10 * time.Millisecond

// Usage is what a program takes of the machine.
type Usage struct {
	CPU      time.Duration // since it started
	Resident int64         // bytes of memory that are its own now
}

// Usage returns what each program has taken, by its name. PostgreSQL's sessions are
// listed by their role, as "postgresql/role", and not with the rest of PostgreSQL.
func (s *Stack) Usage() map[string]Usage {
	found := map[string]Usage{}
	add := func(name string, pid int) {
		its := found[name]
		its.CPU += processorTime(pid)
		its.Resident += resident(pid)
		found[name] = its
	}
	for name, p := range s.processes {
		p.mu.Lock()
		cmd := p.cmd
		p.mu.Unlock()
		if cmd == nil {
			continue
		}
		add(name, cmd.Process.Pid)
		for _, child := range descendants(cmd.Process.Pid) {
			if role := sessionRole(child); role != "" {
				add(name+"/"+role, child)
				continue
			}
			add(name, child)
		}
	}
	return found
}

// sessionRole reads the role of a PostgreSQL session out of its title, such as
// "postgres: backend companion 127.0.0.1(4711) idle"; "": it is no session.
func sessionRole(pid int) string {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	title, isPostgres := strings.CutPrefix(string(bytes.TrimRight(raw, "\x00")), "postgres: ")
	fields := strings.Fields(title)
	if !isPostgres || len(fields) < 3 || fields[1] != databaseName {
		return ""
	}
	return fields[0]
}

// processorTime is the time that a process and its children that ended have used; 0: it is
// gone.
func processorTime(pid int) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(raw), ") ") // the state follows the name
	fields := strings.Fields(after)
	const utime, cstime = 11, 14 // counted from the state: utime, stime, cutime, cstime
	if len(fields) <= cstime {
		return 0
	}
	var ticks int64
	for _, text := range fields[utime : cstime+1] {
		n, _ := strconv.ParseInt(text, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * clockTick
}

// resident is the anonymous memory of a process, so that what is shared counts once.
func resident(pid int) int64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		text, found := strings.CutPrefix(line, "RssAnon:")
		if !found {
			continue
		}
		kilobytes, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 64)
		return kilobytes << 10
	}
	return 0
}
