package bus

import (
	"context"

	"github.com/wealth-companion/companion/app/core/tracing"
)

// traced has what is done about an event continue its trace.
func traced(next step) step {
	return func(ctx context.Context, d delivery) (string, error) {
		return next(tracing.With(ctx, d.event.Trace()), d)
	}
}
