package bus

import "context"

// postponed tells a failure that is the event's own from one of something that its
// handler needs: the latter uses up no attempt, however long it lasts.
func postponed(outage func(context.Context, error) bool) middleware {
	return func(next step) step {
		return func(ctx context.Context, d delivery) (string, error) {
			outcome, err := next(ctx, d)
			// A delivery that was cancelled says nothing of its event.
			if outcome == Failed && (ctx.Err() != nil || outage(ctx, err)) {
				return Postponed, err
			}
			return outcome, err
		}
	}
}
