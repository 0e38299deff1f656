// Package account is who uses the application: registration, log-in by password
// or through an OpenID provider, sessions, the tokens that say who is asking, and
// the end of an account.
package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/people/preference"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/etag"
)

// User is a person with an account.
type User struct {
	ID    uuid.UUID `json:"id"`
	Email string    `json:"email" doc:"In small letters"`
	// EmailConfirmed: the user has proved that the address is theirs.
	EmailConfirmed bool   `json:"emailConfirmed" doc:"false: nothing is e-mailed to the address, but the question whether it is the user's"`
	Name           string `json:"name"`
	// HasPassword is false for those who log in through an OpenID provider only.
	HasPassword bool      `json:"hasPassword" doc:"false: logs in through the identity provider only"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

// Changed is when the user was last changed.
func (u User) Changed() time.Time { return u.UpdatedAt }

// Registration is what somebody enters to get an account.
type Registration struct {
	Email    string `json:"email" maxLength:"254" example:"ada@example.org"`
	Password string `json:"password" minLength:"10" maxLength:"200"`
	Name     string `json:"name,omitempty" maxLength:"100" example:"Ada"`
}

// Change is a change of a user; nil leaves a field as it is.
type Change struct {
	Name *string `json:"name,omitempty" maxLength:"100"`
}

// Accounts keeps the users.
type Accounts struct {
	Pool      *pgxpool.Pool
	Publisher preference.Publisher
	// Begin makes what a new user starts with, in the transaction of the registration.
	Begin func(ctx context.Context, tx pgx.Tx, user uuid.UUID) error
	// Guard limits how often things are attempted.
	Guard Guard
	// Mails: this installation sends e-mail, so that addresses can be confirmed and
	// passwords set anew. Without it an address is a mere name to log in with, of
	// which registration has to say that it is taken.
	Mails bool
	// Ended knows at once of the sessions that end here; nil: later.
	Ended *Ended
	Log   *slog.Logger

	wake chan struct{} // has mail that was asked for looked at
}

// New makes the accounts of a database. Guard's limits and Mails are set afterwards.
func New(pool *pgxpool.Pool, publisher preference.Publisher, begin func(ctx context.Context, tx pgx.Tx, user uuid.UUID) error, log *slog.Logger) *Accounts {
	return &Accounts{
		Pool: pool, Publisher: publisher, Begin: begin, Guard: Guard{Pool: pool}, Ended: &Ended{Pool: pool, Log: log}, Log: log,
		wake: make(chan struct{}, 1),
	}
}

func userOf(row backenddb.User) User {
	return User{
		ID: row.ID, Email: row.Email, EmailConfirmed: row.EmailConfirmedAt != nil, Name: row.Name, HasPassword: row.PasswordHash != nil,
		CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
}

// plainAddress is an e-mail address in small letters. Its host has a name: who gives a
// number (ada@[192.0.2.1]) would have the mail server connect there.
func plainAddress(text string) (string, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Address != text || strings.HasSuffix(text, "]") || len(text) > 254 {
		return text, apperror.Invalid{Field: "email", Reason: "must be an e-mail address such as ada@example.org"}
	}
	return text, nil
}

// longestName is how many characters a user's name has at most.
const longestName = 100

func plainName(text string) (string, error) {
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) > longestName {
		return text, apperror.Invalid{Field: "name", Reason: fmt.Sprintf("must have at most %d characters", longestName)}
	}
	return text, nil
}

// Register makes an account and logs in. Where e-mail is sent, the answer is the
// same whether or not the address has an account already: the new account claims the
// address, and holds it once its owner has followed the link that is mailed there; the
// owner of an account that holds it is mailed instead that they have one. Where none
// is sent: ErrConflict when the address is taken.
func (a *Accounts) Register(ctx context.Context, r Registration) (Session, error) {
	email, err := plainAddress(r.Email)
	if err != nil {
		return Session{}, err
	}
	name, err := plainName(r.Name)
	if err != nil {
		return Session{}, err
	}
	hashed, err := hash(ctx, "password", r.Password)
	if err != nil {
		return Session{}, err
	}
	var session Session
	err = db.InTx(ctx, a.Pool, func(tx pgx.Tx) error {
		user, err := a.create(ctx, tx, newcomer{email: email, name: name, hashed: &hashed, holds: !a.Mails})
		if err != nil {
			return err
		}
		if err := a.requestMail(ctx, tx, &user.ID, email, confirmAddress); err != nil {
			return err
		}
		session, err = open(ctx, tx, user, user.CreatedAt)
		return err
	})
	if db.Conflict(err) {
		return Session{}, apperror.Say(apperror.ErrConflict, "there is an account with this e-mail address already: log in instead")
	}
	return session, err
}

// newcomer is who gets an account.
type newcomer struct {
	email, name string
	hashed      *string // of the password; nil: none
	holds       bool    // the address, which leads to this account from now on
	confirmed   bool    // by a provider
}

// create makes an account. tx acts for its user from then on.
func (a *Accounts) create(ctx context.Context, tx pgx.Tx, n newcomer) (User, error) {
	at := db.Now()
	user := User{ID: tracing.NewID(), Email: n.email, EmailConfirmed: n.confirmed, Name: n.name, HasPassword: n.hashed != nil, CreatedAt: at, UpdatedAt: at}
	row := backenddb.InsertUserParams{ID: user.ID, Email: n.email, Name: n.name, PasswordHash: n.hashed, HoldsEmail: n.holds, CreatedAt: at}
	if n.confirmed {
		row.EmailConfirmedAt = &at
	}
	if err := backenddb.New(tx).InsertUser(ctx, row); err != nil {
		return User{}, err
	}
	if err := a.Begin(ctx, tx, user.ID); err != nil {
		return User{}, err
	}
	return user, a.Publisher.Begin(ctx, tx, user.ID)
}

var errLogin = apperror.Say(apperror.ErrUnauthorized, "the e-mail address or the password is wrong: check both")

// Login begins a session of the user of that address and password, or returns
// ErrUnauthorized, or TooOften. An address that has no account, or none that has
// confirmed it, takes the same time as a wrong password.
func (a *Accounts) Login(ctx context.Context, email, password string, c Client) (Session, error) {
	row, attempt, err := a.authenticate(ctx, plainLogin(email), password, c)
	if err != nil {
		return Session{}, err
	}
	var session Session
	if err := db.InTx(ctx, a.Pool, func(tx pgx.Tx) error {
		// It may have been changed meanwhile, or the account deleted.
		row, err := backenddb.New(tx).UserWithPassword(ctx, row.ID, row.PasswordHash)
		if errors.Is(err, pgx.ErrNoRows) {
			return errLogin
		}
		if err != nil {
			return err
		}
		session, err = open(ctx, tx, userOf(row), db.Now())
		return err
	}); err != nil {
		return Session{}, err
	}
	return session, attempt.succeeded(ctx)
}

func plainLogin(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// authenticate returns the account that an address leads to, if the password is its.
func (a *Accounts) authenticate(ctx context.Context, email, password string, c Client) (backenddb.User, attempt, error) {
	row, err := backenddb.New(a.Pool).HolderOf(ctx, email)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return row, attempt{}, err
	}
	known := row.ID != uuid.Nil && c.Device.User == row.ID
	attempt, err := a.Guard.login(ctx, email, c, known)
	if err != nil {
		return row, attempt, err
	}
	right, err := matches(ctx, password, row.PasswordHash)
	if err == nil && !right {
		err = errLogin
	}
	return row, attempt, err
}

// gone is the error of a user who is not there (any more).
func gone(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return apperror.Say(apperror.ErrUnauthorized, "this account has been deleted")
	}
	return err
}

// Find returns the user, or ErrUnauthorized when the account is gone.
func (a *Accounts) Find(ctx context.Context, id uuid.UUID) (User, error) {
	row, err := backenddb.New(a.Pool).UserByID(ctx, id)
	if err != nil {
		return User{}, gone(err)
	}
	return userOf(row), nil
}

// Update changes a user; ErrStale when ifMatch is of another state.
func (a *Accounts) Update(ctx context.Context, id uuid.UUID, ifMatch string, e Change) (User, error) {
	var user User
	err := db.AsUser(ctx, a.Pool, id, func(tx pgx.Tx) error {
		row, err := backenddb.New(tx).UserForUpdate(ctx, id)
		if err != nil {
			return gone(err)
		}
		user = userOf(row)
		if err := etag.Check(ifMatch, user.UpdatedAt); err != nil || e.Name == nil {
			return err
		}
		name, err := plainName(*e.Name)
		if err != nil || name == user.Name {
			return err
		}
		user.Name, user.UpdatedAt = name, etag.Next(user.UpdatedAt)
		if err := backenddb.New(tx).RenameUser(ctx, name, user.UpdatedAt, id); err != nil {
			return err
		}
		return a.Publisher.Changed(ctx, tx, id) // agents address users by their names
	})
	return user, err
}

// fresh is how long ago somebody may have logged in who does what a password is
// asked for, and has none.
const fresh = 10 * time.Minute

// prove checks that it is the user who asks: by their password or, where they
// have none, by a log-in of a moment ago. field is what to name when it is wrong.
func prove(ctx context.Context, row backenddb.User, c Caller, field, password string) error {
	if row.PasswordHash == nil {
		if time.Since(c.Authenticated) > fresh {
			return fmt.Errorf("log in again with your identity provider (/auth/oidc/login?fresh=true), then repeat this within %d minutes: %w",
				int(fresh.Minutes()), ErrStaleLogin)
		}
		return nil
	}
	right, err := matches(ctx, password, row.PasswordHash)
	if err != nil || right {
		return err
	}
	return apperror.Invalid{Field: field, Reason: "is not your password"}
}

// ErrStaleLogin: what was asked for needs a log-in of a moment ago.
var ErrStaleLogin = errors.New("this needs a fresh log-in")

// ChangePassword sets the caller's password and ends their other sessions. Who
// has none yet must have logged in a moment ago (ErrStaleLogin).
func (a *Accounts) ChangePassword(ctx context.Context, c Caller, old, replacement string) error {
	row, err := backenddb.New(a.Pool).UserByID(ctx, c.User)
	if err != nil {
		return gone(err)
	}
	if err := prove(ctx, row, c, "oldPassword", old); err != nil {
		return err
	}
	hashed, err := hash(ctx, "newPassword", replacement)
	if err != nil {
		return err
	}
	return a.HaveEnded(ctx, db.AsUser(ctx, a.Pool, c.User, func(tx pgx.Tx) error {
		q := backenddb.New(tx)
		if err := unchanged(ctx, q.UserForUpdate, row); err != nil {
			return err
		}
		if err := q.SetPassword(ctx, &hashed, db.Now(), c.User); err != nil {
			return err
		}
		if err := q.DropOneTimeTokens(ctx, c.User); err != nil { // a link to set another is of no use any more
			return err
		}
		return q.EndSessions(ctx, c.User, c.Session)
	}))
}

// unchanged locks the user and refuses when the password is no longer the one
// that was checked.
func unchanged(ctx context.Context, lock func(context.Context, uuid.UUID) (backenddb.User, error), checked backenddb.User) error {
	row, err := lock(ctx, checked.ID)
	if err != nil {
		return gone(err)
	}
	if (row.PasswordHash == nil) != (checked.PasswordHash == nil) || row.PasswordHash != nil && *row.PasswordHash != *checked.PasswordHash {
		return apperror.Say(apperror.ErrUnauthorized, "the password has just been changed: log in with the new one")
	}
	return nil
}
