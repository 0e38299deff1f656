package account

import (
	"context"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"github.com/wealth-companion/companion/app/core/apperror"
)

// Passwords are long rather than odd; more than maxPassword nobody types.
const (
	minPassword = 10
	maxPassword = 200
)

// cost is of a hash: OWASP's second choice of parameters, 19 MiB twice over in
// one lane, which takes about 30 ms. More memory would mean fewer hashes at once
// in a pod of 256 MiB; one lane, for a pod has one or two cores.
var cost = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// A storm of logins may neither exhaust the memory nor wait for ever.
var (
	// atOnce hashes take 38 MiB, and twice as much again until it is collected: a
	// process that was asked for 200 of them at once grew to 128 MiB.
	atOnce = make(chan struct{}, 2)
	// patience is how long one waits for its turn.
	patience = 5 * time.Second
)

// turn runs fn when it is its turn to hash; ErrBusy when that takes too long.
func turn[T any](ctx context.Context, fn func() (T, error)) (T, error) {
	var none T
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case atOnce <- struct{}{}:
		defer func() { <-atOnce }()
		return fn()
	case <-limited.Done():
		if ctx.Err() != nil {
			return none, ctx.Err()
		}
		return none, fmt.Errorf("many log in at the moment: %w", apperror.ErrBusy)
	}
}

// hash checks a new password and hashes it. field is what to name when it is refused.
func hash(ctx context.Context, field, password string) (string, error) {
	if length := utf8.RuneCountInString(password); length < minPassword || length > maxPassword {
		return "", apperror.Invalid{Field: field, Reason: fmt.Sprintf("must have %d to %d characters", minPassword, maxPassword)}
	}
	return turn(ctx, func() (string, error) { return argon2id.CreateHash(password, cost) })
}

// nobody's hash is compared with where there is none, so that the time of an
// answer does not tell which addresses are known, or have a password.
var nobody = sync.OnceValues(func() (string, error) { return argon2id.CreateHash("nobody's password", cost) })

// matches tells whether the password is the one of the hash, nil: of nobody.
func matches(ctx context.Context, password string, hash *string) (bool, error) {
	if utf8.RuneCountInString(password) > maxPassword {
		return false, nil
	}
	return turn(ctx, func() (bool, error) {
		if hash != nil {
			return argon2id.ComparePasswordAndHash(password, *hash)
		}
		other, err := nobody()
		if err != nil {
			return false, err
		}
		_, err = argon2id.ComparePasswordAndHash(password, other)
		return false, err
	})
}
