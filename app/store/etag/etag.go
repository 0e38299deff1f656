// Package etag implements optimistic concurrency control by ETag and If-Match
// (RFC 9110): of two concurrent changes based on the same state the second is refused
// instead of overwriting the first.
package etag

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/store/db"
)

// Of returns the value of the ETag header for a resource last changed at the given
// time. Times have microsecond precision, and every change must set a new one: see Next.
func Of(updated time.Time) string {
	return `"` + strconv.FormatInt(updated.UnixMicro(), 36) + `"`
}

// Next returns the time to record for a change of a resource last changed at the given
// time: now, or one microsecond after the last change where this replica's clock is
// behind the clock of the one that made it.
func Next(last time.Time) time.Time {
	if now := db.Now(); now.After(last) {
		return now
	}
	return last.UTC().Add(time.Microsecond)
}

// Check returns ErrStale when the If-Match header does not contain the tag of a
// resource last changed at the given time. Without a header it returns nil.
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
