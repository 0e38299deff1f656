package bus

import (
	"context"

	"github.com/wealth-companion/companion/app/core/event"
)

// counted reports every delivery's outcome, and each event that was handled for the first
// time; first may be nil.
func counted(report func(topic, outcome string), first func(topic string, e event.CloudEvent)) middleware {
	return func(next step) step {
		return func(ctx context.Context, d delivery) (string, error) {
			outcome, err := next(ctx, d)
			report(d.topic, outcome)
			if outcome == Handled && err == nil && first != nil {
				first(d.topic, d.event)
			}
			return outcome, err
		}
	}
}
