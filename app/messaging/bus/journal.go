package bus

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Journal records, in a folder that outlives the process, which events are with
// their handlers. An event that ends the process (by exhausting its memory, say) is
// delivered again to the next one, for ever, and what is behind it waits. The next
// process finds it here: it handles what was in flight one at a time, so that the
// harmless ones leave the journal, and after maxAttempts dead-letters the one that
// is left.
//
// Nothing is flushed to the disk: what must be outlived is the process, not the
// machine.
type Journal struct {
	dir   string
	left  []inFlight // what was in flight when the last process ended
	log   *slog.Logger
	alone sync.RWMutex // held for writing by an event that may end the process
}

// inFlight is an event that is with its handler.
type inFlight struct {
	Topic    string    `json:"topic"`
	ID       string    `json:"id"`
	Attempts int       `json:"tries"` // this one included
	First    time.Time `json:"first"`
}

// OpenJournal opens the folder's journal, and makes the folder if need be.
func OpenJournal(dir string, log *slog.Logger) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the journal of events: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("the journal of events: %w", err)
	}
	j := &Journal{dir: dir, log: log}
	found := map[string]inFlight{}
	var batches []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("the journal of events: %w", err)
		}
		entries := decodeEntries(raw)
		for _, one := range entries {
			name := j.file(one.Topic, one.ID)
			// A batch that ended the process while this journal was being opened
			// may have left an event both ways.
			if one.Attempts > found[name].Attempts {
				found[name] = one
			}
		}
		if len(entries) != 1 || file != j.file(entries[0].Topic, entries[0].ID) {
			batches = append(batches, file)
		}
	}
	for name, one := range found {
		log.Warn("the last process ended while it handled this event", "topic", one.Topic, "event_id", one.ID, "attempt", one.Attempts)
		j.left = append(j.left, one)
		// Each in an entry of its own: from now on they are handled one at a time.
		if err := write(name, []inFlight{one}); err != nil {
			return nil, fmt.Errorf("the journal of events: %w", err)
		}
	}
	for _, file := range batches {
		if err := os.Remove(file); err != nil {
			return nil, fmt.Errorf("the journal of events: %w", err)
		}
	}
	return j, nil
}

// decodeEntries reads an entry: one event, or a batch of them. One that is cut off
// holds nothing: the process ended while it wrote, before the handler was called.
func decodeEntries(raw []byte) []inFlight {
	var entries []inFlight
	if json.Unmarshal(raw, &entries) != nil {
		var one inFlight // as an earlier version wrote it
		if json.Unmarshal(raw, &one) != nil {
			return nil
		}
		entries = []inFlight{one}
	}
	for _, one := range entries {
		if one.Attempts < 1 {
			return nil
		}
	}
	return entries
}

func write(file string, entries []inFlight) error {
	raw, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	return os.WriteFile(file, raw, 0o600)
}

func (j *Journal) file(topic, id string) string {
	return filepath.Join(j.dir, fmt.Sprintf("%x.json", sha256.Sum256([]byte(topic+" "+id))))
}

// begin records events that are handled together, in one entry; end is to be called
// when their handler has returned. A suspect is handled while nothing else is.
func (j *Journal) begin(ctx context.Context, entries []inFlight, suspect bool) (end func()) {
	lock, unlock := j.alone.RLock, j.alone.RUnlock
	if suspect {
		lock, unlock = j.alone.Lock, j.alone.Unlock
	}
	lock()
	name := j.file(entries[0].Topic, entries[0].ID)
	if len(entries) > 1 {
		name = j.file(entries[0].Topic, "batch of "+entries[0].ID)
	}
	if err := write(name, entries); err != nil { // the events are worth more than their entry
		j.log.WarnContext(ctx, "events are not in the journal", "event_id", entries[0].ID, "events", len(entries), "error", err)
	}
	return func() {
		_ = os.Remove(name)
		unlock()
	}
}

// forget removes an event's entry, if there is one.
func (j *Journal) forget(topic, id string) { _ = os.Remove(j.file(topic, id)) }

// recall takes over what the last process left.
func (r *Receiver) recall() {
	if r.Journal == nil {
		return
	}
	for _, one := range r.Journal.left {
		r.failures.put(one.Topic, one.ID, failure{attempts: one.Attempts, first: one.First, suspect: true})
	}
}

// journaled records each event before its handler gets it, and keeps it from one
// during which the process ended maxAttempts times.
func (r *Receiver) journaled(next step) step {
	if r.Journal == nil {
		return next
	}
	return func(ctx context.Context, d delivery) (string, error) {
		if err := r.ended(d); err != nil {
			return Dead, err
		}
		defer r.begin(ctx, d)()
		return next(ctx, d)
	}
}

// ended returns an error for an event during which the process ended as often as a
// handler is tried.
func (r *Receiver) ended(d delivery) error {
	if before, _ := r.failures.of(d.topic, d.event.ID); before.suspect && before.attempts >= maxAttempts {
		return fmt.Errorf("the process ended %d times while it handled this event", before.attempts)
	}
	return nil
}

// begin records deliveries that are handled together, if there is a journal. One
// that is suspect comes alone.
func (r *Receiver) begin(ctx context.Context, deliveries ...delivery) (end func()) {
	if r.Journal == nil {
		return func() {}
	}
	suspect := false
	entries := make([]inFlight, len(deliveries))
	for i, d := range deliveries {
		before, _ := r.failures.of(d.topic, d.event.ID)
		suspect = suspect || before.suspect
		entries[i] = inFlight{Topic: d.topic, ID: d.event.ID, Attempts: before.attempts + 1, First: before.first}
		if before.first.IsZero() {
			entries[i].First = time.Now().UTC()
		}
	}
	return r.Journal.begin(ctx, entries, suspect)
}
