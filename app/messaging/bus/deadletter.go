package bus

import (
	"encoding/json"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
)

// maxReason, in bytes, and event.MaxUnreadable keep a dead letter below what is published:
// the sidecar's client takes a million, and a byte of a text may take six as JSON. No
// event that is within its contract is nearly as large.
const maxReason = 2000

// letter is the event as it came, with why it was dead-lettered. What is no JSON object, or larger
// than any event, is carried as the text of an event's data, as far as it goes.
func letter(raw []byte, died event.Death) []byte {
	fields := map[string]json.RawMessage{}
	if len(raw) > event.MaxUnreadable || json.Unmarshal(raw, &fields) != nil || fields == nil {
		raw = raw[:min(len(raw), event.MaxUnreadable)]
		fields = map[string]json.RawMessage{
			"specversion": text("1.0"), "id": text(tracing.NewID().String()), "source": text("/services/" + died.Handler),
			"type": text(event.TypeUnreadable), "datacontenttype": text("text/plain"), "data": text(string(raw)),
		}
	}
	died.Reason = shorten(died.Reason)
	extensions, _ := json.Marshal(died) // texts, a number and times
	_ = json.Unmarshal(extensions, &fields)
	encoded, _ := json.Marshal(fields) // JSON already
	return encoded
}

func text(s string) json.RawMessage {
	encoded, _ := json.Marshal(s)
	return encoded
}

func shorten(s string) string {
	if len(s) <= maxReason {
		return s
	}
	cut := maxReason
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// failures counts how often handlers failed at events. It is kept in memory: after
// a restart an event has all its attempts again, which harms nobody, unless it is in
// the Journal.
type failures struct {
	mu sync.Mutex
	by map[string]failure
}

type failure struct {
	attempts int
	first    time.Time
	suspect  bool // a process ended while it handled the event
	alone    bool // it is not handled in a batch
}

// maxFailures bounds the memory. Each partition has one event in delivery, so a few
// dozen are usual.
const maxFailures = 10_000

// note counts a failure, and returns how many there were.
func (f *failures) note(topic, id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil || len(f.by) >= maxFailures {
		f.by = map[string]failure{}
	}
	one := f.by[topic+" "+id]
	if one.first.IsZero() {
		one.first = time.Now().UTC()
	}
	one.attempts++
	f.by[topic+" "+id] = one
	return one.attempts
}

func (f *failures) put(topic, id string, one failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil || len(f.by) >= maxFailures {
		f.by = map[string]failure{}
	}
	f.by[topic+" "+id] = one
}

// isolate has an event be handled alone from now on.
func (f *failures) isolate(topic, id string) {
	one, _ := f.of(topic, id)
	one.alone = true
	f.put(topic, id, one)
}

func (f *failures) of(topic, id string) (failure, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one, ok := f.by[topic+" "+id]
	return one, ok
}

func (f *failures) forget(topic, id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.by, topic+" "+id)
}
