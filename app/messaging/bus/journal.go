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

// Journal notes, in a folder that outlives the process, which events are with
// their handlers. An event that ends the process (it takes all memory, say) is
// delivered again to the next one, for ever, and what is behind it waits. The
// next process finds it here: it handles what was under way one at a time, so
// that the harmless ones get out of it, and after maxTries buries the one that
// is left.
//
// Nothing is flushed to the disk: what must be outlived is the process, not the
// machine.
type Journal struct {
	dir   string
	left  []underWay // what was under way when the last process ended
	log   *slog.Logger
	alone sync.RWMutex // held for writing by an event that may end the process
}

// underWay is an event that is with its handler.
type underWay struct {
	Topic string    `json:"topic"`
	ID    string    `json:"id"`
	Tries int       `json:"tries"` // this one included
	First time.Time `json:"first"`
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
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("the journal of events: %w", err)
		}
		var one underWay
		if json.Unmarshal(raw, &one) != nil || one.Tries < 1 {
			_ = os.Remove(file) // the process ended while it wrote, before the handler was called
			continue
		}
		log.Warn("the last process ended while it handled this event", "topic", one.Topic, "event_id", one.ID, "try", one.Tries)
		j.left = append(j.left, one)
	}
	return j, nil
}

func (j *Journal) file(topic, id string) string {
	return filepath.Join(j.dir, fmt.Sprintf("%x.json", sha256.Sum256([]byte(topic+" "+id))))
}

// begin notes an event; end is to be called when its handler is back.
func (j *Journal) begin(ctx context.Context, one underWay, suspect bool) (end func()) {
	lock, unlock := j.alone.RLock, j.alone.RUnlock
	if suspect {
		lock, unlock = j.alone.Lock, j.alone.Unlock
	}
	lock()
	raw, err := json.Marshal(one)
	if err == nil {
		err = os.WriteFile(j.file(one.Topic, one.ID), raw, 0o600)
	}
	if err != nil { // the event is worth more than its note
		j.log.WarnContext(ctx, "event is not in the journal", "event_id", one.ID, "error", err)
	}
	return func() {
		j.forget(one.Topic, one.ID)
		unlock()
	}
}

// forget removes an event's note, if there is one.
func (j *Journal) forget(topic, id string) { _ = os.Remove(j.file(topic, id)) }

// recall takes over what the last process left.
func (r *Receiver) recall() {
	if r.Journal == nil {
		return
	}
	for _, one := range r.Journal.left {
		r.failures.put(one.Topic, one.ID, failure{tries: one.Tries, first: one.First, deadly: true})
	}
}

// journaled notes each event before its handler gets it, and keeps it from one
// that ended the process with it maxTries times.
func (r *Receiver) journaled(next step) step {
	if r.Journal == nil {
		return next
	}
	return func(ctx context.Context, d delivery) (string, error) {
		before, _ := r.failures.of(d.topic, d.event.ID)
		if before.deadly && before.tries >= maxTries {
			return Dead, fmt.Errorf("the process ended %d times while it handled this event", before.tries)
		}
		one := underWay{Topic: d.topic, ID: d.event.ID, Tries: before.tries + 1, First: before.first}
		if one.First.IsZero() {
			one.First = time.Now().UTC()
		}
		defer r.Journal.begin(ctx, one, before.deadly)()
		return next(ctx, d)
	}
}
