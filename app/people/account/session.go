package account

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
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

// grace is for how long a refresh token that was spent gets the same successor
// again: longer than a client waits for an answer before it sends the request once more.
const grace = 30 * time.Second

// Session is a login: what an access token is made of, and the token that gets
// the next one.
type Session struct {
	User    User
	Caller  Caller
	Refresh string    // opaque; kept as its SHA-256 only
	Ends    time.Time // of Refresh, UTC
}

// kind is whose a session is. The refresh tokens of each kind are hashed otherwise, so
// that those of one are unknown wherever the other's are taken.
type kind struct {
	hash func(token string) []byte
	// admit may refuse a token before it is spent, and says what the caller may do; nil: all.
	admit func(ctx context.Context, tx pgx.Tx, s *Session) error
}

// people log in themselves.
var people = kind{hash: sum}

// open begins a person's session. authenticated is when the user proved who they are. tx
// acts for the user from then on.
func open(ctx context.Context, tx pgx.Tx, user User, authenticated time.Time) (Session, error) {
	return people.open(ctx, tx, user, authenticated)
}

func (k kind) open(ctx context.Context, tx pgx.Tx, user User, authenticated time.Time) (Session, error) {
	if err := db.Act(ctx, tx, user.ID); err != nil {
		return Session{}, err
	}
	q := backenddb.New(tx)
	at := db.Now()
	if err := q.EndExpiredSessions(ctx, user.ID, at); err != nil {
		return Session{}, err
	}
	s := Session{
		User: user, Caller: Caller{User: user.ID, Session: tracing.NewID(), Authenticated: authenticated}, Ends: at.Add(idleLife),
		Refresh: rand.Text(), // 130 bits: nobody guesses it, so that a plain hash is enough
	}
	if err := q.InsertSession(ctx, backenddb.InsertSessionParams{
		ID: s.Caller.Session, UserID: user.ID, AuthenticatedAt: authenticated, CreatedAt: at, ExpiresAt: s.Ends,
	}); err != nil {
		return Session{}, err
	}
	return s, q.InsertRefreshToken(ctx, k.hash(s.Refresh), s.Caller.Session, s.Ends)
}

// successor is the refresh token that follows another. Only who has that one can
// tell, so that the database need not keep it for the case that the answer is lost.
func successor(token string, salt []byte) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write(salt)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:20])
}

var errRefresh = apperror.Say(apperror.ErrUnauthorized, "the refresh token is not valid, or no longer: log in again")

// Refresh spends a refresh token and returns its session with the next one, or
// ErrUnauthorized. A token that was spent already is in two hands, of which one is
// a thief's: it ends the session. Not so within half a minute from the client that
// spent it, as long as the successor has not been used: then the answer was lost,
// and the same successor is returned again.
func (a *Accounts) Refresh(ctx context.Context, token string, c Client) (Session, error) {
	return a.refresh(ctx, token, c, people)
}

func (a *Accounts) refresh(ctx context.Context, token string, c Client, k kind) (Session, error) {
	var s Session
	valid := false
	err := db.InTx(ctx, a.Pool, func(tx pgx.Tx) error {
		q := backenddb.New(tx)
		_, err := k.actForSessionOf(ctx, tx, token)
		if errors.Is(err, apperror.ErrNotFound) {
			return errRefresh
		}
		if err != nil {
			return err
		}
		found, err := q.RefreshTokenForUpdate(ctx, k.hash(token))
		if errors.Is(err, pgx.ErrNoRows) {
			return errRefresh
		}
		if err != nil {
			return err
		}
		at := db.Now()
		if s, err = a.sessionOf(ctx, q, found, at); err != nil {
			return err
		}
		if k.admit != nil {
			if err := k.admit(ctx, tx, &s); err != nil {
				return err
			}
		}
		switch again, err := k.repeated(ctx, q, found, token, c, at); {
		case err != nil:
			return err
		case again != nil:
			valid, s.Refresh, s.Ends = true, again.token, again.ends
			return nil
		case found.SpentAt != nil || !at.Before(found.ExpiresAt):
			// That the session ends is to stay done, so it is no error of the transaction.
			return q.EndSession(ctx, found.Session.ID)
		}
		valid = true
		salt := make([]byte, 16)
		_, _ = rand.Read(salt) // never fails
		s.Refresh = successor(token, salt)
		return errors.Join(
			q.SpendRefreshToken(ctx, backenddb.SpendRefreshTokenParams{SpentAt: &at, SpentBy: c.fingerprint(), SuccessorSalt: salt, Hash: k.hash(token)}),
			q.ForgetRefreshTokens(ctx, s.Caller.Session, at),
			q.ProlongSession(ctx, s.Ends, s.Caller.Session),
			q.InsertRefreshToken(ctx, k.hash(s.Refresh), s.Caller.Session, s.Ends),
		)
	})
	if err == nil && !valid {
		err = errRefresh
	}
	if err != nil {
		return Session{}, err
	}
	return s, nil
}

// sessionOf is what a refresh token found, without the next one.
func (a *Accounts) sessionOf(ctx context.Context, q *backenddb.Queries, found backenddb.RefreshTokenForUpdateRow, at time.Time) (Session, error) {
	row, err := q.UserByID(ctx, found.Session.UserID)
	if err != nil {
		return Session{}, gone(err)
	}
	s := Session{
		User:   userOf(row),
		Caller: Caller{User: row.ID, Session: found.Session.ID, Authenticated: found.Session.AuthenticatedAt.UTC()},
		Ends:   at.Add(idleLife),
	}
	if last := found.Session.CreatedAt.UTC().Add(sessionLife); last.Before(s.Ends) {
		s.Ends = last
	}
	return s, nil
}

// next is a refresh token with its end.
type next struct {
	token string
	ends  time.Time
}

// repeated returns the successor of a token that was spent a moment ago by the same
// client; nil: it is no such repetition.
func (k kind) repeated(ctx context.Context, q *backenddb.Queries, found backenddb.RefreshTokenForUpdateRow, token string, c Client, at time.Time) (*next, error) {
	if found.SpentAt == nil || at.Sub(*found.SpentAt) > grace || len(found.SuccessorSalt) == 0 || !bytes.Equal(found.SpentBy, c.fingerprint()) {
		return nil, nil
	}
	following := successor(token, found.SuccessorSalt)
	row, err := q.RefreshToken(ctx, k.hash(following))
	if errors.Is(err, pgx.ErrNoRows) || err == nil && row.SpentAt != nil {
		return nil, nil // it has been used: its answer was not lost
	}
	return &next{following, row.ExpiresAt.UTC()}, err
}

// actForSessionOf has tx act for the user whose session a refresh token, spent or
// not, is of, and returns the session; ErrNotFound: it is of none.
func (k kind) actForSessionOf(ctx context.Context, tx pgx.Tx, token string) (uuid.UUID, error) {
	missing := fmt.Errorf("a session of this token: %w", apperror.ErrNotFound)
	q := backenddb.New(tx)
	session, err := q.SessionOfRefreshToken(ctx, k.hash(token))
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, missing
	}
	if err != nil {
		return uuid.Nil, err
	}
	if err := db.Show(ctx, tx, db.SessionID, session.String()); err != nil {
		return uuid.Nil, err
	}
	user, err := q.UserOfSession(ctx, session)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, missing
	}
	if err != nil {
		return uuid.Nil, err
	}
	return session, db.Act(ctx, tx, user)
}

// LogoutByRefresh ends the session of a refresh token, spent or not. One that is of
// none has ended.
func (a *Accounts) LogoutByRefresh(ctx context.Context, token string) error {
	err := db.InTx(ctx, a.Pool, func(tx pgx.Tx) error {
		session, err := people.actForSessionOf(ctx, tx, token)
		if err != nil {
			return err
		}
		return backenddb.New(tx).EndSession(ctx, session)
	})
	if errors.Is(err, apperror.ErrNotFound) {
		return nil
	}
	return a.HaveEnded(ctx, err)
}

// Logout ends the caller's session.
func (a *Accounts) Logout(ctx context.Context, c Caller) error {
	return a.HaveEnded(ctx, db.AsUser(ctx, a.Pool, c.User, func(tx pgx.Tx) error {
		return backenddb.New(tx).EndSession(ctx, c.Session)
	}))
}

// LogoutAll ends all sessions of a user.
func (a *Accounts) LogoutAll(ctx context.Context, user uuid.UUID) error {
	return a.HaveEnded(ctx, db.AsUser(ctx, a.Pool, user, func(tx pgx.Tx) error {
		return backenddb.New(tx).EndSessions(ctx, user, uuid.Nil)
	}))
}

// HaveEnded has this replica know at once of sessions that it has ended, err being nil.
// The others know within seconds, and this one, too, should it fail here.
func (a *Accounts) HaveEnded(ctx context.Context, err error) error {
	if err == nil && a.Ended != nil {
		_ = a.Ended.Poll(ctx)
	}
	return err
}
