package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
)

// BatchHandler acts on several events of one topic in one database transaction: on
// all of them or, when it returns an error, on none. The events are within their
// contract, in the order of delivery, and each id is among them once. Like a
// Handler it is idempotent; first tells for each event whether it was no duplicate.
// What it publishes belongs to the trace of the event that it answers:
// event.CloudEvent.Continue.
type BatchHandler func(ctx context.Context, events []event.CloudEvent) (first []bool, err error)

const (
	// maxBatch bounds how many events are handled together.
	maxBatch = sidecar.MaxTogether
	// batchTime bounds how long that may take. It is shorter than the sidecar waits
	// for an answer, or an event would be delivered again while it is handled.
	batchTime = 25 * time.Second
)

// batcher hands events of one topic to a BatchHandler. The sidecar delivers the
// partitions of a topic side by side, each event alone or several together; what
// arrives while a batch is being handled makes up the next one. So nothing waits for a
// batch to fill, but for the rest of its own request, and an event has an answer of its
// own, as if it had been handled alone.
//
// When a batch fails, its events are handled one at a time: what one of them does to
// the transaction is not caused by the others, and only a failure alone is an attempt.
// They are handled alone at once, or when they are delivered again if something was
// unavailable or took too long.
type batcher struct {
	receiver *Receiver
	handle   BatchHandler
	limit    time.Duration // of a batch: batchTime

	mu      sync.Mutex
	waiting []*waiter
	running bool
}

// waiter is a delivery that waits for its batch.
type waiter struct {
	ctx  context.Context
	d    delivery
	done chan answered // has room for the one answer
}

type answered struct {
	outcome string
	err     error
}

// errBehind postpones an event: order within a key is kept.
var errBehind = errors.New("an earlier event of the same key was not handled")

// act is the last step of a topic that is handled in batches.
func (b *batcher) act(ctx context.Context, d delivery) (string, error) {
	if err := b.receiver.ended(d); err != nil {
		return Dead, err
	}
	w := &waiter{ctx: ctx, d: d, done: make(chan answered, 1)}
	b.mu.Lock()
	b.waiting = append(b.waiting, w)
	begin := !b.running
	b.running = true
	b.mu.Unlock()
	if d.inLine != nil {
		d.inLine()
	}
	if begin {
		go b.work()
	}
	select {
	case is := <-w.done:
		return is.outcome, is.err
	case <-ctx.Done():
		return Failed, ctx.Err()
	}
}

// work handles what waits, until nothing does.
func (b *batcher) work() {
	for {
		b.awaitRequests()
		batch := b.next()
		if len(batch) == 0 {
			return
		}
		b.attempt(batch)
	}
}

// awaitRequests waits until the requests of which an event waits are in line as a whole:
// the first of several events, handled alone, would have the others wait for it.
func (b *batcher) awaitRequests() {
	b.mu.Lock()
	waiting := slices.Clone(b.waiting)
	b.mu.Unlock()
	for _, w := range waiting {
		if w.d.of != nil {
			<-w.d.of.inLine
		}
	}
}

// next takes the events of the next batch. An event that may have ended a process,
// or had a batch take too long, makes up one alone. Without any, it ends the work.
func (b *batcher) next() []*waiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	var batch, left []*waiter
	ids := map[string]bool{}
	alone := false
	for _, w := range b.waiting {
		before, _ := b.receiver.failures.of(w.d.topic, w.d.event.ID)
		switch {
		case w.ctx.Err() != nil: // nobody waits for the answer
		case w.behind():
			w.done <- answered{Postponed, errBehind}
		case alone, len(batch) == maxBatch, ids[w.d.event.ID]:
			left = append(left, w)
		case (before.suspect || before.alone) && len(batch) > 0:
			alone = true // nothing overtakes it
			left = append(left, w)
		default:
			ids[w.d.event.ID] = true
			alone = before.suspect || before.alone
			batch = append(batch, w)
		}
	}
	b.waiting, b.running = left, len(batch) > 0
	return batch
}

// traceBatch gives ctx a span for what is done for several events at once: it belongs to the
// trace of the first that is recorded, and is linked to the deliveries of the others.
func traceBatch(ctx context.Context, batch []*waiter) (context.Context, func(error)) {
	var recorded []trace.Link
	for _, w := range batch {
		if its := trace.SpanContextFromContext(w.ctx); its.IsSampled() {
			recorded = append(recorded, trace.Link{SpanContext: its})
		}
	}
	if len(batch) == 1 || len(recorded) == 0 {
		return ctx, func(error) {}
	}
	ctx, span := tracing.Start(trace.ContextWithSpanContext(ctx, recorded[0].SpanContext), "process batch "+batch[0].d.topic,
		trace.WithLinks(recorded[1:]...), trace.WithAttributes(semconv.MessagingBatchMessageCount(len(batch))))
	return ctx, func(err error) { tracing.End(span, err) }
}

// attempt handles a batch and answers each of its events.
func (b *batcher) attempt(batch []*waiter) {
	// The batch outlives the request of any one event.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(batch[0].ctx), b.limit)
	defer cancel()
	ctx, end := traceBatch(ctx, batch)
	first, err := b.try(ctx, batch)
	end(err)
	if err == nil {
		for i, w := range batch {
			w.done <- answered{outcome: outcomeOf(first[i])}
		}
		return
	}
	outcome := Failed
	if ctx.Err() != nil {
		outcome = Postponed // it took too long, which says nothing of any one of them
	}
	if len(batch) == 1 || outcome == Postponed || b.receiver.Outage(ctx, err) {
		// At once each would most likely only wait for the same. When it is delivered
		// again, one of them may have been the reason.
		for _, w := range batch {
			if len(batch) > 1 {
				b.receiver.failures.isolate(w.d.topic, w.d.event.ID)
			}
			b.failed(w, outcome, err)
		}
		return
	}
	b.receiver.Log.WarnContext(ctx, "a batch is handled one event at a time", "topic", batch[0].d.topic, "events", len(batch), "error", err)
	failed := map[string]bool{}
	for i, w := range batch {
		key := event.Key(w.d.event)
		if failed[key] {
			b.failed(w, Postponed, errBehind)
			continue
		}
		first, err := b.try(ctx, batch[i:i+1])
		if err != nil {
			failed[key] = true
			b.failed(w, Failed, err)
			continue
		}
		w.done <- answered{outcome: outcomeOf(first[0])}
	}
}

// failed answers an event that is to come again, and with it what came together with
// it and is behind it.
func (b *batcher) failed(w *waiter, outcome string, err error) {
	if w.d.of != nil {
		b.mu.Lock()
		w.d.of.failed[event.Key(w.d.event)] = true
		b.mu.Unlock()
	}
	w.done <- answered{outcome, err}
}

// behind reports whether an event of the same key failed that came together with it.
// The batcher is locked.
func (w *waiter) behind() bool {
	return w.d.of != nil && len(w.d.of.failed) > 0 && w.d.of.failed[event.Key(w.d.event)]
}

// try calls the handler once. A panic is a failure.
func (b *batcher) try(ctx context.Context, batch []*waiter) (first []bool, err error) {
	deliveries := make([]delivery, len(batch))
	events := make([]event.CloudEvent, len(batch))
	for i, w := range batch {
		deliveries[i], events[i] = w.d, w.d.event
	}
	defer b.receiver.begin(ctx, deliveries...)()
	defer func() {
		if defect := recover(); defect != nil {
			err = fmt.Errorf("the handler: %w", apperror.Defect(defect))
		}
	}()
	if first, err = b.handle(ctx, events); err == nil && len(first) != len(events) {
		err = fmt.Errorf("the handler answered for %d of %d events", len(first), len(events))
	}
	return first, err
}

func outcomeOf(first bool) string {
	if first {
		return Handled
	}
	return Duplicate
}
