// Package etag tells one state of a thing from the next, so that of two people
// who change it at once the second is told instead of undoing the first's work.
package etag

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wealth-companion/companion/app/core/apperror"
)

// Of is the tag of a thing that was last changed then, as the header ETag has
// it. PostgreSQL keeps microseconds, and every change sets a new time.
func Of(updated time.Time) string {
	return `"` + strconv.FormatInt(updated.UnixMicro(), 36) + `"`
}

// Check refuses a change with ErrStale when ifMatch, the header If-Match, holds
// none of the thing's tags. Without one there is nothing to compare.
func Check(ifMatch string, updated time.Time) error {
	if ifMatch == "" || ifMatch == "*" {
		return nil
	}
	for tag := range strings.SplitSeq(ifMatch, ",") {
		if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == Of(updated) {
			return nil
		}
	}
	return fmt.Errorf("it %w", apperror.ErrStale)
}
