package db

import "time"

// Now returns the current time in UTC, truncated to microseconds: the precision that
// PostgreSQL stores, so that a time is the same before it is written and after.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
