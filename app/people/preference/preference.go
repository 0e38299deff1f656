// Package preference is how users want to be notified: where, when, of
// what, and in which words. The agents keep copies, so every change is published.
package preference

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // images hold no time zones

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/etag"
	"github.com/wealth-companion/companion/app/store/idempotency"
)

// Settings are what a user chooses. New users are told in the application only,
// in UTC, of everything and in the agents' own words: what leaves the application
// (e-mail, push, a language model) needs their word.
type Settings struct {
	Timezone   string   `json:"timezone" doc:"IANA; quiet hours and digests go by it" example:"Europe/Berlin" minLength:"1" maxLength:"64"`
	Channels   []string `json:"channels" enum:"in_app,email,push" maxItems:"10" nullable:"false" doc:"in_app is always among them"`
	QuietFrom  string   `json:"quietFrom,omitempty" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" example:"22:00" doc:"Nothing goes by e-mail or push from then, HH:MM; with quietUntil or not at all"`
	QuietUntil string   `json:"quietUntil,omitempty" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" example:"07:00" doc:"May lie before quietFrom: over midnight"`
	Digest     string   `json:"digest" enum:"off,daily,weekly" doc:"Of what goes by e-mail: one letter for all of it"`
	MutedTypes []string `json:"mutedTypes" enum:"spending_pattern,budget_warning,savings_tip,investment_suggestion" maxItems:"10" nullable:"false" doc:"Kinds of insight that are not told of; they are still listed"`
	Phrasing   bool     `json:"phrasing" doc:"Consent to have a language model phrase what the agents found"`
}

// Preferences are a user's settings, and where their browsers take push.
type Preferences struct {
	Settings
	EmailConfirmed    bool           `json:"emailConfirmed" doc:"false: the channel email waits until the address is confirmed"`
	PushSubscriptions []Subscription `json:"pushSubscriptions"`
	UpdatedAt         time.Time      `json:"updatedAt"`
}

// Changed is when the preferences were last changed.
func (p Preferences) Changed() time.Time { return p.UpdatedAt }

// Store keeps preferences.
type Store struct {
	Pool      *pgxpool.Pool
	Publisher Publisher
}

var (
	channels = []string{"in_app", "email", "push"}
	digests  = []string{"off", "daily", "weekly"}
	types    = []string{event.SpendingPattern, event.BudgetWarning, event.SavingsTip, event.InvestmentSuggestion}
	clock    = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
)

// check returns the settings as they are kept: without repetitions, and with
// what is in the application.
func (s Settings) check() (Settings, error) {
	if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "" || s.Timezone == "Local" {
		return s, apperror.Invalid{Field: "timezone", Reason: "is none of the IANA time zones, such as Europe/Berlin"}
	}
	if !slices.Contains(digests, s.Digest) {
		return s, apperror.Invalid{Field: "digest", Reason: "must be off, daily or weekly"}
	}
	if (s.QuietFrom == "") != (s.QuietUntil == "") {
		return s, apperror.Invalid{Field: "quietUntil", Reason: "goes with quietFrom: give both or neither"}
	}
	for field, at := range map[string]string{"quietFrom": s.QuietFrom, "quietUntil": s.QuietUntil} {
		if at != "" && !clock.MatchString(at) {
			return s, apperror.Invalid{Field: field, Reason: "must be a time such as 22:00"}
		}
	}
	if s.QuietFrom != "" && s.QuietFrom == s.QuietUntil {
		return s, apperror.Invalid{Field: "quietUntil", Reason: "must differ from quietFrom"}
	}
	var err error
	if s.Channels, err = some("channels", channels, append([]string{"in_app"}, s.Channels...)); err != nil {
		return s, err
	}
	s.MutedTypes, err = some("mutedTypes", types, s.MutedTypes)
	return s, err
}

// some are those of all that were chosen, in all's order.
func some(field string, all, chosen []string) ([]string, error) {
	for _, one := range chosen {
		if !slices.Contains(all, one) {
			return nil, apperror.Invalid{Field: field, Reason: fmt.Sprintf("%q is none of %s", one, strings.Join(all, ", "))}
		}
	}
	found := []string{}
	for _, one := range all {
		if slices.Contains(chosen, one) {
			found = append(found, one)
		}
	}
	return found, nil
}

// Get returns the user's preferences.
func (s *Store) Get(ctx context.Context, user uuid.UUID) (p Preferences, err error) {
	err = db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		p, _, err = find(ctx, tx, user)
		return err
	})
	return p, err
}

// Put sets the user's settings; ErrStale when ifMatch is of another state.
func (s *Store) Put(ctx context.Context, user uuid.UUID, ifMatch string, n Settings) (Preferences, error) {
	n, err := n.check()
	if err != nil {
		return Preferences{}, err
	}
	return s.change(ctx, user, ifMatch, func(q *backenddb.Queries, at time.Time) error {
		return q.UpdatePreferences(ctx, backenddb.UpdatePreferencesParams{
			Timezone: n.Timezone, Channels: n.Channels, QuietFrom: n.QuietFrom, QuietUntil: n.QuietUntil, Digest: n.Digest,
			MutedTypes: n.MutedTypes, Phrasing: n.Phrasing, UpdatedAt: at, UserID: user,
		})
	})
}

// change locks the user's preferences, changes them and publishes their new state.
func (s *Store) change(ctx context.Context, user uuid.UUID, ifMatch string, how func(q *backenddb.Queries, at time.Time) error) (Preferences, error) {
	return idempotency.Do(ctx, s.Pool, user, func(tx pgx.Tx) (Preferences, error) {
		q := backenddb.New(tx)
		before, err := q.PreferencesForUpdate(ctx, user)
		if err != nil {
			return Preferences{}, missing(err)
		}
		if err := etag.Check(ifMatch, before.UpdatedAt); err != nil {
			return Preferences{}, err
		}
		at := etag.Next(before.UpdatedAt)
		if err := how(q, at); err != nil {
			return Preferences{}, err
		}
		return s.Publisher.publish(ctx, tx, user)
	})
}

func missing(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return apperror.Say(apperror.ErrUnauthorized, "this account has been deleted")
	}
	return err
}
