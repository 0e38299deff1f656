package bus

import "context"

// counted tells of every delivery's outcome.
func counted(tell func(topic, outcome string)) middleware {
	return func(next step) step {
		return func(ctx context.Context, d delivery) (string, error) {
			outcome, err := next(ctx, d)
			tell(d.topic, outcome)
			return outcome, err
		}
	}
}
