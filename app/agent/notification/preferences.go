package notification

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/store/db/notificationdb"
)

// preferences are how a user wants to be told.
type preferences struct{ event.PreferencesChanged }

// preferencesOf reads them; who has told of none is told in the application.
func preferencesOf(ctx context.Context, tx pgx.Tx, user uuid.UUID) (preferences, error) {
	raw, err := notificationdb.New(tx).Preferences(ctx, user)
	if errors.Is(err, pgx.ErrNoRows) {
		return preferences{}, nil
	}
	if err != nil {
		return preferences{}, err
	}
	var p preferences
	if err := json.Unmarshal(raw, &p.PreferencesChanged); err != nil {
		return p, fmt.Errorf("the preferences of %s: %w", user, err)
	}
	return p, nil
}

func (p preferences) mutes(kind string) bool {
	return kind != "" && slices.Contains(p.MutedTypes, kind)
}

// planned is a way that an alert will go.
type planned struct {
	channel string
	due     time.Time
	digest  bool
}

// plan says by which channels an alert goes, and when. In the application it is
// there at once, for whoever looks; push waits for the end of quiet hours, and
// e-mail also for the next digest, where the user wants one.
func (p preferences) plan(now time.Time, offers map[string]Channel) []planned {
	ways := []planned{{channel: inApp, due: now}}
	for _, channel := range []string{email, push} {
		if _, offered := offers[channel]; !offered || !slices.Contains(p.Channels, channel) {
			continue
		}
		way := planned{channel: channel, due: p.awake(now)}
		if channel == email && p.Digest != "" && p.Digest != "off" {
			way.due, way.digest = p.nextDigest(now), true
		}
		ways = append(ways, way)
	}
	return ways
}

// location is the user's time zone; UTC when it is none that is known.
func (p preferences) location() *time.Location {
	location, err := time.LoadLocation(p.Timezone)
	if err != nil {
		return time.UTC
	}
	return location
}

// awake is the first moment from now on that lies outside the quiet hours.
// Those that end before they begin go over midnight.
func (p preferences) awake(now time.Time) time.Time {
	from, err1 := time.Parse("15:04", p.QuietFrom)
	until, err2 := time.Parse("15:04", p.QuietUntil)
	if err1 != nil || err2 != nil || from.Equal(until) {
		return now
	}
	local := now.In(p.location())
	at := func(day int, clock time.Time) time.Time {
		return time.Date(local.Year(), local.Month(), local.Day()+day, clock.Hour(), clock.Minute(), 0, 0, local.Location())
	}
	// The quiet hours that began yesterday may still last.
	for _, day := range []int{-1, 0} {
		begin, end := at(day, from), at(day, until)
		if !until.After(from) {
			end = at(day+1, until)
		}
		if !local.Before(begin) && local.Before(end) {
			return end.UTC()
		}
	}
	return now
}

// digestHour is when digests go out, where the user is.
const digestHour = 8

// nextDigest is the next time of a digest: the next morning, or that of the next Monday.
func (p preferences) nextDigest(now time.Time) time.Time {
	local := now.In(p.location())
	for day := range 8 {
		at := time.Date(local.Year(), local.Month(), local.Day()+day, digestHour, 0, 0, 0, local.Location())
		if at.After(local) && (p.Digest == "daily" || at.Weekday() == time.Monday) {
			return at.UTC()
		}
	}
	return now // not reached: a week has a Monday
}
