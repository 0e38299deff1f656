package account

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// What a mailed secret is for, and what mail is asked for.
const (
	confirmAddress = "confirm_address"
	resetPassword  = "reset_password"
)

// How long mailed secrets are good for.
const (
	confirmLife = 24 * time.Hour
	resetLife   = time.Hour
)

// The pages that mailed links lead to. The secret is the fragment of a link, which
// browsers send to nobody, so that it is in no log of requests.
const (
	ConfirmPath = "/api/v1/auth/email/confirm"
	ResetPath   = "/api/v1/auth/password/reset"
)

// How many e-mails about accounts go to one address, whoever asks for them. What is
// beyond is not sent: those that were are still good.
var mailWindows = []window{{"hour", 3, time.Hour}, {"day", 6, 24 * time.Hour}}

// requestMail has mail looked into once tx is committed. user is nil where only an
// address was named.
func (a *Accounts) requestMail(ctx context.Context, tx pgx.Tx, user *uuid.UUID, email, kind string) error {
	if !a.Mails || strings.HasSuffix(email, ".invalid") { // which is nobody's (RFC 2606)
		return nil
	}
	db.AfterCommit(tx, a.wakeMail)
	return backenddb.New(tx).InsertMailRequest(ctx, backenddb.InsertMailRequestParams{
		ID: tracing.NewID(), UserID: user, Email: email, Kind: kind, RequestedAt: db.Now(),
	})
}

func (a *Accounts) wakeMail() {
	select {
	case a.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// ErrNoMail: this installation sends no e-mail.
var ErrNoMail = apperror.Say(apperror.ErrNotFound, "this installation sends no e-mail, so addresses cannot be confirmed nor passwords set anew by it")

// RequestConfirmation mails the caller another link to confirm their address.
func (a *Accounts) RequestConfirmation(ctx context.Context, user uuid.UUID) error {
	if !a.Mails {
		return ErrNoMail
	}
	return db.AsUser(ctx, a.Pool, user, func(tx pgx.Tx) error {
		row, err := backenddb.New(tx).UserByID(ctx, user)
		if err != nil {
			return gone(err)
		}
		if row.EmailConfirmedAt != nil {
			return nil
		}
		return a.requestMail(ctx, tx, &user, row.Email, confirmAddress)
	})
}

// RequestReset mails the owner of an address a link that sets another password. It
// says nothing of whether there is an account.
func (a *Accounts) RequestReset(ctx context.Context, email string) error {
	if !a.Mails {
		return ErrNoMail
	}
	email, err := plainAddress(email)
	if err != nil {
		return err
	}
	return db.InTx(ctx, a.Pool, func(tx pgx.Tx) error { return a.requestMail(ctx, tx, nil, email, resetPassword) })
}

var errOneTime = apperror.Say(apperror.ErrUnauthorized, "this link has been used, or its time is over: ask for another")

// oneTime is a mailed secret: it names its user, so that it is looked for among
// that user's only.
func newOneTime(user uuid.UUID) string { return hex.EncodeToString(user[:]) + "." + rand.Text() }

func userOfOneTime(token string) (uuid.UUID, error) {
	name, _, _ := strings.Cut(token, ".")
	user, err := uuid.Parse(name)
	if err != nil {
		return uuid.Nil, errOneTime
	}
	return user, nil
}

// spend uses a mailed secret up, and returns its user, whose row is locked. Of a user
// who is not there as much is asked as of one who is.
func spend(ctx context.Context, tx pgx.Tx, user uuid.UUID, token, purpose string) (backenddb.User, error) {
	q := backenddb.New(tx)
	row, err := q.UserForUpdate(ctx, user)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return row, err
	}
	spent, err := q.SpendOneTimeToken(ctx, backenddb.SpendOneTimeTokenParams{Hash: sum(token), UserID: user, Purpose: purpose, Now: db.Now()})
	if err == nil && (spent == 0 || row.ID == uuid.Nil) {
		err = errOneTime
	}
	return row, err
}

// ConfirmAddress takes the secret that was mailed to an address: it is the
// account's from now on. ErrConflict: another account has it by now.
func (a *Accounts) ConfirmAddress(ctx context.Context, token string) error {
	user, err := userOfOneTime(token)
	if err != nil {
		return err
	}
	err = db.AsUser(ctx, a.Pool, user, func(tx pgx.Tx) error {
		row, err := spend(ctx, tx, user, token, confirmAddress)
		if err != nil || row.EmailConfirmedAt != nil {
			return err
		}
		if err := backenddb.New(tx).ConfirmAddress(ctx, db.Now(), user); err != nil {
			return err
		}
		return a.Publisher.Changed(ctx, tx, user)
	})
	return addressTaken(err)
}

func addressTaken(err error) error {
	if db.Conflict(err) {
		return apperror.Say(apperror.ErrConflict, "another account has this e-mail address by now: log in to that one")
	}
	return err
}

// ResetPassword takes the secret that was mailed to an address and sets another
// password, which ends all sessions, and begins one. It confirms the address.
func (a *Accounts) ResetPassword(ctx context.Context, token, replacement string) (Session, error) {
	user, err := userOfOneTime(token)
	if err != nil {
		return Session{}, err
	}
	hashed, err := hash(ctx, "newPassword", replacement)
	if err != nil {
		return Session{}, err
	}
	var session Session
	err = db.AsUser(ctx, a.Pool, user, func(tx pgx.Tx) error {
		row, err := spend(ctx, tx, user, token, resetPassword)
		if err != nil {
			return err
		}
		q := backenddb.New(tx)
		if err := a.confirmFirst(ctx, tx, row); err != nil {
			return err
		}
		if err := q.SetPassword(ctx, &hashed, db.Now(), user); err != nil {
			return err
		}
		if err := errors.Join(q.EndSessions(ctx, user, uuid.Nil), q.DropOneTimeTokens(ctx, user)); err != nil {
			return err
		}
		if row, err = q.UserByID(ctx, user); err != nil {
			return err
		}
		session, err = open(ctx, tx, userOf(row), db.Now())
		return err
	})
	return session, a.HaveEnded(ctx, addressTaken(err))
}

// confirmFirst notes that whoever acts has proved that the account's address is theirs.
// Before that, somebody else may have made the account to wait for its owner: so the
// first proof ends every other way in, and every way by which news of it go out. tx
// acts for the user.
func (a *Accounts) confirmFirst(ctx context.Context, tx pgx.Tx, row backenddb.User) error {
	if row.EmailConfirmedAt != nil {
		return nil
	}
	q := backenddb.New(tx)
	if err := q.ConfirmAddress(ctx, db.Now(), row.ID); err != nil {
		return err
	}
	for _, end := range []func() error{
		func() error { return q.SetPassword(ctx, nil, db.Now(), row.ID) },
		func() error { return q.EndSessions(ctx, row.ID, uuid.Nil) },
		func() error { return q.DropIdentities(ctx, row.ID) },
		func() error { return q.DropPushSubscriptions(ctx, row.ID) },
		func() error { return q.DropOneTimeTokens(ctx, row.ID) },
		func() error { return a.Publisher.Changed(ctx, tx, row.ID) },
	} {
		if err := end(); err != nil {
			return err
		}
	}
	return nil
}

// How mail that was asked for is looked into.
const (
	mailPoll  = time.Second
	mailBatch = 50
	// mailAttempts is how often a request is tried that fails for a reason of its own,
	// and mailPause how long it waits after the first time; then twice as long each time.
	mailAttempts = 5
	mailPause    = 10 * time.Second
)

// RunMail looks into mail that was asked for until ctx ends. Replicas share the work.
func (a *Accounts) RunMail(ctx context.Context) {
	tick := time.NewTicker(mailPoll)
	defer tick.Stop()
	for {
		if err := a.sendAll(ctx); err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "mail about accounts waits", "error", err, "next_attempt_in", mailPoll.String())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-a.wake:
		}
	}
}

// sendAll processes batches until a batch is not full. It stops at the first error,
// so that a database which fails every time is asked once in mailPoll.
func (a *Accounts) sendAll(ctx context.Context) error {
	for {
		if done, err := a.SendMail(ctx); err != nil || done < mailBatch {
			return err
		}
	}
}

// SendMail processes at most mailBatch requests for mail in one transaction and
// returns the number of requests processed: 0 with an error, for nothing is committed.
// A request that fails is tried again later, at most mailAttempts times in all, and
// does not keep the others.
func (a *Accounts) SendMail(ctx context.Context) (done int, err error) {
	err = db.InTx(ctx, a.Pool, func(tx pgx.Tx) error {
		if err := db.Across(ctx, tx, db.Mail); err != nil {
			return err
		}
		requests, err := backenddb.New(tx).TakeMailRequests(ctx, mailBatch)
		if err != nil {
			return err
		}
		for _, one := range requests {
			if err := a.process(ctx, tx, one); err != nil {
				return err
			}
		}
		done = len(requests)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return done, nil
}

// process sends what was asked for within a savepoint. What fails there for a reason of
// its own is postponed, or given up; the error is one that the others would meet too.
func (a *Accounts) process(ctx context.Context, tx pgx.Tx, request backenddb.MailRequest) error {
	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { return a.send(ctx, tx, request) })
	q := backenddb.New(tx)
	switch {
	case err == nil:
		return q.DropMailRequest(ctx, request.ID)
	case ctx.Err() != nil, db.Transient(err):
		return err
	case request.Attempts+1 >= mailAttempts:
		a.Log.ErrorContext(ctx, "mail about an account is given up", "request_id", request.ID, "kind", request.Kind, "attempts", mailAttempts, "error", err)
		return q.DropMailRequest(ctx, request.ID)
	default:
		pause := mailPause << request.Attempts
		a.Log.WarnContext(ctx, "mail about an account waits", "request_id", request.ID, "kind", request.Kind, "error", err, "next_attempt_in", pause.String())
		return q.PostponeMailRequest(ctx, pause.Seconds(), request.ID)
	}
}

// send sends what was asked for, or nothing.
func (a *Accounts) send(ctx context.Context, tx pgx.Tx, request backenddb.MailRequest) error {
	to, kind, err := decide(ctx, backenddb.New(tx), request)
	if err != nil || kind == "" {
		return err
	}
	for _, w := range mailWindows {
		row, err := backenddb.New(tx).CountAttempt(ctx, sum("mail|to|"+w.key+"|"+to.Email), w.span.Seconds())
		if err != nil {
			return err
		}
		if int(row.Count) > w.most {
			a.Log.InfoContext(ctx, "mail about an account is not sent: its address has had enough", "user_id", to.ID, "kind", kind)
			return nil
		}
	}
	return a.mail(ctx, tx, to, kind)
}

// decide returns whom a request concerns, and what they are sent; "": nothing.
func decide(ctx context.Context, q *backenddb.Queries, request backenddb.MailRequest) (to backenddb.User, kind string, err error) {
	holder, err := q.HolderOf(ctx, request.Email)
	held := err == nil
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return to, "", err
	}
	switch {
	case request.Kind == resetPassword && held:
		return holder, event.MailResetPassword, nil
	case request.Kind == resetPassword:
		// An account whose address was never confirmed, perhaps: the newest.
		if to, err = q.NewestClaimantOf(ctx, request.Email); errors.Is(err, pgx.ErrNoRows) {
			return to, "", nil
		}
		return to, event.MailResetPassword, err
	case request.UserID == nil:
		return to, "", nil
	case held && holder.ID != *request.UserID:
		return holder, event.MailAccountExists, nil
	}
	to, err = q.UserByID(ctx, *request.UserID)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && to.EmailConfirmedAt != nil {
		return to, "", nil
	}
	return to, event.MailConfirmAddress, err
}

// mail makes the secret of an e-mail, and asks for it to be sent.
func (a *Accounts) mail(ctx context.Context, tx pgx.Tx, to backenddb.User, kind string) error {
	purpose, life, path := resetPassword, resetLife, ResetPath
	if kind == event.MailConfirmAddress {
		purpose, life, path = confirmAddress, confirmLife, ConfirmPath
	}
	token, ends := newOneTime(to.ID), db.Now().Add(life)
	if err := db.Act(ctx, tx, to.ID); err != nil {
		return err
	}
	if err := backenddb.New(tx).InsertOneTimeToken(ctx, backenddb.InsertOneTimeTokenParams{
		Hash: sum(token), UserID: to.ID, Purpose: purpose, ExpiresAt: ends,
	}); err != nil {
		return err
	}
	e, err := event.New(ctx, a.Publisher.Service, event.TypeMailRequested, to.ID.String(), event.MailRequested{
		UserID: to.ID, Email: to.Email, Kind: kind, Link: a.Publisher.URL + path + "#" + token, ExpiresAt: ends,
	})
	if err != nil {
		return err
	}
	return outbox.Put(ctx, tx, e, to.ID.String())
}
