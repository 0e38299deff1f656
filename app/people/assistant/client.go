package assistant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/name"
	"github.com/wealth-companion/companion/app/core/oauth"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// How much a program may say of itself, and for how long it is kept if nobody lets it in.
const (
	longestName  = 60
	maxRedirects = 5
	unusedLife   = 24 * time.Hour
)

// Client is a program that has registered.
type Client struct {
	ID        uuid.UUID
	Name      string // as it calls itself, on one line
	Redirects []string
	Created   time.Time
}

// Register keeps what a program says of itself. Nobody has checked any of it.
func (a *Assistants) Register(ctx context.Context, called string, redirects []string) (Client, error) {
	if err := a.ready(); err != nil {
		return Client{}, err
	}
	if len(redirects) < 1 || len(redirects) > maxRedirects {
		return Client{}, apperror.Invalid{Field: "redirect_uris", Reason: fmt.Sprintf("must be from 1 to %d", maxRedirects)}
	}
	for _, redirect := range redirects {
		if err := oauth.CheckRedirect(redirect); err != nil {
			return Client{}, apperror.Invalid{Field: "redirect_uris", Reason: err.Error()}
		}
	}
	c := Client{ID: tracing.NewID(), Name: name.Plain(called, longestName), Redirects: redirects, Created: db.Now()}
	return c, backenddb.New(a.Pool).InsertOAuthClient(ctx, backenddb.InsertOAuthClientParams{
		ID: c.ID, Name: c.Name, RedirectUris: c.Redirects, CreatedAt: c.Created, ExpiresAt: c.Created.Add(unusedLife),
	})
}

// ErrClient: the program is not known, or no longer.
var ErrClient = apperror.Say(apperror.ErrUnauthorized, "no assistant of this id has registered here, or its time is over: have it register again")

// Client returns a program that has registered, or ErrClient.
func (a *Assistants) Client(ctx context.Context, id string) (Client, error) {
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.String() != id {
		return Client{}, ErrClient
	}
	row, err := backenddb.New(a.Pool).OAuthClient(ctx, parsed, db.Now())
	if errors.Is(err, pgx.ErrNoRows) {
		return Client{}, ErrClient
	}
	return Client{row.ID, row.Name, row.RedirectUris, row.CreatedAt.UTC()}, err
}

// redirect is whether a redirect URI is one of the program's.
func (c Client) redirect(asked string) bool {
	for _, registered := range c.Redirects {
		if oauth.SameRedirect(registered, asked) {
			return true
		}
	}
	return false
}
