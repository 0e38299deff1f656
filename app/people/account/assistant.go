package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// assistants are let in by people. A key that everybody may know makes their hashes such
// as no text has that is hashed without it.
func assistants(admit func(context.Context, pgx.Tx, *Session) error) kind {
	return kind{admit: admit, hash: func(token string) []byte {
		mac := hmac.New(sha256.New, []byte("refresh tokens of assistants"))
		mac.Write([]byte(token))
		return mac.Sum(nil)
	}}
}

// OpenAssistant begins the session of an assistant that the user lets in. tx acts for the
// user from then on. authenticated is when they proved who they are.
func OpenAssistant(ctx context.Context, tx pgx.Tx, user uuid.UUID, authenticated time.Time) (Session, error) {
	return assistants(nil).open(ctx, tx, User{ID: user}, authenticated)
}

// RefreshAssistant is Refresh for an assistant. admit finds out which one the session is of,
// sets what it may do, and may refuse, before the token is spent; tx acts for the user.
func (a *Accounts) RefreshAssistant(ctx context.Context, token string, c Client, admit func(ctx context.Context, tx pgx.Tx, s *Session) error) (Session, error) {
	return a.refresh(ctx, token, c, assistants(admit))
}

// EndAssistant ends the session of an assistant's refresh token, spent or not, if admit has
// no objection. ErrNotFound: it is of none.
func (a *Accounts) EndAssistant(ctx context.Context, token string, admit func(ctx context.Context, tx pgx.Tx, session uuid.UUID) error) error {
	return a.HaveEnded(ctx, db.InTx(ctx, a.Pool, func(tx pgx.Tx) error {
		session, err := assistants(nil).actForSessionOf(ctx, tx, token)
		if err != nil {
			return err
		}
		if err := admit(ctx, tx, session); err != nil {
			return err
		}
		return backenddb.New(tx).EndSession(ctx, session)
	}))
}
