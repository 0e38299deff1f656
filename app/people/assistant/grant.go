package assistant

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/oauth"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// What an assistant that comes for tokens is refused for.
var (
	// ErrGrant: the code or the refresh token is of no use, to this assistant or at all.
	ErrGrant = apperror.Say(apperror.ErrUnauthorized, "the code or the refresh token is not valid, or no longer, or not this assistant's: have the person decide again")
	// ErrScope: it asks for more than the person allowed.
	ErrScope = errors.New("this is more than the person allowed: have them decide again")
	// ErrResource: it asks for what is not here.
	ErrResource = errors.New("there are tokens for the MCP server only")
)

// Redemption is what an assistant brings with its code.
type Redemption struct{ Client, Code, RedirectURI, Verifier, Resource string }

// Redeem begins the session of the assistant that a code was given to. A code works once: what
// is wrong with the first attempt spends it, and one that comes again ends the session that it
// began, for then it is in two hands.
func (a *Assistants) Redeem(ctx context.Context, r Redemption) (account.Session, error) {
	client, err := a.Client(ctx, r.Client)
	if err != nil {
		return account.Session{}, err
	}
	user, err := userOfCode(r.Code)
	if err != nil {
		return account.Session{}, ErrGrant
	}
	var s account.Session
	refused := ErrGrant // unlike an error of the transaction, it leaves the code spent
	err = db.AsUser(ctx, a.Pool, user, func(tx pgx.Tx) error {
		q := backenddb.New(tx)
		row, err := q.OAuthCodeForUpdate(ctx, hash(r.Code), user)
		if errors.Is(err, pgx.ErrNoRows) {
			_, err := q.EndSessionOfOAuthCode(ctx, hash(r.Code), user)
			return err
		}
		if err != nil {
			return err
		}
		if err := q.SpendOAuthCode(ctx, hash(r.Code)); err != nil {
			return err
		}
		at := db.Now()
		switch {
		case !at.Before(row.ExpiresAt), row.ClientID != client.ID, row.RedirectUri != r.RedirectURI, !oauth.Verifies(r.Verifier, row.Challenge):
			return nil
		case r.Resource != "" && r.Resource != a.Resource():
			refused = ErrResource
			return nil
		}
		if s, err = account.OpenAssistant(ctx, tx, user, row.AuthenticatedAt.UTC()); err != nil {
			return err
		}
		refused = nil
		s.Caller.Assistant = account.Grant{Client: client.ID, Scope: oauth.Scope(row.Scope), Resource: a.Resource()}
		return errors.Join(
			q.InsertAssistant(ctx, backenddb.InsertAssistantParams{
				SessionID: s.Caller.Session, UserID: user, ClientID: client.ID, CodeHash: hash(r.Code), Host: oauth.Host(row.RedirectUri), Scope: row.Scope, At: at,
			}),
			q.KeepOAuthClient(ctx, s.Ends, client.ID),
		)
	})
	if err = a.Accounts.HaveEnded(ctx, err); err == nil {
		err = refused
	}
	if err != nil {
		return account.Session{}, err
	}
	return s, nil
}

// Renewal is what an assistant brings with its refresh token.
type Renewal struct{ Client, Token, Scope, Resource string }

// Refresh spends a refresh token as account.Accounts.Refresh does. The scope may be less than
// the person allowed, for the next access token, and never more.
func (a *Assistants) Refresh(ctx context.Context, r Renewal, by account.Client) (account.Session, error) {
	client, err := a.Client(ctx, r.Client)
	if err != nil {
		return account.Session{}, err
	}
	if r.Resource != "" && r.Resource != a.Resource() {
		return account.Session{}, ErrResource
	}
	s, err := a.Accounts.RefreshAssistant(ctx, r.Token, by, func(ctx context.Context, tx pgx.Tx, s *account.Session) error {
		q := backenddb.New(tx)
		row, err := its(ctx, q, s.Caller.Session, client.ID)
		if err != nil {
			return err
		}
		allowed := oauth.Scope(row.Scope)
		asked := allowed
		if r.Scope != "" {
			if asked, err = oauth.ParseScope(r.Scope); err != nil || !asked.Within(allowed) {
				return ErrScope
			}
		}
		s.Caller.Assistant = account.Grant{Client: client.ID, Scope: asked, Resource: a.Resource()}
		return errors.Join(q.UseAssistant(ctx, db.Now(), s.Caller.Session), q.KeepOAuthClient(ctx, s.Ends, client.ID))
	})
	if errors.Is(err, apperror.ErrUnauthorized) {
		_ = a.Accounts.HaveEnded(ctx, nil) // a token that came again has ended the session
		return account.Session{}, ErrGrant
	}
	return s, err
}

// its is what a session lets the assistant do whose it must be.
func its(ctx context.Context, q *backenddb.Queries, session, client uuid.UUID) (backenddb.AssistantOfSessionRow, error) {
	row, err := q.AssistantOfSession(ctx, session)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && row.ClientID != client {
		err = ErrGrant
	}
	return row, err
}

// Revoke ends the session of an assistant's refresh token or, where access is of a valid access
// token, of that one. ErrGrant: it is another's. A token that is of no session has ended.
func (a *Assistants) Revoke(ctx context.Context, client, token string, access account.Caller) error {
	known, err := a.Client(ctx, client)
	if err != nil {
		return err
	}
	if access.User != uuid.Nil {
		if access.Assistant.Client != known.ID {
			return ErrGrant
		}
		return a.Accounts.Logout(ctx, access)
	}
	err = a.Accounts.EndAssistant(ctx, token, func(ctx context.Context, tx pgx.Tx, session uuid.UUID) error {
		_, err := its(ctx, backenddb.New(tx), session, known.ID)
		return err
	})
	if errors.Is(err, apperror.ErrNotFound) {
		return nil
	}
	return err
}
