package bus

import "context"

// counted reports every delivery's outcome.
func counted(report func(topic, outcome string)) middleware {
	return func(next step) step {
		return func(ctx context.Context, d delivery) (string, error) {
			outcome, err := next(ctx, d)
			report(d.topic, outcome)
			return outcome, err
		}
	}
}
