package bus

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

const (
	journalDir  = "TEST_JOURNAL"
	deadlyEvent = "TEST_DEADLY_EVENT"
)

// TestMain is also the process of the test below: with a folder in its
// environment, it takes the events that are there.
func TestMain(m *testing.M) {
	if dir := os.Getenv(journalDir); dir != "" {
		if err := takeAll(dir, os.Getenv(deadlyEvent)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// takeAll has the events of a folder delivered, and ends the process without a
// word at one of them.
func takeAll(dir, deadly string) error {
	log := slog.New(slog.DiscardHandler)
	journal, err := OpenJournal(filepath.Join(dir, "journal"), log)
	if err != nil {
		return err
	}
	receiver := &Receiver{
		Service: event.Analytics, Log: log, Journal: journal,
		Handlers: map[string]Handler{topic: func(_ context.Context, e event.CloudEvent) (bool, error) {
			if e.ID == deadly {
				os.Exit(9)
			}
			return true, nil
		}},
		Outage:  func(context.Context, error) bool { return false },
		Outcome: func(_, outcome string) { fmt.Println("outcome", outcome) },
		DeadLetter: func(_ context.Context, _, _ string, payload []byte) error {
			fmt.Println("dead-lettered", string(payload))
			return nil
		},
	}
	handler := receiver.Handler()
	files, err := filepath.Glob(filepath.Join(dir, "*.event"))
	if err != nil {
		return err
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/events/"+topic, bytes.NewReader(raw)))
	}
	return nil
}

func TestAnEventThatEndsTheProcessIsADeadLetterInTheEnd(t *testing.T) {
	dir := t.TempDir()
	var ids []string
	for i := range 3 {
		e, raw := encoded(t)
		ids = append(ids, e.ID)
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.event", i)), raw, 0o600))
	}
	process := func() (string, int) {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), journalDir+"="+dir, deadlyEvent+"="+ids[1])
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	for range maxAttempts {
		out, code := process()
		require.Equal(t, 9, code, out)
	}
	out, code := process()
	require.Zero(t, code, out)
	require.Equal(t, []string{"outcome handled", "outcome dead", "outcome handled"}, regexp.MustCompile(`(?m)^outcome \w+$`).FindAllString(out, -1), "what is behind it is handled")
	require.Contains(t, out, "the process ended 3 times while it handled this event")
	require.Contains(t, out, ids[1])
	out, code = process()
	require.Equal(t, 9, code, "dead-lettered, it has all its attempts again when it is replayed: %s", out)
}

// One event under way is not to blame for another.
func TestWhatWasUnderWayBesideItIsHandled(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	deadly, deadlyRaw := encoded(t)
	harmless, harmlessRaw := encoded(t)
	for attempt := 1; attempt <= maxAttempts; attempt++ {
		journal, err := OpenJournal(dir, log)
		require.NoError(t, err)
		suspects := map[string]int{}
		for _, one := range journal.left {
			suspects[one.ID] = one.Attempts
		}
		if attempt == 1 { // both are under way when the process ends
			require.Empty(t, suspects)
			journal.begin(t.Context(), []inFlight{{Topic: topic, ID: harmless.ID, Attempts: 1}}, false)
			journal.begin(t.Context(), []inFlight{{Topic: topic, ID: deadly.ID, Attempts: 1}}, false)
			continue
		}
		if attempt == 2 {
			require.Equal(t, map[string]int{harmless.ID: 1, deadly.ID: 1}, suspects)
			b := newBench(t, answers(nil))
			b.receiver.Journal = journal
			require.Equal(t, 200, b.deliver("/events/"+topic, harmlessRaw))
		} else {
			require.Equal(t, map[string]int{deadly.ID: 2}, suspects)
		}
		journal.begin(t.Context(), []inFlight{{Topic: topic, ID: deadly.ID, Attempts: attempt}}, true) // and the process ends
	}
	journal, err := OpenJournal(dir, log)
	require.NoError(t, err)
	b := newBench(t, func(context.Context, event.CloudEvent) (bool, error) {
		t.Error("it was handled once more")
		return true, nil
	})
	b.receiver.Journal = journal
	require.Equal(t, 200, b.deliver("/events/"+topic, deadlyRaw))
	require.Equal(t, []string{Dead}, b.outcomes)
	require.Len(t, b.letters, 1)
}

func TestTheJournalIsEmptyWhenNothingIsUnderWay(t *testing.T) {
	dir := t.TempDir()
	b := newBench(t, answers(nil, errDefect, errAway))
	var err error
	b.receiver.Journal, err = OpenJournal(dir, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	for range 3 {
		_, raw := encoded(t)
		b.deliver("/events/"+topic, raw)
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
}

func TestHalfAnEntryIsForgotten(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, strings.Repeat("0", 64)+".json"), []byte(`{"topic":"fin`), 0o600))
	journal, err := OpenJournal(dir, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Empty(t, journal.left)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
}
