package bus

import (
	"context"
	"fmt"
	"runtime/debug"
)

// recovered turns a handler's panic into an error: it must not end the service.
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
