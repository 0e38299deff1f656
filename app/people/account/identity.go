package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Identity is what an OpenID provider says of who logged in there.
type Identity struct {
	Issuer  string
	Subject string // the provider's own name of the person, which never changes
	Email   string
	// Verified: the provider made sure that the address is the person's.
	Verified bool
	Name     string
	// Authenticated is when the person proved to the provider who they are, UTC.
	Authenticated time.Time
}

// ErrUnverified: the provider does not vouch for the e-mail address.
var ErrUnverified = errors.New("your identity provider has not verified your e-mail address: verify it there, then log in again")

// Enter begins a session of whoever the identity is of. An unknown one gets the
// account of its e-mail address, or a new one, when the provider has verified the
// address (ErrUnverified).
//
// Nobody has verified the address of an account that was made with a password:
// somebody else may have registered it to wait for its owner. So when a provider
// first names the owner, that password and the sessions it began end. The owner
// may set one anew.
func (a *Accounts) Enter(ctx context.Context, i Identity) (Session, error) {
	if i.Issuer == "" || i.Subject == "" {
		return Session{}, fmt.Errorf("an identity without issuer or subject: %w", apperror.ErrUnauthorized)
	}
	var session Session
	enter := func(tx pgx.Tx) error {
		user, err := a.userOf(ctx, tx, i)
		if err != nil {
			return err
		}
		session, err = open(ctx, tx, user, i.Authenticated)
		return err
	}
	err := db.InTx(ctx, a.Pool, enter)
	if db.Conflict(err) { // two first log-ins at the same moment: the second finds what the first made
		err = db.InTx(ctx, a.Pool, enter)
	}
	return session, err
}

func (a *Accounts) userOf(ctx context.Context, tx pgx.Tx, i Identity) (User, error) {
	q := backenddb.New(tx)
	row, err := q.UserByIdentity(ctx, i.Issuer, i.Subject)
	if err == nil {
		return userOf(row), nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return User{}, err
	}
	if !i.Verified {
		return User{}, ErrUnverified
	}
	email, err := plainAddress(i.Email)
	if err != nil {
		return User{}, ErrUnverified
	}
	row, err = q.UserByEmailForUpdate(ctx, email)
	var user User
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		name := []rune(i.Name)
		plain, _ := plainName(string(name[:min(len(name), 100)]))
		if user, err = a.create(ctx, tx, email, plain, nil); err != nil {
			return User{}, err
		}
	case err != nil:
		return User{}, err
	default:
		if user, err = a.takeOver(ctx, q, row); err != nil {
			return User{}, err
		}
	}
	return user, q.InsertIdentity(ctx, backenddb.InsertIdentityParams{Issuer: i.Issuer, Subject: i.Subject, UserID: user.ID, CreatedAt: now()})
}

// takeOver ends the ways in of whoever had the account before its address was first verified.
func (a *Accounts) takeOver(ctx context.Context, q *backenddb.Queries, row backenddb.User) (User, error) {
	user := userOf(row)
	verified, err := q.HasIdentity(ctx, row.ID)
	if err != nil || verified || !user.HasPassword {
		return user, err
	}
	user.HasPassword, user.UpdatedAt = false, now()
	if err := q.SetPassword(ctx, nil, user.UpdatedAt, user.ID); err != nil {
		return User{}, err
	}
	return user, q.EndSessions(ctx, user.ID, uuid.Nil)
}
