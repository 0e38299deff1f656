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
	Failed    = "failed"    // the handler failed, and is called again
	Postponed = "postponed" // what the handler needs is unavailable
	Dead      = "dead"      // the handler failed maxAttempts times
	Drill     = "drill"     // breaks its contract on purpose (event.CloudEvent.Drill), and is refused
)

// Outcomes lists what may come of a delivery.
func Outcomes() []string {
	return []string{Handled, Duplicate, Refused, Failed, Postponed, Dead, Drill}
}

// maxEvent is as much as the broker takes, in bytes.
const maxEvent = 1 << 20

// delivery is an event on its way to its handler.
type delivery struct {
	topic string
	raw   []byte           // as it came; cut off where it is too large
	event event.CloudEvent // as far as it could be read
	// schema is the event's dataschema. The first version of every type names none.
	schema string
	// unread is why it could not be read; nil: it could.
	unread error
	// of is the request that it came in with others; nil: it came alone.
	of *together
	// inLine is called once it waits for its batch; nil: nobody wants to know.
	inLine func()
}

// step takes a delivery further and returns what came of it. With an error the
// event is delivered again; without one it is done with.
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
		if err != nil {
			return Failed, err
		}
		return outcomeOf(first), nil
	}
}
