// Package assistant is the programs that people let in: what registers itself, what it asks
// for, the code by which it gets what the person allowed, and the list of those that are in.
// An assistant's session is a session as people's are (package account): it is refreshed,
// ends and is told of alike.
package assistant

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/oauth"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Assistants keeps them.
type Assistants struct {
	Pool     *pgxpool.Pool
	Accounts *account.Accounts
	// Issuer is where people find the application, which assistants know it by; empty: none
	// are let in.
	Issuer string
}

// Resource is what assistants' tokens are for.
func (a *Assistants) Resource() string { return a.Issuer + oauth.ResourcePath }

// errNowhere: an installation without an address has none that assistants could know.
var errNowhere = apperror.Say(apperror.ErrNotFound, "this installation lets no assistants in: it does not know its own address (APPLICATION_URL)")

func (a *Assistants) ready() error {
	if a.Issuer == "" {
		return errNowhere
	}
	return nil
}

// most is how many assistants a user may have let in.
const most = 50

// Assistant is one that the user has let in.
type Assistant struct {
	ID         uuid.UUID `json:"id"`
	Name       string    `json:"name" doc:"What it calls itself, which nobody has checked; may be empty"`
	Host       string    `json:"host" doc:"Where it was let in from: its host, or this computer's"`
	Scope      []string  `json:"scope" doc:"What it may do: read, and perhaps write"`
	CreatedAt  time.Time `json:"createdAt"`
	LastUsedAt time.Time `json:"lastUsedAt" doc:"To a quarter of an hour"`
	ExpiresAt  time.Time `json:"expiresAt" doc:"Unless it is used before"`
}

// List returns the assistants that the user has let in, the newest first.
func (a *Assistants) List(ctx context.Context, user uuid.UUID) ([]Assistant, error) {
	all := []Assistant{}
	err := db.AsUser(ctx, a.Pool, user, func(tx pgx.Tx) error {
		rows, err := backenddb.New(tx).Assistants(ctx, user, db.Now())
		for _, row := range rows {
			all = append(all, Assistant{
				ID: row.SessionID, Name: row.Name, Host: row.Host, Scope: strings.Fields(row.Scope),
				CreatedAt: row.CreatedAt.UTC(), LastUsedAt: row.LastUsedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(),
			})
		}
		return err
	})
	return all, err
}

// Remove ends what an assistant may do, or returns ErrNotFound. Its access tokens end as those
// of any session.
func (a *Assistants) Remove(ctx context.Context, user, id uuid.UUID) error {
	return a.Accounts.HaveEnded(ctx, db.AsUser(ctx, a.Pool, user, func(tx pgx.Tx) error {
		ended, err := backenddb.New(tx).EndAssistant(ctx, id, user)
		if err == nil && ended == 0 {
			err = apperror.Say(apperror.ErrNotFound, "there is no assistant of that id")
		}
		return err
	}))
}
