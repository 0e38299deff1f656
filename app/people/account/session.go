package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// How long a session lasts: unused, and however often it is used.
const (
	idleLife    = 30 * 24 * time.Hour
	sessionLife = 90 * 24 * time.Hour
)

// Session is a login: what an access token is made of, and the token that gets
// the next one.
type Session struct {
	User    User
	Caller  Caller
	Refresh string    // opaque; kept as its SHA-256 only
	Ends    time.Time // of Refresh, UTC
}

// open begins a session. authenticated is when the user proved who they are.
func open(ctx context.Context, tx pgx.Tx, user User, authenticated time.Time) (Session, error) {
	q := backenddb.New(tx)
	at := now()
	if err := q.EndExpiredSessions(ctx, user.ID, at); err != nil {
		return Session{}, err
	}
	s := Session{User: user, Caller: Caller{User: user.ID, Session: tracing.NewID(), Authenticated: authenticated}, Ends: at.Add(idleLife)}
	if err := q.InsertSession(ctx, backenddb.InsertSessionParams{
		ID: s.Caller.Session, UserID: user.ID, AuthenticatedAt: authenticated, CreatedAt: at, ExpiresAt: s.Ends,
	}); err != nil {
		return Session{}, err
	}
	return s, s.next(ctx, q)
}

// next gives the session a new refresh token.
func (s *Session) next(ctx context.Context, q *backenddb.Queries) error {
	s.Refresh = rand.Text() // 130 bits: nobody guesses it, so that a plain hash is enough
	return q.InsertRefreshToken(ctx, sum(s.Refresh), s.Caller.Session, s.Ends)
}

func sum(token string) []byte {
	hashed := sha256.Sum256([]byte(token))
	return hashed[:]
}

// Refresh spends a refresh token and returns its session with the next one, or
// ErrUnauthorized. A token that is spent already is in two hands, of which one is
// a thief's: it ends the session. So whoever lost an answer logs in again, and
// what shares a token (the tabs of a browser) refreshes one at a time.
func (a *Accounts) Refresh(ctx context.Context, token string) (Session, error) {
	refused := fmt.Errorf("the refresh token is not valid or no longer: log in again: %w", apperror.ErrUnauthorized)
	var s Session
	valid := false
	err := db.InTx(ctx, a.Pool, func(tx pgx.Tx) error {
		q := backenddb.New(tx)
		at := now()
		found, err := q.RefreshTokenForUpdate(ctx, sum(token))
		if errors.Is(err, pgx.ErrNoRows) {
			return refused
		}
		if err != nil {
			return err
		}
		// What ends the session is to stay done, so it is no error of the transaction.
		if found.SpentAt != nil || !at.Before(found.ExpiresAt) {
			return q.EndSession(ctx, found.Session.ID)
		}
		row, err := q.UserByID(ctx, found.Session.UserID)
		if err != nil {
			return gone(err)
		}
		s = Session{
			User:   userOf(row),
			Caller: Caller{User: row.ID, Session: found.Session.ID, Authenticated: found.Session.AuthenticatedAt.UTC()},
			Ends:   at.Add(idleLife),
		}
		if last := found.Session.CreatedAt.UTC().Add(sessionLife); last.Before(s.Ends) {
			s.Ends = last
		}
		valid = true
		return errors.Join(
			q.SpendRefreshToken(ctx, &at, sum(token)),
			q.ForgetRefreshTokens(ctx, s.Caller.Session, at),
			q.ProlongSession(ctx, s.Ends, s.Caller.Session),
			s.next(ctx, q),
		)
	})
	if err == nil && !valid {
		err = refused
	}
	if err != nil {
		return Session{}, err
	}
	return s, nil
}

// SessionOf returns which session a refresh token is of, spent or not; ErrNotFound: of none.
func (a *Accounts) SessionOf(ctx context.Context, token string) (uuid.UUID, error) {
	id, err := backenddb.New(a.Pool).SessionOfRefreshToken(ctx, sum(token))
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, fmt.Errorf("a session of this token: %w", apperror.ErrNotFound)
	}
	return id, err
}

// Logout ends a session. Its access token goes on until its time is over.
func (a *Accounts) Logout(ctx context.Context, session uuid.UUID) error {
	return backenddb.New(a.Pool).EndSession(ctx, session)
}

// LogoutAll ends all sessions of a user.
func (a *Accounts) LogoutAll(ctx context.Context, user uuid.UUID) error {
	return backenddb.New(a.Pool).EndSessions(ctx, user, uuid.Nil)
}
