package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/wealth-companion/companion/app/core/event"
)

// maxAttempts is how often a handler may fail at an event.
const maxAttempts = 3

// deadLettered dead-letters an event that will never be handled: what is refused at
// once, what failed when it has failed maxAttempts times or ended the process as
// often. While the broker does not take the dead letter, the event stays where it is.
func (r *Receiver) deadLettered(next step) step {
	return func(ctx context.Context, d delivery) (string, error) {
		outcome, err := next(ctx, d)
		switch {
		case err == nil:
			r.failures.forget(d.topic, d.event.ID)
			return outcome, nil
		case outcome == Refused, outcome == Drill, outcome == Dead:
			if d.inLine != nil {
				d.inLine() // those that came with it do not wait for the broker
			}
			return outcome, r.deadLetter(ctx, d, err)
		case outcome != Failed:
			return outcome, fmt.Errorf("event %s: %w", d.event.ID, err)
		}
		if attempts := r.failures.note(d.topic, d.event.ID); attempts < maxAttempts {
			return Failed, fmt.Errorf("event %s, attempt %d of %d: %w", d.event.ID, attempts, maxAttempts, err)
		}
		return Dead, r.deadLetter(ctx, d, err)
	}
}

func (r *Receiver) deadLetter(ctx context.Context, d delivery, reason error) error {
	now := time.Now().UTC()
	died := event.Death{Topic: d.topic, Handler: r.Service, Reason: reason.Error(), Tries: 1, First: now, Last: now}
	if f, ok := r.failures.of(d.topic, d.event.ID); ok && f.attempts > 0 {
		died.Tries, died.First = f.attempts, f.first
	}
	if err := r.DeadLetter(ctx, event.DeadLetter(d.topic), event.Key(d.event), letter(d.raw, died)); err != nil {
		return fmt.Errorf("event %s is not dead-lettered yet: %w", d.event.ID, err)
	}
	r.failures.forget(d.topic, d.event.ID)
	if r.Journal != nil {
		r.Journal.forget(d.topic, d.event.ID)
	}
	r.Log.ErrorContext(ctx, "event dead-lettered", "topic", d.topic, "type", d.event.Type, "event_id", d.event.ID,
		"handler", r.Service, "attempts", died.Tries, "first", died.First, "last", died.Last, "error", reason)
	return nil
}
