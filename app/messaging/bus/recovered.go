package bus

import (
	"context"
	"fmt"
	"runtime/debug"
)

// recovered makes an error of a handler's panic: a defect is that event's, not
// the service's.
func recovered(next step) step {
	return func(ctx context.Context, d delivery) (outcome string, err error) {
		defer func() {
			if defect := recover(); defect != nil {
				outcome, err = Failed, fmt.Errorf("the handler panicked: %v\n%s", defect, debug.Stack())
			}
		}()
		return next(ctx, d)
	}
}
