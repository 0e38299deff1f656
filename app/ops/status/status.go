// Package status says what is unhealthy, since when, and which entry of the runbook to read.
package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Report is how everything is at one time.
type Report struct {
	At    time.Time `json:"at"`
	Parts []Part    `json:"parts"`
}

// State is how a part is.
type State string

// The states of a part.
const (
	OK      State = "ok"
	Wrong   State = "wrong"   // Problems say what
	Unknown State = "unknown" // it could not be looked at: Says has the reason
	Off     State = "off"     // the stack does without it
)

// Part is one of the things that are looked at.
type Part struct {
	Name     string    `json:"name"`
	State    State     `json:"state"`
	Says     string    `json:"says"` // one line
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is something that somebody has to do something about.
type Problem struct {
	What    string     `json:"what"`
	Since   *time.Time `json:"since,omitempty"`   // nil: not known
	Runbook string     `json:"runbook,omitempty"` // the anchor of the entry in docs/runbook.md
}

// ErrOff is the error of a check of what the stack does without.
var ErrOff = errors.New("it is off")

// Check looks at one part: in one line how it is, and the problems that there are.
type Check struct {
	Name string
	Look func(context.Context) (says string, problems []Problem, err error)
}

// Run makes all checks at a time. One that fails, or takes longer than the limit, leaves its part
// unknown and keeps no other from being looked at.
func Run(ctx context.Context, checks []Check, limit time.Duration, now time.Time) Report {
	report := Report{At: now.UTC(), Parts: make([]Part, len(checks))}
	var all sync.WaitGroup
	for i, check := range checks {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			report.Parts[i] = look(ctx, check)
		})
	}
	all.Wait()
	return report
}

// look makes a check, which may not watch its context: it is left behind then, and ends with
// the command.
func look(ctx context.Context, check Check) Part {
	found := make(chan Part, 1)
	go func() {
		says, problems, err := check.Look(ctx)
		part := Part{Name: check.Name, State: OK, Says: says, Problems: problems}
		switch {
		case errors.Is(err, ErrOff):
			part.State, part.Says = Off, err.Error()
		case err != nil:
			part.State, part.Says = Unknown, firstLine(err)
		case len(problems) > 0:
			part.State = Wrong
		}
		found <- part
	}()
	select {
	case part := <-found:
		return part
	case <-ctx.Done():
		return Part{Name: check.Name, State: Unknown, Says: "it took too long to look at"}
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// Err is nil when nothing is wrong and everything could be looked at.
func (r Report) Err() error {
	var wrong, unknown []string
	for _, part := range r.Parts {
		switch part.State {
		case Wrong:
			wrong = append(wrong, part.Name)
		case Unknown:
			unknown = append(unknown, part.Name)
		}
	}
	var errs []error
	if len(wrong) > 0 {
		errs = append(errs, fmt.Errorf("unhealthy: %s", strings.Join(wrong, ", ")))
	}
	if len(unknown) > 0 {
		errs = append(errs, fmt.Errorf("not known: %s", strings.Join(unknown, ", ")))
	}
	return errors.Join(errs...)
}

// marks begin the line of a part.
var marks = map[State]string{OK: "✓", Wrong: "✗", Unknown: "?", Off: "-"}

// shownProblems is how many of a part's are shown: all of it fits on a screen.
const shownProblems = 5

// Lines are the report as text, for a screen.
func (r Report) Lines() []string {
	width := 0
	for _, part := range r.Parts {
		width = max(width, len(part.Name))
	}
	var lines []string
	for _, part := range r.Parts {
		lines = append(lines, fmt.Sprintf("%s %-*s  %s", marks[part.State], width, part.Name, part.Says))
		for i, problem := range part.Problems {
			if i == shownProblems {
				lines = append(lines, fmt.Sprintf("    and %d more (--output json)", len(part.Problems)-i))
				break
			}
			lines = append(lines, "    "+problem.line(r.At))
		}
	}
	return lines
}

// runbook is where the entries are.
const runbook = "docs/runbook.md"

func (p Problem) line(now time.Time) string {
	line := p.What
	if p.Since != nil {
		line += ", since " + Ago(*p.Since, now)
	}
	if p.Runbook != "" {
		line += "  → " + runbook + "#" + p.Runbook
	}
	return line
}

// Ago writes a time of today by its clock and how long ago it was, and another one by its date.
func Ago(then, now time.Time) string {
	age := max(0, now.Sub(then))
	switch {
	case age < time.Minute:
		return fmt.Sprintf("%ds ago", int(age.Seconds()))
	case age < 24*time.Hour:
		return fmt.Sprintf("%s (%s)", then.UTC().Format("15:04 UTC"), shortly(age))
	}
	return fmt.Sprintf("%s (%dd)", then.UTC().Format("2006-01-02 15:04 UTC"), int(age.Hours())/24)
}

// shortly is a duration of a minute or more.
func shortly(d time.Duration) string {
	hours, minutes := int(d.Hours()), int(d.Minutes())%60
	if hours == 0 {
		return fmt.Sprintf("%dm", minutes)
	}
	return fmt.Sprintf("%dh%dm", hours, minutes)
}

// oldestFirst orders problems: what began first is often the cause of the rest. Those whose
// beginning nobody knows come last. Times are UTC's.
func oldestFirst(problems []Problem) []Problem {
	for i, problem := range problems {
		if problem.Since != nil {
			since := problem.Since.UTC()
			problems[i].Since = &since
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		switch {
		case a.Since == nil && b.Since == nil:
			return cmp.Compare(a.What, b.What)
		case a.Since == nil:
			return 1
		case b.Since == nil:
			return -1
		}
		return cmp.Or(a.Since.Compare(*b.Since), cmp.Compare(a.What, b.What))
	})
	return problems
}

// counted writes a number of things.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
