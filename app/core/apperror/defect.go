package apperror

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Defect returns a recovered panic as an error with the place where it happened. What the
// panic says is left out, for it may hold what a caller sent, unless the runtime says it.
func Defect(defect any) error {
	why := fmt.Errorf("a %T", defect)
	if its, is := defect.(runtime.Error); is {
		why = its
	}
	return fmt.Errorf("panic: %w at %s", why, debug.Stack())
}
