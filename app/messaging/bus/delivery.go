package bus

import (
	"context"

	"github.com/wealth-companion/companion/app/core/event"
)

// Outcomes of a delivery.
const (
	Handled   = "handled"
	Duplicate = "duplicate"
	Refused   = "refused"   // breaks its contract
	Failed    = "failed"    // the handler could not, and is tried again
	Postponed = "postponed" // what the handler needs is away
	Dead      = "dead"      // the handler could not as often as it is tried
)

// maxEvent is as much as the broker takes.
const maxEvent = 1 << 20

// delivery is an event on its way to its handler.
type delivery struct {
	topic string
	raw   []byte           // as it came; cut off where it is too large
	event event.CloudEvent // as far as it could be read
	// unread is why it could not; nil: it could.
	unread error
}

// step takes a delivery further and tells what came of it. An error has the
// event delivered again; without one it is done with.
type step func(ctx context.Context, d delivery) (outcome string, err error)

// middleware is what happens on the way to the handler and back. Each has a file.
type middleware func(next step) step

// chain puts middleware around a step; the first is the outermost.
func chain(last step, around ...middleware) step {
	for i := len(around) - 1; i >= 0; i-- {
		last = around[i](last)
	}
	return last
}

// act is the last step: the handler.
func act(handle Handler) step {
	return func(ctx context.Context, d delivery) (string, error) {
		first, err := handle(ctx, d.event)
		switch {
		case err != nil:
			return Failed, err
		case first:
			return Handled, nil
		}
		return Duplicate, nil
	}
}
