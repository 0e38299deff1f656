package bus

import "context"

// postponed tells a failure that is the event's from one that is an outage's: the
// latter is no try, however long it lasts.
func postponed(outage func(context.Context, error) bool) middleware {
	return func(next step) step {
		return func(ctx context.Context, d delivery) (string, error) {
			outcome, err := next(ctx, d)
			// A delivery that was broken off says nothing of its event.
			if outcome == Failed && (ctx.Err() != nil || outage(ctx, err)) {
				return Postponed, err
			}
			return outcome, err
		}
	}
}
