//go:build bench

package systemtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/internal/stack"
)

// How long and how much TestEndurance lets people work.
const (
	// enduranceTime names the variable that holds another duration, such as 2h.
	enduranceTime = "ENDURANCE"
	enduring      = 16 * time.Minute
	// enduringPace is how many transactions a second there are.
	enduringPace = 30
	// samplePause is between two looks at a program, stage the time of which the least
	// of them counts: memory goes up and down with garbage collection.
	samplePause = 3 * time.Second
	stage       = 2 * time.Minute
)

// holding is what a program holds at a moment.
type holding struct{ resident, heap, goroutines, files, connections float64 }

func (a holding) least(b holding) holding {
	return holding{
		min(a.resident, b.resident), min(a.heap, b.heap), min(a.goroutines, b.goroutines), min(a.files, b.files), min(a.connections, b.connections),
	}
}

// TestEndurance has people enter, read, export, listen, mistype passwords, come and go
// for a long time, and fails when a service holds more in the end than after the first
// quarter. It prints the table of docs/benchmarks.md.
func TestEndurance(t *testing.T) {
	during := enduring
	if text := os.Getenv(enduranceTime); text != "" {
		var err error
		during, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	s := stack.Start(t, stack.Options{Direct: true})
	m := newMeter(t, s)
	l := endless(t, s)
	l.pause, l.steady = callers*time.Second/enduringPace, true

	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	var all sync.WaitGroup
	var reads, streams, accounts, failures atomic.Int64
	until := func(what string, do func() error) {
		all.Go(func() {
			for ctx.Err() == nil {
				err := do()
				if err == nil || ctx.Err() != nil {
					continue
				}
				// A machine that others keep busy may be too slow now and then.
				t.Logf("%s %s: %v", time.Now().UTC().Format(time.TimeOnly), what, err)
				failures.Add(1)
				_ = rest(ctx, time.Second)
			}
		})
	}
	for turn, p := range l.people { // each begins with another read
		until("read", func() error {
			paths := []string{"/dashboard", "/transactions", "/budgets", "/alerts", "/insights", "/health-score", "/summaries/trends"}
			turn++
			reads.Add(1)
			if err := p.client.Call(ctx, http.MethodGet, paths[turn%len(paths)], nil, nil, nil); err != nil {
				return err
			}
			return rest(ctx, time.Second)
		})
		until("listen", func() error { streams.Add(1); return listen(ctx, s, p.client) })
	}
	until("export", func() error { // there are only so many at a time
		turn := int(reads.Add(1)) % len(l.people)
		if err := l.people[turn].client.Call(ctx, http.MethodGet, "/account/export", nil, nil, nil); err != nil {
			return err
		}
		return rest(ctx, 2*time.Second)
	})
	until("come and go", func() error { accounts.Add(1); return visit(ctx, s) })
	all.Go(func() {
		if err := l.run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	stages := watch(t, ctx, s, m)
	all.Wait()
	m.settle(t, time.Minute)

	report := &strings.Builder{}
	fmt.Fprintf(report, "%s: %d transactions, %d reads, %d live connections, %d accounts made and deleted; %d of these failed, %d transactions were sent again\n\n",
		during, l.progress(), reads.Load(), streams.Load(), accounts.Load(), failures.Load(), l.retried.Load())
	require.Less(t, 50*failures.Load(), reads.Load(), "more than one in fifty fails: too much is asked of this machine")
	report.WriteString("| program | memory, MiB | heap, MiB | goroutines | open files | connections to PostgreSQL |\n|---|---|---|---|---|---|\n")
	require.GreaterOrEqual(t, len(stages), 4, "too short to compare anything")
	early, late := stages[len(stages)/4], stages[len(stages)-1]
	for _, name := range slices.Sorted(maps.Keys(late)) {
		was, is := early[name], late[name]
		if !slices.Contains(stack.Services(), name) { // others' programs are shown, and not ours to judge
			fmt.Fprintf(report, "| %s | %s | | | | |\n", name, course(stages, name))
			continue
		}
		fmt.Fprintf(report, "| %s | %s | %.1f, %.1f | %.0f, %.0f | %.0f, %.0f | %.0f, %.0f |\n", name, course(stages, name), was.heap, is.heap,
			was.goroutines, is.goroutines, was.files, is.files, was.connections, is.connections)
		if is.heap > 1.25*was.heap+4 || is.goroutines > 1.2*was.goroutines+10 || is.files > 1.2*was.files+10 || is.connections > was.connections+2 {
			t.Errorf("%s holds more and more: %+v after a quarter of the time, %+v in the end", name, was, is)
		}
	}
	t.Log("\n" + report.String())
}

// course lists the memory of a program at each stage.
func course(stages []map[string]holding, name string) string {
	var all []string
	for _, one := range stages {
		all = append(all, fmt.Sprintf("%.0f", one[name].resident))
	}
	return strings.Join(all, " ")
}

// watch looks at all programs until ctx ends, and returns the least of each stage.
func watch(t *testing.T, ctx context.Context, s *stack.Stack, m meter) (stages []map[string]holding) {
	t.Helper()
	for began := time.Now(); ctx.Err() == nil; _ = rest(ctx, samplePause) {
		now, err := look(ctx, s, m)
		if err != nil {
			if ctx.Err() == nil {
				t.Error(err)
			}
			return stages
		}
		if n := int(time.Since(began) / stage); n >= len(stages) {
			stages = append(stages, now)
			continue
		}
		current := stages[len(stages)-1]
		for name, its := range now {
			current[name] = its.least(current[name])
		}
	}
	return stages
}

// look returns what each program holds now.
func look(ctx context.Context, s *stack.Stack, m meter) (map[string]holding, error) {
	found := map[string]holding{}
	for name, its := range s.Usage() {
		name, _, _ = strings.Cut(name, "/") // PostgreSQL's sessions belong to it
		now := found[name]
		now.resident += float64(its.Resident) / (1 << 20)
		found[name] = now
	}
	for _, service := range stack.Services() {
		metrics, err := s.Metrics(ctx, service)
		if err != nil {
			return nil, err
		}
		now := found[service]
		now.heap, now.goroutines, now.files = metrics["go_memstats_heap_alloc_bytes"]/(1<<20), metrics["go_goroutines"], metrics["process_open_fds"]
		if err := m.pool.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE usename = $1", service).Scan(&now.connections); err != nil {
			return nil, err
		}
		found[service] = now
	}
	return found, nil
}

// listen has a person hear what is new for a while.
func listen(ctx context.Context, s *stack.Stack, c *stack.Client) error {
	limited, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(limited, http.MethodGet, s.URL+"/api/v1/live", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.Token())
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized: // the token has expired: the next read fetches another
		return rest(ctx, time.Second)
	default:
		return fmt.Errorf("live: %s", answer.Status)
	}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
	}
	if err := lines.Err(); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// visit has somebody come, enter something and go for good.
func visit(ctx context.Context, s *stack.Stack) error {
	c := s.Client()
	if err := c.Register(ctx); err != nil {
		return err
	}
	var wallet stack.Identified
	if err := c.Call(ctx, http.MethodPost, "/wallets", nil, map[string]string{"name": "Purse", "type": "cash", "currency": "EUR"}, &wallet); err != nil {
		return err
	}
	for range 3 {
		if err := c.Call(ctx, http.MethodPost, "/transactions", nil, map[string]string{
			"walletId": wallet.ID.String(), "amount": "12.50", "type": "expense", "category": "groceries", "timestamp": time.Now().UTC().Format(time.RFC3339),
		}, nil); err != nil {
			return err
		}
	}
	wrong := c.Call(ctx, http.MethodDelete, "/account", nil, map[string]string{"password": "another one"}, nil)
	var refused stack.StatusError
	if !errors.As(wrong, &refused) {
		return fmt.Errorf("a wrong password deletes an account: %w", wrong)
	}
	if err := c.Leave(ctx); err != nil {
		return err
	}
	return rest(ctx, time.Second)
}
