package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/messaging/bus"
)

// How a topic's events are published.
const (
	// pageLanes is how many lanes have their turn together, and depth how many events
	// of each are read at a time.
	pageLanes, depth = 200, 8
	// requestBytes bounds one request to the sidecar, which takes 4 MiB.
	requestBytes = 1 << 20
	// spacing is the least time between two looks for events: what is written
	// meanwhile is published together. Every request wakes Kafka and each consumer,
	// which costs more than the events in it. What comes after a pause is published at
	// once (docs/decisions/0024).
	spacing = 50 * time.Millisecond
	// singles is how many events are published at a time when each is sent by itself.
	singles = 8
	// evidence is how many events must fail, and none succeed, for the broker to
	// count as unavailable.
	evidence = 4

	firstBackOff = 100 * time.Millisecond
	// outageBackOff is the longest pause of a topic while the broker is unavailable.
	outageBackOff = time.Second
	// laneBackOff is the longest pause of one lane, and topicBackOff of a topic that
	// is refused.
	laneBackOff  = 5 * time.Second
	topicBackOff = 10 * time.Second

	// maxAttempts is how often an event is refused before it is a dead letter.
	maxAttempts = 5
	// topicPatience is how long a topic must be refused for that: it may only be on
	// its way, or its rights.
	topicPatience = 2 * time.Minute
	// maxFailing bounds the memory of lanes that fail.
	maxFailing = 10_000
)

// failure is why something waits.
type failure struct {
	attempts int
	refusals int       // of the attempts
	first    time.Time // UTC
	until    time.Time // it is not tried before
	cycle    int       // that has seen its events last
}

// note counts a failed attempt. Pauses double from first to most.
func (f *failure) note(first, most time.Duration) {
	now := time.Now()
	if f.attempts == 0 {
		f.first = now.UTC()
	}
	pause := most
	if f.attempts < 16 {
		pause = min(first<<f.attempts, most)
	}
	f.attempts++
	f.until = now.Add(pause)
}

type row struct {
	id      int64
	key     string
	payload []byte
	parent  string // the event's trace parent
}

// publishing has the publication of events be a span in the trace of each of them.
func (p *pipeline) publishing(ctx context.Context, events ...row) (context.Context, func(error)) {
	contexts := make([]context.Context, len(events))
	for i, one := range events {
		contexts[i] = tracing.Remote(ctx, one.parent)
	}
	return tracing.Each(contexts, "publish "+p.topic, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		semconv.MessagingSystemKafka, semconv.MessagingDestinationName(p.topic), semconv.MessagingOperationTypeSend,
		semconv.MessagingBatchMessageCount(len(events))))
}

// pipeline publishes the events of one topic.
type pipeline struct {
	relay *Relay
	topic string
	awake chan struct{}
	// stuck reports whether what was last tried could not be published.
	stuck atomic.Bool

	whole  failure             // of the topic
	lanes  map[string]*failure // by key; of those that fail
	cursor string              // the last key that had its turn
	cycle  int
	done   []int64 // rows whose events are published, to be deleted
	told   bool    // whether the observer was last told that something is blocked
}

func newPipeline(r *Relay, topic string) *pipeline {
	return &pipeline{relay: r, topic: topic, awake: make(chan struct{}, 1), lanes: map[string]*failure{}}
}

// run publishes until ctx ends.
func (p *pipeline) run(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		due, err := p.pass(ctx)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			p.relay.Log.WarnContext(ctx, "the outbox cannot be read", "topic", p.topic, "error", err)
			due = time.Now().Add(firstPause)
		}
		p.tell(p.blocked())
		if due.IsZero() {
			select {
			case <-ctx.Done():
			case <-p.awake:
			}
		} else if wait := time.Until(due); wait > 0 {
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
			case <-p.awake:
			case <-timer.C:
			}
			timer.Stop()
		}
		_ = sleep(ctx, spacing-time.Since(began))
	}
	p.tell(Blocked{}) // another counts from now on
	// Even when the service ends now, what was published is noted.
	_ = within(context.WithoutCancel(ctx), p.note)
}

// blocked returns what waits after an attempt that failed.
func (p *pipeline) blocked() (b Blocked) {
	now := time.Now()
	for _, f := range p.lanes {
		b.Lanes++
		b.Longest = max(b.Longest, now.Sub(f.first))
	}
	if p.whole.attempts > 0 {
		b.Topic = now.Sub(p.whole.first)
	}
	return b
}

// tell tells the observer of what is blocked, if it does not know.
func (p *pipeline) tell(b Blocked) {
	is := b != Blocked{}
	if is || p.told {
		p.relay.Observer.Blocked(p.topic, b)
	}
	p.told = is
}

// pass gives each lane a turn, again while there is more, and returns when the next
// one is due that waits; zero: none waits.
func (p *pipeline) pass(ctx context.Context) (due time.Time, err error) {
	whole, more := p.cursor == "", false // of the cycle over all lanes
	for ctx.Err() == nil {
		if err := p.noted(ctx); err != nil {
			return due, err
		}
		if p.whole.until.After(time.Now()) {
			return p.whole.until, nil
		}
		lanes, err := p.load(ctx)
		if err != nil {
			return due, err
		}
		p.seen(lanes)
		more = p.publish(ctx, lanes) || more
		if err := p.noted(ctx); err != nil {
			return due, err
		}
		if len(lanes) == pageLanes {
			p.cursor = lanes[len(lanes)-1][0].key
			continue
		}
		p.cursor = ""
		if whole {
			p.forget()
			if !more {
				return p.nextDue(), nil
			}
		}
		whole, more = true, false
		p.cycle++
	}
	return due, ctx.Err()
}

// seen notes which of the failing lanes are still there.
func (p *pipeline) seen(lanes [][]row) {
	if len(p.lanes) == 0 {
		return
	}
	for _, lane := range lanes {
		if f, failing := p.lanes[lane[0].key]; failing {
			f.cycle = p.cycle
		}
	}
}

// forget forgets failing lanes that this cycle has not seen: somebody else has removed
// their events.
func (p *pipeline) forget() {
	for key, f := range p.lanes {
		if f.cycle != p.cycle {
			delete(p.lanes, key)
		}
	}
}

// noted deletes what was published. Until that is done nothing else is: the events
// would be published again.
func (p *pipeline) noted(ctx context.Context) error { return within(ctx, p.note) }

func (p *pipeline) note(ctx context.Context) error {
	if len(p.done) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	// Should the server lose this in a crash, the events are published again, which
	// may happen anyway; nobody waits for its disk.
	batch.Queue("SELECT set_config('synchronous_commit', 'off', true)")
	batch.Queue("DELETE FROM outbox WHERE id = ANY($1)", p.done)
	if err := p.relay.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	p.done = p.done[:0]
	return nil
}

// pageQuery goes from key to key by the index, and reads the oldest rows of each.
const pageQuery = `WITH RECURSIVE lanes AS (
		(SELECT key FROM outbox WHERE topic = $1 AND key > $2 ORDER BY key LIMIT 1)
		UNION ALL
		SELECT (SELECT o.key FROM outbox o WHERE o.topic = $1 AND o.key > l.key ORDER BY o.key LIMIT 1) FROM lanes l WHERE l.key IS NOT NULL
	)
	SELECT o.id, l.key, o.payload, o.parent FROM (SELECT key FROM lanes WHERE key IS NOT NULL LIMIT $3) l
	CROSS JOIN LATERAL (SELECT id, payload, coalesce(payload->>'traceparent', '') AS parent FROM outbox WHERE topic = $1 AND key = l.key ORDER BY id LIMIT $4) o`

// load reads the next lanes after the cursor, each with its oldest events in order.
func (p *pipeline) load(ctx context.Context) (lanes [][]row, err error) {
	err = within(ctx, func(ctx context.Context) error {
		batch := &pgx.Batch{}
		// The table is empty most of the time, for which a plan without the index is
		// made, and kept.
		batch.Queue("SELECT set_config('enable_seqscan', 'off', true)")
		batch.Queue(pageQuery, p.topic, p.cursor, pageLanes, depth).Query(func(rows pgx.Rows) error {
			var one row
			_, err := pgx.ForEachRow(rows, []any{&one.id, &one.key, &one.payload, &one.parent}, func() error {
				if last := len(lanes) - 1; last >= 0 && lanes[last][0].key == one.key {
					lanes[last] = append(lanes[last], one)
				} else {
					lanes = append(lanes, []row{one})
				}
				one.payload = nil
				return nil
			})
			return err
		})
		return p.relay.Pool.SendBatch(ctx, batch).Close()
	})
	return lanes, err
}

// nextDue returns when the first lane is tried again; zero: none fails.
func (p *pipeline) nextDue() (due time.Time) {
	for _, f := range p.lanes {
		if due.IsZero() || f.until.Before(due) {
			due = f.until
		}
	}
	return due
}

// publish publishes the events of lanes: the first of each, then the second, and so
// on. more reports whether some lane may have further ones.
func (p *pipeline) publish(ctx context.Context, lanes [][]row) (more bool) {
	failed := make([]bool, len(lanes))
	for turn := range depth {
		var together, apart []int
		for i, lane := range lanes {
			f, failing := p.lanes[lane[0].key]
			switch {
			case turn >= len(lane), failed[i], failing && f.until.After(time.Now()):
			case failing:
				apart = append(apart, i)
			default:
				together = append(together, i)
			}
		}
		if len(together)+len(apart) == 0 {
			break
		}
		for _, chunk := range chunks(together, func(i int) int { return len(lanes[i][turn].payload) }) {
			if p.publishTogether(ctx, lanes, turn, chunk, failed); p.whole.until.After(time.Now()) || ctx.Err() != nil {
				return false
			}
		}
		if p.publishApart(ctx, lanes, turn, apart, failed); p.whole.until.After(time.Now()) || ctx.Err() != nil {
			return false
		}
	}
	for i, lane := range lanes {
		more = more || len(lane) == depth && !failed[i] && p.lanes[lane[0].key] == nil
	}
	return more
}

// chunks cuts all into parts of requestBytes at most.
func chunks(all []int, size func(int) int) (cut [][]int) {
	bytes := 0
	for _, one := range all {
		if len(cut) == 0 || bytes+size(one) > requestBytes {
			cut, bytes = append(cut, nil), 0
		}
		bytes += size(one)
		cut[len(cut)-1] = append(cut[len(cut)-1], one)
	}
	return cut
}

// publishTogether publishes one event of each lane in one request. When that fails,
// it is not known for which, and each is published by itself.
func (p *pipeline) publishTogether(ctx context.Context, lanes [][]row, turn int, which []int, failed []bool) {
	if len(which) > 1 {
		messages, events := make([]bus.Message, len(which)), make([]row, len(which))
		for n, i := range which {
			events[n] = lanes[i][turn]
			messages[n] = bus.Message{Key: events[n].key, Payload: events[n].payload}
		}
		traced, end := p.publishing(ctx, events...)
		err := p.relay.Broker.PublishAll(traced, p.topic, messages)
		end(err)
		if err == nil {
			for _, i := range which {
				p.done = append(p.done, lanes[i][turn].id)
			}
			p.succeeded(len(which))
			return
		}
		if ctx.Err() != nil {
			return
		}
		// Each event would wait as long in vain. Now and then they are tried nevertheless:
		// one of them may be the reason.
		if bus.Unreachable(err) && p.whole.attempts%4 != 3 {
			p.unavailable(ctx, err)
			return
		}
	}
	p.publishApart(ctx, lanes, turn, which, failed)
}

// publishApart publishes one event of each lane in a request of its own, and sees to
// those that fail.
func (p *pipeline) publishApart(ctx context.Context, lanes [][]row, turn int, which []int, failed []bool) {
	errs := make([]error, len(which))
	var successes, failures atomic.Int32
	var group errgroup.Group
	group.SetLimit(singles)
	begun := 0
	for n, i := range which {
		if successes.Load() == 0 && failures.Load() >= evidence || ctx.Err() != nil {
			break
		}
		begun++
		group.Go(func() error {
			traced, end := p.publishing(ctx, lanes[i][turn])
			errs[n] = p.relay.Broker.Publish(traced, p.topic, lanes[i][turn].key, lanes[i][turn].payload)
			end(errs[n])
			var refused *bus.RefusedError
			switch {
			case errs[n] == nil:
				successes.Add(1)
			case !errors.As(errs[n], &refused) || refused.Topic: // an event's refusal is its own
				failures.Add(1)
			}
			return nil
		})
	}
	_ = group.Wait() // failures are in errs
	if successes.Load() > 0 {
		p.succeeded(int(successes.Load()))
	}
	for n, i := range which {
		lane := lanes[i][turn]
		switch {
		case n >= begun:
			failed[i] = true // it was not tried
		case errs[n] == nil:
			p.done = append(p.done, lane.id)
			delete(p.lanes, lane.key)
		case ctx.Err() != nil:
			failed[i] = true // broken off, which says nothing of it
		default:
			failed[i] = !p.failed(ctx, lane, errs[n], successes.Load() > 0)
		}
	}
}

// succeeded notes that the topic takes events.
func (p *pipeline) succeeded(events int) {
	if p.whole.attempts > 0 {
		p.relay.Log.Info("events are published again", "topic", p.topic, "after", time.Since(p.whole.first).Round(time.Millisecond).String())
		for _, f := range p.lanes {
			if f.refusals == 0 {
				f.until = time.Time{} // it waits for what was unavailable
			}
		}
	}
	p.whole = failure{}
	p.stuck.Store(false)
	p.relay.Observer.Published(p.topic, events)
}

// unavailable has the topic wait, for the broker is not to be reached.
func (p *pipeline) unavailable(ctx context.Context, err error) {
	p.whole.note(firstBackOff, outageBackOff)
	p.stuck.Store(true)
	if attempts := p.whole.attempts; attempts == 1 || attempts%30 == 0 {
		p.relay.Log.WarnContext(ctx, "events wait: the broker is unavailable", "topic", p.topic, "attempts", attempts, "error", err)
	}
}

// failed sees to an event that could not be published, and reports whether it is
// done with, as a dead letter. others reports whether other events were published
// at the same time.
func (p *pipeline) failed(ctx context.Context, one row, err error, others bool) (done bool) {
	var refused *bus.RefusedError
	if !errors.As(err, &refused) {
		longest := laneBackOff
		if !others {
			p.unavailable(ctx, err)
			longest = outageBackOff // it goes on as soon as the topic does
		}
		// Should it be this lane after all, others are tried first.
		p.lane(one.key).note(firstBackOff, longest)
		return false
	}
	p.relay.Observer.Refused(p.topic)
	p.stuck.Store(true)
	f := p.lane(one.key)
	if !refused.Topic {
		f.refusals++
		f.note(5*firstBackOff, laneBackOff)
		if f.refusals < maxAttempts {
			p.relay.Log.WarnContext(ctx, "the broker refuses an event", "topic", p.topic, "key", one.key, "attempt", f.refusals, "error", err)
			return false
		}
		return p.bury(ctx, one, err, *f)
	}
	delete(p.lanes, one.key) // it is the topic that waits
	p.whole.note(firstBackOff, topicBackOff)
	if p.whole.attempts == 1 || p.whole.attempts%30 == 0 {
		p.relay.Log.ErrorContext(ctx, "the broker refuses a topic", "topic", p.topic, "attempts", p.whole.attempts, "error", err)
	}
	if p.whole.attempts < maxAttempts || time.Since(p.whole.first) < topicPatience {
		return false
	}
	if done = p.bury(ctx, one, err, p.whole); done {
		p.whole.until = time.Time{} // so may the next be
	}
	return done
}

// lane returns the failure of a key's lane.
func (p *pipeline) lane(key string) *failure {
	f, known := p.lanes[key]
	if known {
		return f
	}
	if len(p.lanes) >= maxFailing {
		p.lanes = map[string]*failure{} // they are tried again, and come back if need be
	}
	f = &failure{cycle: p.cycle}
	p.lanes[key] = f
	return f
}

// bury dead-letters an event. While that fails too, it stays where it is.
func (p *pipeline) bury(ctx context.Context, one row, reason error, f failure) (done bool) {
	died := event.Death{
		Topic: p.topic, Handler: p.relay.Service, Reason: fmt.Sprintf("not published by the outbox: %s", reason),
		Tries: f.attempts, First: f.first, Last: time.Now().UTC(),
	}
	if err := p.relay.Broker.DeadLetter(ctx, one.key, one.payload, died); err != nil {
		p.lane(one.key).note(firstBackOff, laneBackOff)
		p.relay.Log.ErrorContext(ctx, "a refused event is not dead-lettered yet", "topic", p.topic, "key", one.key, "error", err)
		return false
	}
	p.relay.Log.ErrorContext(ctx, "event dead-lettered by the outbox", "topic", p.topic, "key", one.key, "attempts", died.Tries,
		"first", died.First, "last", died.Last, "error", reason)
	p.relay.Observer.DeadLettered(p.topic)
	p.done = append(p.done, one.id)
	delete(p.lanes, one.key)
	return true
}
