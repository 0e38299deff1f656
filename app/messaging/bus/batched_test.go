package bus

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

// batches is a bench whose topic is handled in batches.
type batches struct {
	*bench
	mu   sync.Mutex
	seen [][]string // the ids of each batch
	gate chan struct{}
	// fails returns what the handler answers for a batch.
	fails func(ctx context.Context, ids []string) error
	limit time.Duration // of a batch; 0: the usual
	to    http.Handler
}

func newBatches(t *testing.T, fails func(context.Context, []string) error) *batches {
	b := &batches{bench: newBench(t, nil), gate: make(chan struct{}), fails: fails}
	b.receiver.Batches = map[string]BatchHandler{topic: b.handle}
	outcome := b.receiver.Outcome
	b.receiver.Outcome = func(topic, is string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		outcome(topic, is)
	}
	return b
}

func (b *batches) handle(ctx context.Context, events []event.CloudEvent) ([]bool, error) {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	b.mu.Lock()
	b.seen = append(b.seen, ids)
	begins := len(b.seen) == 1
	b.mu.Unlock()
	if begins {
		<-b.gate // the others arrive meanwhile
	}
	if err := b.fails(ctx, ids); err != nil {
		return nil, err
	}
	return slices.Repeat([]bool{true}, len(events)), nil
}

// deliverTogether delivers a first event and, while that is being handled, others,
// in this order. It returns the answers, and the ids in order of delivery.
func (b *batches) deliverTogether(n int, more ...[]byte) (answers []int, ids []string) {
	b.t.Helper()
	if b.to == nil {
		b.to = b.receiver.Handler()
	}
	var raws [][]byte
	for range n {
		e, raw := encoded(b.t)
		raws, ids = append(raws, raw), append(ids, e.ID)
	}
	raws = append(raws, more...)
	answers = make([]int, len(raws))
	var all sync.WaitGroup
	work := b.batcher()
	for i, raw := range raws {
		all.Go(func() {
			recorder := httptest.NewRecorder()
			b.to.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/events/"+topic, bytes.NewReader(raw)))
			answers[i] = recorder.Code
		})
		// The first is with the handler, each of the others in line, before the next comes.
		for {
			work.mu.Lock()
			waiting := len(work.waiting)
			work.mu.Unlock()
			b.mu.Lock()
			begun := len(b.seen) > 0
			b.mu.Unlock()
			if begun && waiting == i {
				break
			}
			runtime.Gosched()
		}
	}
	close(b.gate)
	all.Wait()
	return answers, ids
}

// batcher is that of the topic. It takes the place of the receiver's own.
func (b *batches) batcher() *batcher {
	work := &batcher{receiver: b.receiver, handle: b.handle, limit: cmp.Or(b.limit, batchTime)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /events/"+topic, b.receiver.receive(topic, b.receiver.deliver(work.act)))
	b.to = mux
	return work
}

func TestWhatArrivesWhileABatchIsHandledIsTheNextBatch(t *testing.T) {
	b := newBatches(t, func(context.Context, []string) error { return nil })
	answers, ids := b.deliverTogether(6)
	require.Equal(t, slices.Repeat([]int{http.StatusOK}, 6), answers)
	require.Equal(t, [][]string{ids[:1], ids[1:]}, b.seen)
	require.Equal(t, slices.Repeat([]string{Handled}, 6), b.outcomes)
}

func TestOnePoisonousEventIsDeadLetteredAndTheOthersAreHandled(t *testing.T) {
	for name, c := range map[string]struct {
		fail   func() error
		reason string
	}{
		"an error": {func() error { return errDefect }, "a defect"},
		"a panic":  {func() error { panic("a defect") }, "panic: a string at"}, // what it says may be somebody's own
	} {
		t.Run(name, func(t *testing.T) {
			poison, raw := encoded(t)
			b := newBatches(t, func(_ context.Context, ids []string) error {
				if slices.Contains(ids, poison.ID) {
					return c.fail()
				}
				return nil
			})
			answers, ids := b.deliverTogether(4, raw)
			require.Equal(t, []int{200, 200, 200, 200, 503}, answers)
			require.Equal(t, [][]string{ids[:1], append(slices.Clone(ids[1:]), poison.ID), {ids[1]}, {ids[2]}, {ids[3]}, {poison.ID}}, b.seen)
			require.Empty(t, b.letters, "the batch that failed was no attempt")
			require.Equal(t, 503, b.deliverAgain(raw))
			require.Equal(t, 200, b.deliverAgain(raw))
			require.Len(t, b.letters, 1)
			require.Equal(t, poison.ID, b.letters[0].ID)
			require.Equal(t, maxAttempts, b.letters[0].Tries)
			require.Contains(t, b.letters[0].Reason, c.reason)
		})
	}
}

func (b *batches) deliverAgain(raw []byte) int {
	recorder := httptest.NewRecorder()
	b.to.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/events/"+topic, bytes.NewReader(raw)))
	return recorder.Code
}

func TestAnOutageUsesUpNoAttemptOfABatch(t *testing.T) {
	calls := 0
	b := newBatches(t, func(context.Context, []string) error {
		if calls++; calls == 2 {
			return errAway
		}
		return nil
	})
	answers, _ := b.deliverTogether(5)
	require.Equal(t, []int{200, 503, 503, 503, 503}, answers)
	require.Len(t, b.seen, 2, "at once each would have waited for the same")
	require.ElementsMatch(t, []string{Handled, Postponed, Postponed, Postponed, Postponed}, b.outcomes)
	for _, one := range b.receiver.failures.by {
		require.Zero(t, one.attempts)
		require.True(t, one.alone, "one of them may have been the reason")
	}
}

func TestABatchThatTakesTooLongIsHandledOneAtATimeAndUsesUpNoAttempt(t *testing.T) {
	b := newBatches(t, func(ctx context.Context, ids []string) error {
		if len(ids) > 1 {
			<-ctx.Done()
		}
		return ctx.Err()
	})
	b.limit = 50 * time.Millisecond
	_, one := encoded(t)
	_, two := encoded(t)
	answers, _ := b.deliverTogether(1, one, two)
	require.Equal(t, []int{503, 503}, answers[1:])
	require.Empty(t, b.letters)
	for _, raw := range [][]byte{one, two} {
		require.Equal(t, http.StatusOK, b.deliverAgain(raw))
	}
	require.Empty(t, b.receiver.failures.by)
}

func TestWhatFailsHoldsUpItsKeyOnly(t *testing.T) {
	poison, raw := encoded(t)
	behind, rawBehind := sameUser(t, poison)
	b := newBatches(t, func(_ context.Context, ids []string) error {
		if slices.Contains(ids, poison.ID) {
			return errDefect
		}
		return nil
	})
	other, rawOther := encoded(t)
	answers, _ := b.deliverTogether(1, raw, rawBehind, rawOther)
	require.Equal(t, []int{200, 503, 503, 200}, answers)
	require.NotContains(t, b.seen[2:], []string{behind.ID}, "it would overtake")
	require.Contains(t, b.seen, []string{other.ID})
	_, counted := b.receiver.failures.of(topic, behind.ID)
	require.False(t, counted)
}

// sameUser is another event of the event's user.
func sameUser(t *testing.T, e event.CloudEvent) (event.CloudEvent, []byte) {
	t.Helper()
	its, err := event.Decode[event.TransactionCreated](e)
	require.NoError(t, err)
	other, raw := encoded(t)
	data, err := event.Decode[event.TransactionCreated](other)
	require.NoError(t, err)
	return other, bytes.ReplaceAll(raw, []byte(data.UserID.String()), []byte(its.UserID.String()))
}

func TestTheSameEventIsNotTwiceInABatch(t *testing.T) {
	b := newBatches(t, func(context.Context, []string) error { return nil })
	e, raw := encoded(t)
	answers, ids := b.deliverTogether(1, raw, raw)
	require.Equal(t, []int{200, 200, 200}, answers)
	require.Equal(t, [][]string{ids, {e.ID}, {e.ID}}, b.seen)
}

func TestADeliveryThatNobodyWaitsForIsNotHandled(t *testing.T) {
	b := newBatches(t, func(context.Context, []string) error { return nil })
	work := b.batcher()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := work.act(gone, delivery{topic: topic})
	require.ErrorIs(t, err, context.Canceled)
}

func TestABatchThatEndsTheProcessIsHandledOneAtATimeByTheNext(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	journal, err := OpenJournal(dir, log)
	require.NoError(t, err)
	var ids []string
	var raws [][]byte
	var entries []inFlight
	for range 3 {
		e, raw := encoded(t)
		ids, raws = append(ids, e.ID), append(raws, raw)
		entries = append(entries, inFlight{Topic: topic, ID: e.ID, Attempts: 1})
	}
	journal.begin(t.Context(), entries, false) // and the process ends
	require.Equal(t, 1, entriesIn(t, dir), "one entry for the batch")

	journal, err = OpenJournal(dir, log)
	require.NoError(t, err)
	require.Len(t, journal.left, 3)
	require.Equal(t, 3, entriesIn(t, dir), "an entry for each")
	b := newBatches(t, func(context.Context, []string) error { return nil })
	b.receiver.Journal = journal
	b.receiver.recall()
	answers, _ := b.deliverTogether(1, raws[0], raws[1])
	require.Equal(t, []int{200, 200, 200}, answers)
	require.Contains(t, b.seen, []string{ids[0]})
	require.Contains(t, b.seen, []string{ids[1]})
	require.Equal(t, 1, entriesIn(t, dir))

	for attempt := 2; attempt <= maxAttempts; attempt++ {
		journal, err = OpenJournal(dir, log)
		require.NoError(t, err)
		require.Len(t, journal.left, 1)
		require.Equal(t, attempt-1, journal.left[0].Attempts)
		journal.begin(t.Context(), []inFlight{{Topic: topic, ID: ids[2], Attempts: attempt}}, true) // and the process ends
	}
	journal, err = OpenJournal(dir, log)
	require.NoError(t, err)
	b = newBatches(t, func(context.Context, []string) error { return errors.New("it was handled once more") })
	b.receiver.Journal = journal
	require.Equal(t, http.StatusOK, b.deliver("/events/"+topic, raws[2]))
	require.Equal(t, []string{Dead}, b.outcomes)
	require.Empty(t, b.seen)
	require.Zero(t, entriesIn(t, dir))
}

func entriesIn(t *testing.T, dir string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	return len(files)
}

func TestAnEntryOfAnEarlierVersionIsRead(t *testing.T) {
	dir := t.TempDir()
	journal := &Journal{dir: dir}
	require.NoError(t, os.WriteFile(journal.file(topic, "x"), []byte(`{"topic":"`+topic+`","id":"x","tries":2}`), 0o600))
	opened, err := OpenJournal(dir, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Len(t, opened.left, 1)
	require.Equal(t, 2, opened.left[0].Attempts)
}
