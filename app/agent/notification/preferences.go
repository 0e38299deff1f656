package notification

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/store/db/notificationdb"
)

// preferences are how a user wants to be notified.
type preferences struct{ event.PreferencesChanged }

// preferencesOf reads them; whoever published none is notified in the application.
func preferencesOf(ctx context.Context, tx pgx.Tx, user uuid.UUID) (preferences, error) {
	raw, err := notificationdb.New(tx).Preferences(ctx, user)
	if errors.Is(err, pgx.ErrNoRows) {
		return preferences{}, nil
	}
	if err != nil {
		return preferences{}, err
	}
	return readPreferences(ctx, tx, user, raw)
}

// readPreferences reads what preferencesChanged kept; nil: nothing was.
func readPreferences(ctx context.Context, tx pgx.Tx, user uuid.UUID, raw []byte) (p preferences, err error) {
	if raw == nil {
		return p, nil
	}
	if err := json.Unmarshal(raw, &p.PreferencesChanged); err != nil {
		return p, fmt.Errorf("the preferences of %s: %w", user, err)
	}
	return p, p.dropGone(ctx, tx, user)
}

// dropGone takes out the browsers that have unsubscribed.
func (p *preferences) dropGone(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	if len(p.PushSubscriptions) == 0 {
		return nil
	}
	gone, err := notificationdb.New(tx).GoneBrowsers(ctx, user)
	p.PushSubscriptions = slices.DeleteFunc(p.PushSubscriptions, func(browser event.PushSubscription) bool {
		return slices.ContainsFunc(gone, func(one []byte) bool { return bytes.Equal(one, fingerprint(browser)) })
	})
	return err
}

// fingerprint is what a browser is known by without keeping its endpoint, which is
// a secret.
func fingerprint(browser event.PushSubscription) []byte {
	sum := sha256.Sum256([]byte(browser.Endpoint))
	return sum[:]
}

func (p preferences) mutes(kind string) bool {
	return kind != "" && slices.Contains(p.MutedTypes, kind)
}

// planned is a way that an alert will go.
type planned struct {
	channel string
	due     time.Time
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
		if channel == email {
			if !p.EmailConfirmed {
				continue
			}
			way.due = p.awake(now.Add(gather))
		}
		if channel == email && p.Digest != "" && p.Digest != "off" {
			way.due = p.nextDigest(now)
		}
		ways = append(ways, way)
	}
	return ways
}

// awake is the first moment from now on that lies outside the quiet hours.
// Those that end before they begin go over midnight.
func (p preferences) awake(now time.Time) time.Time {
	from, err1 := time.Parse("15:04", p.QuietFrom)
	until, err2 := time.Parse("15:04", p.QuietUntil)
	if err1 != nil || err2 != nil || from.Equal(until) {
		return now
	}
	zone := calendar.ZoneOrUTC(p.Timezone)
	today := calendar.Day(now, zone)
	at := func(day int, clock time.Time) time.Time {
		return calendar.Instant(today.AddDate(0, 0, day).Add(time.Duration(clock.Hour())*time.Hour+time.Duration(clock.Minute())*time.Minute), zone)
	}
	// The quiet hours that began yesterday may still last.
	for _, day := range []int{-1, 0} {
		begin, end := at(day, from), at(day, until)
		if !until.After(from) {
			end = at(day+1, until)
		}
		if !now.Before(begin) && now.Before(end) {
			return end
		}
	}
	return now
}

// gather is how long an e-mail waits for what other agents find in the same cause:
// all of it goes in one.
const gather = 2 * time.Second

// digestHour is when digests go out, where the user is.
const digestHour = 8

// nextDigest is the next time of a digest: the next morning, or that of the next Monday.
func (p preferences) nextDigest(now time.Time) time.Time {
	zone := calendar.ZoneOrUTC(p.Timezone)
	today := calendar.Day(now, zone)
	for ahead := range 8 {
		day := today.AddDate(0, 0, ahead)
		at := calendar.Instant(day.Add(digestHour*time.Hour), zone)
		if at.After(now) && (p.Digest == "daily" || day.Weekday() == time.Monday) {
			return at
		}
	}
	return now // not reached: a week has a Monday
}

// today is the user's day of an instant, as a date.
func (p preferences) today(now time.Time) time.Time {
	return calendar.Day(now, calendar.ZoneOrUTC(p.Timezone))
}

// tomorrow is the next morning of the user, when digests go out.
func (p preferences) tomorrow(now time.Time) time.Time {
	morning := p.today(now).AddDate(0, 0, 1).Add(digestHour * time.Hour)
	return p.awake(calendar.Instant(morning, calendar.ZoneOrUTC(p.Timezone)))
}
