package bus

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/event"
)

const (
	journalDir  = "TEST_JOURNAL"
	deadlyEvent = "TEST_DEADLY_EVENT"
)

// TestProcess is no test but the process of the tests below: it takes the events
// of its folder, and ends without a word at one of them.
func TestProcess(t *testing.T) {
	dir := os.Getenv(journalDir)
	if dir == "" {
		t.SkipNow() // it is run by those tests
	}
	b := newBench(t, func(_ context.Context, e event.CloudEvent) (bool, error) {
		if e.ID == os.Getenv(deadlyEvent) {
			os.Exit(9)
		}
		return true, nil
	})
	var err error
	b.receiver.Journal, err = OpenJournal(filepath.Join(dir, "journal"), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(dir, "*.event"))
	require.NoError(t, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		b.deliver("/events/"+topic, raw)
	}
	for _, letter := range b.buried {
		fmt.Println("buried", letter.ID, letter.Tries, letter.Reason)
	}
	fmt.Println("outcomes", b.outcomes)
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
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcess$", "-test.v")
		cmd.Env = append(os.Environ(), journalDir+"="+dir, deadlyEvent+"="+ids[1])
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	for range maxTries {
		out, code := process()
		require.Equal(t, 9, code, out)
	}
	out, code := process()
	require.Zero(t, code, out)
	require.Contains(t, out, "outcomes [handled dead handled]", "what is behind it is handled")
	require.Contains(t, out, fmt.Sprintf("buried %s %d the process ended %d times while it handled this event", ids[1], maxTries, maxTries))
	out, code = process()
	require.Equal(t, 9, code, "buried, it has its tries again when it is replayed: %s", out)
}

// One event under way is not to blame for another.
func TestWhatWasUnderWayBesideItIsHandled(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	deadly, deadlyRaw := encoded(t)
	harmless, harmlessRaw := encoded(t)
	for try := 1; try <= maxTries; try++ {
		journal, err := OpenJournal(dir, log)
		require.NoError(t, err)
		suspects := map[string]int{}
		for _, one := range journal.left {
			suspects[one.ID] = one.Tries
		}
		if try == 1 { // both are under way when the process ends
			require.Empty(t, suspects)
			journal.begin(t.Context(), underWay{Topic: topic, ID: harmless.ID, Tries: 1}, false)
			journal.begin(t.Context(), underWay{Topic: topic, ID: deadly.ID, Tries: 1}, false)
			continue
		}
		if try == 2 {
			require.Equal(t, map[string]int{harmless.ID: 1, deadly.ID: 1}, suspects)
			b := newBench(t, answers(nil))
			b.receiver.Journal = journal
			require.Equal(t, 200, b.deliver("/events/"+topic, harmlessRaw))
		} else {
			require.Equal(t, map[string]int{deadly.ID: 2}, suspects)
		}
		journal.begin(t.Context(), underWay{Topic: topic, ID: deadly.ID, Tries: try}, true) // and the process ends
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
	require.Len(t, b.buried, 1)
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
