package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Terminal reports to a person: a line for each stage that ended, with how long
// it took, and for those under way either one line that is kept up to date (a
// terminal) or a line now and then (a file or a CI log).
type Terminal struct {
	out   io.Writer
	live  bool
	width int
	start time.Time

	mu     sync.Mutex
	active []*stage
	shown  int // lines of the live block now on the screen
	ended  []Ended
	stop   chan struct{}
	done   sync.WaitGroup
}

// Ended is one stage that is over.
type Ended struct {
	Name string
	Took time.Duration
	Err  error
}

// NewTerminal starts reporting to out; live says whether out is a terminal of
// that many columns. Close ends it.
func NewTerminal(out io.Writer, live bool, width int) *Terminal {
	t := &Terminal{out: out, live: live, width: width, start: time.Now(), stop: make(chan struct{})}
	t.done.Go(t.refresh)
	return t
}

// Close stops reporting.
func (t *Terminal) Close() {
	close(t.stop)
	t.done.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
}

// Ended returns the stages that are over, in the order in which they ended.
func (t *Terminal) Ended() []Ended {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Ended(nil), t.ended...)
}

// Println prints a line of its own among the stages'.
func (t *Terminal) Println(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	_, _ = fmt.Fprintln(t.out, line)
	t.draw()
}

// Stage implements Reporter.
func (t *Terminal) Stage(name string) Stage {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &stage{terminal: t, name: name, since: time.Now(), told: time.Now()}
	t.active = append(t.active, s)
	t.clear()
	t.draw()
	return s
}

type stage struct {
	terminal *Terminal
	name     string
	detail   string
	since    time.Time
	told     time.Time // when a log was last told of it
}

func (s *stage) Detail(format string, args ...any) {
	s.terminal.mu.Lock()
	defer s.terminal.mu.Unlock()
	s.detail = fmt.Sprintf(format, args...)
}

func (s *stage) Done(err error) {
	t := s.terminal
	t.mu.Lock()
	defer t.mu.Unlock()
	took := time.Since(s.since)
	t.ended = append(t.ended, Ended{Name: s.name, Took: took, Err: err})
	for i, other := range t.active {
		if other == s {
			t.active = append(t.active[:i], t.active[i+1:]...)
			break
		}
	}
	t.clear()
	mark := "✓"
	if err != nil {
		mark = "✗"
	}
	_, _ = fmt.Fprintf(t.out, "%s %-58s %8s\n", mark, s.name, seconds(took))
	t.draw()
}

// quietFor is how long a log goes without a word of a stage under way.
const quietFor = 30 * time.Second

func (t *Terminal) refresh() {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-t.stop:
			return
		case <-tick.C:
		}
		t.mu.Lock()
		if t.live {
			t.clear()
			t.draw()
		} else {
			t.remind()
		}
		t.mu.Unlock()
	}
}

func (t *Terminal) remind() {
	for _, s := range t.active {
		if time.Since(s.told) < quietFor {
			continue
		}
		s.told = time.Now()
		_, _ = fmt.Fprintf(t.out, "… %s\n", s.line())
	}
}

func (s *stage) line() string {
	line := fmt.Sprintf("%-40s %8s", s.name, seconds(time.Since(s.since)))
	if s.detail != "" {
		line += "  " + s.detail
	}
	return line
}

func (t *Terminal) clear() {
	if !t.live || t.shown == 0 {
		return
	}
	// Up as many lines as were drawn, and erase from there on.
	_, _ = fmt.Fprintf(t.out, "\x1b[%dA\x1b[J", t.shown)
	t.shown = 0
}

func (t *Terminal) draw() {
	if !t.live {
		return
	}
	const most = 12
	for i, s := range t.active {
		if i == most {
			_, _ = fmt.Fprintf(t.out, "  … and %d more\n", len(t.active)-most)
			t.shown++
			return
		}
		line := []rune("◌ " + strings.ReplaceAll(s.line(), "\n", " "))
		if t.width > 1 && len(line) >= t.width {
			line = append(line[:t.width-2], '…')
		}
		_, _ = fmt.Fprintln(t.out, string(line))
		t.shown++
	}
}

func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d:%02d min", int(d.Minutes()), int(d.Seconds())%60)
}
