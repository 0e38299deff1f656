package bus

import (
	"context"
	"time"
)

// counted reports every delivery's outcome, and of events that were handled how long after
// they were made; after may be nil. Clocks of two nodes differ: no event is handled before
// it is made.
func counted(report func(topic, outcome string), after func(topic string, age time.Duration)) middleware {
	return func(next step) step {
		return func(ctx context.Context, d delivery) (string, error) {
			outcome, err := next(ctx, d)
			report(d.topic, outcome)
			if outcome == Handled && err == nil && after != nil {
				after(d.topic, max(0, time.Since(d.event.Time)))
			}
			return outcome, err
		}
	}
}
