package bus

import (
	"context"
	"fmt"

	"github.com/wealth-companion/companion/app/core/apperror"
)

// recovered turns a handler's panic into an error: it must not end the service.
func recovered(next step) step {
	return func(ctx context.Context, d delivery) (outcome string, err error) {
		defer func() {
			if defect := recover(); defect != nil {
				outcome, err = Failed, fmt.Errorf("the handler: %w", apperror.Defect(defect))
			}
		}()
		return next(ctx, d)
	}
}
