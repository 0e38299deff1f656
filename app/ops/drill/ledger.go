package drill

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// slow is how long the way from a transaction to its alert may take: longer is not recovered.
const slow = 5 * time.Second

// ledger is what people know of what they entered, and what they saw come of it. Its methods may
// be called at the same time.
type ledger struct {
	mu       sync.Mutex
	requests []request
	entries  []*entry
}

// request is one that was answered, or that nothing came of.
type request struct {
	ended  time.Time
	failed bool
}

// entry is a transaction that reaches the threshold of a budget of its own: one insight and one
// alert come of it.
type entry struct {
	person      int
	budget      uuid.UUID
	transaction uuid.UUID // zero: it was not accepted
	accepted    time.Time
	seen        time.Time // when its alert was first listed; zero: it was not

	insights map[uuid.UUID]int // to how many alerts in the application came of it
}

func (l *ledger) answered(at time.Time, failed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, request{at, failed})
}

// begin notes that a person means to enter a transaction.
func (l *ledger) begin(person int) *entry {
	e := &entry{person: person, insights: map[uuid.UUID]int{}}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, e)
	return e
}

// accept notes that the entry's transaction was accepted.
func (l *ledger) accept(e *entry, budget, transaction uuid.UUID, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.budget, e.transaction, e.accepted = budget, transaction, at
}

// found is what the lists of a person show: their insights by budget, and how many alerts in the
// application there are for each insight.
type found struct {
	insights map[uuid.UUID][]uuid.UUID
	alerts   map[uuid.UUID]int
}

// look notes what a person's lists showed at a time.
func (l *ledger) look(person int, its found, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.person != person || e.accepted.IsZero() {
			continue
		}
		for _, insight := range its.insights[e.budget] {
			e.insights[insight] = max(e.insights[insight], its.alerts[insight])
			if e.seen.IsZero() && e.insights[insight] > 0 {
				e.seen = at
			}
		}
	}
}

// outstanding tells whether something that a person entered has no alert yet.
func (l *ledger) outstanding(person int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.person == person && !e.accepted.IsZero() && e.seen.IsZero() {
			return true
		}
	}
	return false
}

// entered is how many transactions people meant to enter, and how many were accepted and had
// their alert.
func (l *ledger) entered() (begun, accepted, seen int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if !e.accepted.IsZero() {
			accepted++
		}
		if !e.seen.IsZero() {
			seen++
		}
	}
	return len(l.entries), accepted, seen
}

// Recovery is how what people notice went from a time on.
type Recovery struct {
	Requests int
	Failed   int
	// Requested is when the last request failed, and Handled when the last alert came that took
	// longer than it may; both since the time from which recovery counts, 0 when there was none.
	Requested, Handled time.Duration
	// Slowest is the longest way from a transaction to its alert.
	Slowest time.Duration
}

// All is when everything worked again.
func (r Recovery) All() time.Duration { return max(r.Requested, r.Handled) }

// recovery looks at what was asked and entered. since is when recovery counts from.
func (l *ledger) recovery(since time.Time) Recovery {
	l.mu.Lock()
	defer l.mu.Unlock()
	var r Recovery
	for _, one := range l.requests {
		r.Requests++
		if !one.failed {
			continue
		}
		r.Failed++
		r.Requested = max(r.Requested, one.ended.Sub(since))
	}
	for _, e := range l.entries {
		if e.seen.IsZero() {
			continue
		}
		way := e.seen.Sub(e.accepted)
		r.Slowest = max(r.Slowest, way)
		if way > slow {
			r.Handled = max(r.Handled, e.seen.Sub(since))
		}
	}
	return r
}

// calm tells whether, since a time, so many transactions have gone all the way as fast as they
// should, one after another, and no request has failed; and nothing that was accepted before is
// outstanding.
func (l *ledger) calm(since time.Time, enough int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.requests {
		if one.failed && one.ended.After(since) {
			return false
		}
	}
	well := 0
	for _, e := range l.entries {
		switch {
		case e.accepted.IsZero() || e.accepted.After(since) && e.seen.IsZero():
		case e.seen.IsZero(), e.seen.After(since) && e.seen.Sub(e.accepted) > slow:
			return false
		case e.accepted.After(since):
			well++
		}
	}
	return well >= enough
}

// Books are what was accepted, compared with what is stored and what came of it.
type Books struct {
	Accepted int `json:"accepted"` // transactions
	Stored   int `json:"stored"`   // transactions that people's lists show in the end
	Refused  int `json:"refused"`  // that were entered again and again and not accepted in the end
	Lost     int `json:"lost"`     // accepted, and not stored or without their alert
	Doubled  int `json:"doubled"`  // stored, told of or alerted of more than once
}

// Agree tells whether what was accepted is what is there, once.
func (b Books) Agree() bool {
	return b.Lost == 0 && b.Doubled == 0 && b.Refused == 0 && b.Accepted == b.Stored
}

// books compares. stored are the transactions of people's lists.
func (l *ledger) books(stored []uuid.UUID) Books {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := Books{Stored: len(stored)}
	times := map[uuid.UUID]int{}
	for _, id := range stored {
		times[id]++
	}
	for _, e := range l.entries {
		if e.accepted.IsZero() {
			b.Refused++
			continue
		}
		b.Accepted++
		if times[e.transaction] == 0 || e.seen.IsZero() {
			b.Lost++
		}
		delete(times, e.transaction)
		alerts := 0
		for _, its := range e.insights {
			alerts += its
		}
		b.Doubled += max(0, len(e.insights)-1) + max(0, alerts-max(1, len(e.insights)))
	}
	for _, more := range times { // nobody was told of them: a request that failed was carried out twice
		b.Doubled += more
	}
	// One whose answer was lost is stored, and was not accepted: it is no double.
	b.Doubled = max(0, b.Doubled-b.Refused)
	return b
}
