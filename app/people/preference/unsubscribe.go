package preference

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// UnsubscribePath is where all e-mail to a user is ended (RFC 8058).
const UnsubscribePath = "/api/v1/unsubscribe"

// unsubscribeToken names a user, signed with a key of theirs: it stays good for as
// long as the account, and all that it can do is to end e-mail.
func unsubscribeToken(user, key uuid.UUID) string {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("unsubscribe "))
	mac.Write(user[:])
	return user.String() + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

var errUnsubscribe = apperror.Say(apperror.ErrNotFound, "this link is not one of ours, or its account has been deleted")

// CheckUnsubscribe tells whether a token is good; ErrNotFound when not.
func (s *Store) CheckUnsubscribe(ctx context.Context, token string) error {
	_, err := s.unsubscriber(ctx, token)
	return err
}

func (s *Store) unsubscriber(ctx context.Context, token string) (uuid.UUID, error) {
	name, _, _ := strings.Cut(token, ".")
	user, err := uuid.Parse(name)
	if err != nil {
		return uuid.Nil, errUnsubscribe
	}
	row, err := backenddb.New(s.Pool).UserByID(ctx, user)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, errUnsubscribe
	}
	if err != nil {
		return uuid.Nil, err
	}
	if !hmac.Equal([]byte(token), []byte(unsubscribeToken(user, row.UnsubscribeKey))) {
		return uuid.Nil, errUnsubscribe
	}
	return user, nil
}

// EndEmails takes e-mail from the channels of the user whom a token names;
// ErrNotFound: it names nobody. Done twice, it is done.
func (s *Store) EndEmails(ctx context.Context, token string) error {
	user, err := s.unsubscriber(ctx, token)
	if err != nil {
		return err
	}
	return db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		q := backenddb.New(tx)
		if _, err := q.PreferencesForUpdate(ctx, user); err != nil {
			return missing(err)
		}
		changed, err := q.EndEmails(ctx, db.Now(), user)
		if err != nil || changed == 0 {
			return err
		}
		_, err = s.Publisher.publish(ctx, tx, user)
		return err
	})
}
