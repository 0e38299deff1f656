// Package account is who uses the application: registration, login and the
// tokens that say who is asking.
package account

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/bcrypt"

	"github.com/wealth-companion/companion/app/db"
	"github.com/wealth-companion/companion/app/fault"
	"github.com/wealth-companion/companion/app/trail"
)

// User is a person with an account.
type User struct {
	ID        uuid.UUID `json:"id"`
	Email     string    `json:"email"` // in small letters
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"` // UTC
}

// Registration is what somebody enters to get an account.
type Registration struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Name     string `json:"name,omitempty"`
}

// bcrypt takes no more; a longer password would be cut without a word.
const maxPassword = 72

// check returns the registration with its texts trimmed.
func (r Registration) check() (Registration, error) {
	r.Email = strings.ToLower(strings.TrimSpace(r.Email))
	r.Name = strings.TrimSpace(r.Name)
	address, err := mail.ParseAddress(r.Email)
	switch {
	case err != nil || address.Address != r.Email || len(r.Email) > 254:
		return r, fault.Invalid{Field: "email", Reason: "is not an e-mail address"}
	case utf8.RuneCountInString(r.Password) < 10:
		return r, fault.Invalid{Field: "password", Reason: "must have at least 10 characters"}
	case len(r.Password) > maxPassword:
		return r, fault.Invalid{Field: "password", Reason: "must have at most 72 bytes"}
	case utf8.RuneCountInString(r.Name) > 100:
		return r, fault.Invalid{Field: "name", Reason: "must have at most 100 characters"}
	}
	return r, nil
}

// Accounts keeps the users.
type Accounts struct {
	Pool *pgxpool.Pool
	// Begin makes what a new user starts with, in the transaction of the registration.
	Begin func(ctx context.Context, tx pgx.Tx, user uuid.UUID) error
}

// Register makes an account. ErrConflict: there is one of this address.
func (a *Accounts) Register(ctx context.Context, r Registration) (User, error) {
	r, err := r.check()
	if err != nil {
		return User{}, err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(r.Password), bcrypt.DefaultCost)
	if err != nil {
		return User{}, fmt.Errorf("hash the password: %w", err)
	}
	user := User{ID: trail.NewID(), Email: r.Email, Name: r.Name, CreatedAt: time.Now().UTC().Truncate(time.Microsecond)}
	err = db.InTx(ctx, a.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO users (id, email, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)",
			user.ID, user.Email, user.Name, string(hash), user.CreatedAt); err != nil {
			return err
		}
		return a.Begin(ctx, tx, user.ID)
	})
	if db.Conflict(err) {
		return User{}, fmt.Errorf("an account of this address %w", fault.ErrConflict)
	}
	return user, err
}

// nobody's hash is compared with when an address is unknown, so that the time
// of an answer does not tell which addresses are known.
var nobody, _ = bcrypt.GenerateFromPassword([]byte("nobody's password"), bcrypt.DefaultCost)

// Login returns the user of that address and password, or ErrUnauthorized.
func (a *Accounts) Login(ctx context.Context, email, password string) (User, error) {
	var user User
	hash := string(nobody)
	err := a.Pool.QueryRow(ctx, "SELECT id, email, name, created_at, password_hash FROM users WHERE email = $1",
		strings.ToLower(strings.TrimSpace(email))).Scan(&user.ID, &user.Email, &user.Name, &user.CreatedAt, &hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return User{}, err
	}
	known := err == nil
	if bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) != nil || !known {
		return User{}, fmt.Errorf("e-mail address or password: %w", fault.ErrUnauthorized)
	}
	user.CreatedAt = user.CreatedAt.UTC()
	return user, nil
}

// Find returns the user, or ErrUnauthorized when the account is gone.
func (a *Accounts) Find(ctx context.Context, id uuid.UUID) (User, error) {
	var user User
	err := a.Pool.QueryRow(ctx, "SELECT id, email, name, created_at FROM users WHERE id = $1", id).
		Scan(&user.ID, &user.Email, &user.Name, &user.CreatedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, fmt.Errorf("this account: %w", fault.ErrUnauthorized)
	}
	user.CreatedAt = user.CreatedAt.UTC()
	return user, err
}
