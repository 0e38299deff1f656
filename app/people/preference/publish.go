package preference

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Publisher publishes preferences.changed, by which agents keep copies.
type Publisher struct {
	Service string // whose events they are
	// URL is the application's public address, such as https://app.example.org; "":
	// there is none, so that no e-mail can offer to unsubscribe.
	URL string
}

// contact is what else agents must know of a user.
type contact struct {
	email, name string
	confirmed   bool
	key         uuid.UUID // signs the link to unsubscribe
}

func find(ctx context.Context, tx pgx.Tx, user uuid.UUID) (Preferences, contact, error) {
	q := backenddb.New(tx)
	row, err := q.Preferences(ctx, user)
	if err != nil {
		return Preferences{}, contact{}, missing(err)
	}
	subscriptions, err := q.PushSubscriptions(ctx, user)
	if err != nil {
		return Preferences{}, contact{}, err
	}
	kept := row.Preference
	p := Preferences{
		Settings: Settings{
			Timezone: kept.Timezone, Channels: kept.Channels, QuietFrom: kept.QuietFrom, QuietUntil: kept.QuietUntil,
			Digest: kept.Digest, MutedTypes: kept.MutedTypes, Phrasing: kept.Phrasing,
		},
		EmailConfirmed: row.EmailConfirmedAt != nil, PushSubscriptions: []Subscription{}, UpdatedAt: kept.UpdatedAt.UTC(),
	}
	for _, one := range subscriptions {
		p.PushSubscriptions = append(p.PushSubscriptions, Subscription{
			Endpoint: one.Endpoint, Keys: Keys{P256dh: one.P256dh, Auth: one.Auth}, CreatedAt: one.CreatedAt.UTC(),
		})
	}
	return p, contact{row.Email, row.Name, row.EmailConfirmedAt != nil, row.UnsubscribeKey}, nil
}

// Begin gives a new user the settings to start with, and publishes them. tx acts
// for the user from then on.
func (p Publisher) Begin(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	if err := db.Act(ctx, tx, user); err != nil {
		return err
	}
	if err := backenddb.New(tx).InsertPreferences(ctx, user, time.Now().UTC()); err != nil {
		return err
	}
	_, err := p.publish(ctx, tx, user)
	return err
}

// Changed publishes the preferences of a user whose name or address has changed.
// tx acts for the user.
func (p Publisher) Changed(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	if _, err := backenddb.New(tx).PreferencesForUpdate(ctx, user); err != nil {
		return missing(err)
	}
	_, err := p.publish(ctx, tx, user)
	return err
}

// publish publishes a user's preferences as they are in tx, which has locked their
// row, so that the last state is published last.
func (p Publisher) publish(ctx context.Context, tx pgx.Tx, user uuid.UUID) (Preferences, error) {
	now, owner, err := find(ctx, tx, user)
	if err != nil {
		return now, err
	}
	data := event.PreferencesChanged{
		UserID: user, Email: owner.email, EmailConfirmed: owner.confirmed, Name: owner.name,
		Timezone: now.Timezone, Channels: now.Channels, QuietFrom: now.QuietFrom, QuietUntil: now.QuietUntil,
		Digest: now.Digest, MutedTypes: now.MutedTypes, Phrasing: now.Phrasing,
	}
	if p.URL != "" {
		data.UnsubscribeURL = p.URL + UnsubscribePath + "?token=" + unsubscribeToken(user, owner.key)
	}
	for _, one := range now.PushSubscriptions {
		data.PushSubscriptions = append(data.PushSubscriptions, event.PushSubscription{Endpoint: one.Endpoint, P256dh: one.Keys.P256dh, Auth: one.Keys.Auth})
	}
	return now, p.put(ctx, tx, data)
}

// Scrub overwrites what the compacted topic would keep for good of a user whose
// account is being deleted: an address that no mail goes to, and no channel.
func (p Publisher) Scrub(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	if _, err := backenddb.New(tx).PreferencesForUpdate(ctx, user); errors.Is(err, pgx.ErrNoRows) {
		return nil // none were ever published
	} else if err != nil {
		return err
	}
	return p.put(ctx, tx, event.PreferencesChanged{
		UserID: user, Email: "deleted@invalid", Timezone: "UTC", Channels: []string{}, Digest: "off", MutedTypes: []string{},
	})
}

func (p Publisher) put(ctx context.Context, tx pgx.Tx, data event.PreferencesChanged) (err error) {
	if data.Version, err = backenddb.New(tx).NextPreferencesVersion(ctx, data.UserID); err != nil {
		return err
	}
	e, err := event.New(ctx, p.Service, event.TypePreferencesChanged, data.UserID.String(), data)
	if err != nil {
		return err
	}
	return outbox.Put(ctx, tx, e, data.UserID.String())
}
