package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/name"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Identity is what an OpenID provider says of who logged in there. A person is
// known by issuer and subject, and by nothing else: an e-mail address may be given
// to another person.
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

// longestSubject is how many bytes a provider's name of a person has at most (OpenID
// Connect Core, 2).
const longestSubject = 255

// Why an identity does not get in.
var (
	// ErrUnverified: the provider does not vouch for the e-mail address.
	ErrUnverified = errors.New("your identity provider has not verified your e-mail address: verify it there, then log in again")
	// ErrLink: there is an account with the address, which is not linked to the identity.
	ErrLink = errors.New("there is an account with your e-mail address, which is not linked to this identity: give its password to link them (/auth/oidc/confirm), or log in and link there (/auth/oidc/link)")
)

// Enter begins a session of whoever the identity is of. An unknown one gets a new
// account, when the provider has verified its e-mail address (ErrUnverified) and no
// account holds it (ErrLink: that one is not entered without a proof).
func (a *Accounts) Enter(ctx context.Context, i Identity) (Session, error) {
	if i.Issuer == "" || i.Subject == "" || len(i.Subject) > longestSubject || strings.ContainsRune(i.Subject, 0) {
		return Session{}, apperror.Say(apperror.ErrUnauthorized, "the identity provider did not say who you are: log in again")
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

// known returns whose an identity is; ErrNoRows: nobody's.
func known(ctx context.Context, tx pgx.Tx, i Identity) (backenddb.User, error) {
	if err := errors.Join(db.Show(ctx, tx, db.Issuer, i.Issuer), db.Show(ctx, tx, db.Subject, i.Subject)); err != nil {
		return backenddb.User{}, err
	}
	return backenddb.New(tx).UserByIdentity(ctx, i.Issuer, i.Subject)
}

func (a *Accounts) userOf(ctx context.Context, tx pgx.Tx, i Identity) (User, error) {
	row, err := known(ctx, tx, i)
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
	if _, err = backenddb.New(tx).HolderOf(ctx, email); err == nil {
		return User{}, ErrLink
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return User{}, err
	}
	user, err := a.create(ctx, tx, newcomer{email: email, name: name.Plain(i.Name, longestName), holds: true, confirmed: true})
	if err != nil {
		return User{}, err
	}
	return user, insertIdentity(ctx, tx, i, user.ID)
}

func insertIdentity(ctx context.Context, tx pgx.Tx, i Identity, user uuid.UUID) error {
	return backenddb.New(tx).InsertIdentity(ctx, backenddb.InsertIdentityParams{Issuer: i.Issuer, Subject: i.Subject, UserID: user, CreatedAt: db.Now()})
}

// MayLink checks that it is the caller who asks for another way into their account.
func (a *Accounts) MayLink(ctx context.Context, c Caller, password string) error {
	row, err := backenddb.New(a.Pool).UserByID(ctx, c.User)
	if err != nil {
		return gone(err)
	}
	return prove(ctx, row, c, "password", password)
}

// Link makes an identity one of the user's, who is logged in, and begins a session.
// ErrConflict: it is another's.
func (a *Accounts) Link(ctx context.Context, user uuid.UUID, i Identity) (Session, error) {
	var session Session
	err := db.AsUser(ctx, a.Pool, user, func(tx pgx.Tx) error {
		row, err := backenddb.New(tx).UserForUpdate(ctx, user)
		if err != nil {
			return gone(err)
		}
		if err := link(ctx, tx, i, row); err != nil {
			return err
		}
		session, err = open(ctx, tx, userOf(row), i.Authenticated)
		return err
	})
	return session, err
}

// link makes an identity the user's, for whom tx acts; it may be theirs already.
func link(ctx context.Context, tx pgx.Tx, i Identity, user backenddb.User) error {
	owner, err := known(ctx, tx, i)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		err = insertIdentity(ctx, tx, i, user.ID)
	case err == nil && owner.ID != user.ID:
		err = errLinked
	}
	if db.Conflict(err) {
		err = errLinked
	}
	return err
}

var errLinked = apperror.Say(apperror.ErrConflict, "this identity is linked with another account: log in with it, or link another identity")

// LinkWithPassword links an identity with the account that holds its verified
// address, upon the account's password, and begins a session: ErrUnauthorized,
// TooOften. Nobody has confirmed the address of an account that was made with a
// password alone, so its owner may be kept out by it: takeOver gives it to the
// identity without the password, which ends all that let others in.
func (a *Accounts) LinkWithPassword(ctx context.Context, i Identity, password string, takeOver bool, c Client) (Session, error) {
	email, err := plainAddress(i.Email)
	if err != nil || !i.Verified {
		return Session{}, ErrUnverified
	}
	if takeOver {
		return a.takeOver(ctx, i, email)
	}
	row, attempt, err := a.authenticate(ctx, email, password, c)
	if err != nil {
		return Session{}, err
	}
	var session Session
	if err := db.AsUser(ctx, a.Pool, row.ID, func(tx pgx.Tx) error {
		q := backenddb.New(tx)
		if err := unchanged(ctx, q.UserForUpdate, row); err != nil {
			return err
		}
		if err := link(ctx, tx, i, row); err != nil {
			return err
		}
		if row.EmailConfirmedAt == nil { // the provider vouches for the address, the password for the person
			at := db.Now()
			if err := errors.Join(q.ConfirmAddress(ctx, at, row.ID), a.Publisher.Changed(ctx, tx, row.ID)); err != nil {
				return err
			}
			row.EmailConfirmedAt = &at
		}
		session, err = open(ctx, tx, userOf(row), i.Authenticated)
		return err
	}); err != nil {
		return Session{}, err
	}
	return session, attempt.succeeded(ctx)
}

func (a *Accounts) takeOver(ctx context.Context, i Identity, email string) (Session, error) {
	var session Session
	err := db.InTx(ctx, a.Pool, func(tx pgx.Tx) error {
		q := backenddb.New(tx)
		row, err := q.HolderForUpdate(ctx, email)
		if errors.Is(err, pgx.ErrNoRows) {
			return apperror.Say(apperror.ErrNotFound, "there is no account with this address")
		}
		if err != nil {
			return err
		}
		if row.EmailConfirmedAt != nil {
			return apperror.Say(apperror.ErrUnauthorized, "the owner of this account has confirmed its address: give its password to link them")
		}
		if err := db.Act(ctx, tx, row.ID); err != nil {
			return err
		}
		if err := a.confirmFirst(ctx, tx, row); err != nil {
			return err
		}
		if err := link(ctx, tx, i, row); err != nil {
			return err
		}
		if row, err = q.UserByID(ctx, row.ID); err != nil {
			return err
		}
		session, err = open(ctx, tx, userOf(row), i.Authenticated)
		return err
	})
	return session, a.HaveEnded(ctx, err)
}
