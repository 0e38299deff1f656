package preference

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/store/db"
)

// Zone returns the user's time zone: by it "today" and "this month" go, and the day
// on which what they enter counts. q acts for the user.
func Zone(ctx context.Context, q db.Querier, user uuid.UUID) (*time.Location, error) {
	var name string
	err := q.QueryRow(ctx, "SELECT coalesce((SELECT timezone FROM preferences WHERE user_id = $1), 'UTC')", user).Scan(&name)
	return calendar.ZoneOrUTC(name), err
}
