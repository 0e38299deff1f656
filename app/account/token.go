package account

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/fault"
)

// tokenLife is how long a login lasts.
const tokenLife = 12 * time.Hour

const issuer = "wealth-companion"

// Tokens signs and checks access tokens (JWT, HS256).
type Tokens struct{ Key []byte }

// Issue returns a token for the user, and when it ends.
func (t Tokens) Issue(user uuid.UUID, now time.Time) (string, time.Time, error) {
	ends := now.UTC().Add(tokenLife).Truncate(time.Second)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject: user.String(), Issuer: issuer, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(ends),
	}).SignedString(t.Key)
	return token, ends, err
}

// User returns whose token this is, or ErrUnauthorized.
func (t Tokens) User(token string) (uuid.UUID, error) {
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return t.Key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(issuer), jwt.WithExpirationRequired())
	if err != nil {
		return uuid.Nil, fmt.Errorf("the access token is not valid or no longer: %w", fault.ErrUnauthorized)
	}
	user, err := uuid.Parse(claims.Subject)
	if err != nil {
		return uuid.Nil, fmt.Errorf("the access token names nobody: %w", fault.ErrUnauthorized)
	}
	return user, nil
}
