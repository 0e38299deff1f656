package account

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// How long accounts are kept whose address nobody has confirmed. Nobody can log in to
// one: it is open as long as its first session is, sessionLife at most, or until its
// owner follows a mailed link.
const (
	// emptyLife is that of an account with nothing in it, after it was last used.
	emptyLife = 7 * 24 * time.Hour
	// unconfirmedLife is that of one with something in it, after it was made.
	unconfirmedLife = 2 * sessionLife
	// unconfirmedEvery is how often they are looked for, and unconfirmedPage how many are
	// looked up together.
	unconfirmedEvery = time.Hour
	unconfirmedPage  = 500
)

// RunUnconfirmed closes old accounts whose address nobody has confirmed, until ctx
// ends. RunErasure removes what is kept of them.
func (a *Accounts) RunUnconfirmed(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(unconfirmedEvery/2 + rand.N(unconfirmedEvery)): // replicas are not started together for this
		}
		closed, err := a.CloseUnconfirmed(ctx, db.Now())
		if err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "unconfirmed accounts are not closed yet", "error", err)
		}
		if closed > 0 {
			a.Log.InfoContext(ctx, "accounts are closed whose address nobody has confirmed", "accounts", closed)
		}
	}
}

// CloseUnconfirmed closes the accounts whose address nobody has confirmed and whose
// time is over at a moment, and returns how many it has closed. That one fails does not
// keep the others. Where no e-mail is sent there are none: an account holds its address
// from the beginning.
func (a *Accounts) CloseUnconfirmed(ctx context.Context, now time.Time) (closed int, err error) {
	var failed []error
	for page := (backenddb.UnconfirmedAccountsParams{Before: now.Add(-emptyLife), Most: unconfirmedPage}); ; {
		accounts, err := backenddb.New(a.Pool).UnconfirmedAccounts(ctx, page)
		if err != nil {
			return closed, errors.Join(append(failed, err)...)
		}
		for _, one := range accounts {
			is, err := a.closeUnconfirmed(ctx, one.ID, now)
			if err != nil {
				failed = append(failed, fmt.Errorf("account %s: %w", one.ID, err))
			}
			if is {
				closed++
			}
			if ctx.Err() != nil {
				return closed, ctx.Err()
			}
			page.After, page.AfterID = one.CreatedAt, one.ID
		}
		if len(accounts) < unconfirmedPage {
			return closed, errors.Join(failed...)
		}
	}
}

// closeUnconfirmed closes an account if its time is over, and reports whether it was.
func (a *Accounts) closeUnconfirmed(ctx context.Context, user uuid.UUID, now time.Time) (closed bool, err error) {
	err = again(ctx, func() error {
		closed = false
		return db.AsUser(ctx, a.Pool, user, func(tx pgx.Tx) error {
			row, err := backenddb.New(tx).UnconfirmedForUpdate(ctx, user)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil // confirmed meanwhile, or closed by somebody else
			}
			if err != nil {
				return err
			}
			if closed, err = over(ctx, backenddb.New(tx), row, now); err != nil || !closed {
				return err
			}
			return a.shut(ctx, tx, user, now)
		})
	})
	return closed && err == nil, err
}

// over reports whether the time of an account that nobody has confirmed is over.
func over(ctx context.Context, q *backenddb.Queries, user backenddb.User, now time.Time) (bool, error) {
	if has, err := q.HasIdentity(ctx, user.ID); err != nil || has {
		return false, err
	}
	if user.CreatedAt.Before(now.Add(-unconfirmedLife)) {
		has, err := q.HasSession(ctx, user.ID, now)
		return !has, err
	}
	// Each use puts the end of the session off, which began with the account.
	used := now.Add(idleLife - emptyLife)
	if last := user.CreatedAt.Add(sessionLife - time.Minute); last.Before(used) {
		used = last
	}
	if recently, err := q.HasSession(ctx, user.ID, used); err != nil || recently {
		return false, err
	}
	has, err := q.HasBelongings(ctx, user.ID)
	return !has, err
}
