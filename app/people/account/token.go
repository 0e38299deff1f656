package account

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/apperror"
)

// tokenLife is how long an access token lasts. Nobody asks the database whether
// it still may: after a log-out or a deletion it goes on for as long as that.
const tokenLife = 15 * time.Minute

const issuer = "wealth-companion"

// Caller is who an access token is of.
type Caller struct {
	User    uuid.UUID
	Session uuid.UUID
	// Authenticated is when the user last proved who they are, UTC.
	Authenticated time.Time
}

// Tokens signs and checks access tokens (JWT, HS256).
type Tokens struct{ Key []byte }

type claims struct {
	jwt.RegisteredClaims
	Session       uuid.UUID        `json:"sid"`
	Authenticated *jwt.NumericDate `json:"auth_time"`
}

// Issue returns a token for the caller, and when it ends.
func (t Tokens) Issue(c Caller, now time.Time) (string, time.Time, error) {
	ends := now.UTC().Add(tokenLife).Truncate(time.Second)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject: c.User.String(), Issuer: issuer, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(ends),
		},
		Session: c.Session, Authenticated: jwt.NewNumericDate(c.Authenticated),
	}).SignedString(t.Key)
	return token, ends, err
}

// Caller returns whose token this is, or ErrUnauthorized.
func (t Tokens) Caller(token string) (Caller, error) {
	var its claims
	_, err := jwt.ParseWithClaims(token, &its, func(*jwt.Token) (any, error) { return t.Key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(issuer), jwt.WithExpirationRequired())
	if err != nil {
		return Caller{}, fmt.Errorf("the access token is not valid or no longer: %w", apperror.ErrUnauthorized)
	}
	user, err := uuid.Parse(its.Subject)
	if err != nil || its.Authenticated == nil {
		return Caller{}, fmt.Errorf("the access token names nobody: %w", apperror.ErrUnauthorized)
	}
	return Caller{User: user, Session: its.Session, Authenticated: its.Authenticated.UTC()}, nil
}
