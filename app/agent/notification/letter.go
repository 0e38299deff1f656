package notification

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/trace"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/store/db/notificationdb"
)

// Letters sends e-mails about accounts themselves: they go out at once, to
// addresses that need not be confirmed, whatever the user's preferences are.
type Letters interface {
	// SendLetter sends one, which id names in all attempts; ErrPermanent: no further
	// attempt will succeed.
	SendLetter(ctx context.Context, id uuid.UUID, letter event.MailRequested) error
}

// letterPause is how long after a failed attempt the next one is made, until the
// letter's link has expired.
const letterPause = time.Minute

// mailRequested keeps a letter until it is sent. Without e-mail there is nothing
// to do: the backend of such an installation asks for none.
func (a *Agent) mailRequested(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.MailRequested](e)
	if err != nil {
		return false, err
	}
	id, err := uuid.Parse(e.ID)
	if err != nil {
		return false, fmt.Errorf("the id of the event: %w", err)
	}
	return a.once(ctx, e, data.UserID, func(tx pgx.Tx) error {
		if a.Letters == nil {
			return nil
		}
		return notificationdb.New(tx).KeepLetter(ctx, notificationdb.KeepLetterParams{
			ID: id, UserID: data.UserID, Email: data.Email, Kind: data.Kind, Link: data.Link, ExpiresAt: data.ExpiresAt, DueAt: a.now(),
		})
	})
}

// DeliverLetters sends letters until ctx ends. Replicas share the work.
func (a *Agent) DeliverLetters(ctx context.Context, log *slog.Logger) {
	if a.Letters == nil {
		return
	}
	for {
		taken, err := a.deliverLetter(ctx, log)
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "letters wait", "error", err)
		}
		if taken && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(poll):
		}
	}
}

// deliverLetter attempts to send the letter that has been due for longest. taken
// is false when none is due. A letter that was sent is not kept: it holds a secret.
func (a *Agent) deliverLetter(ctx context.Context, log *slog.Logger) (taken bool, err error) {
	q, now := notificationdb.New(a.Pool), a.now()
	letter, err := q.TakeLetter(ctx, now.Add(lease), now)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !now.Before(letter.ExpiresAt) {
		log.ErrorContext(ctx, "a letter was not sent before its link expired", "user_id", letter.UserID, "kind", letter.Kind, "attempts", letter.Attempts)
		return true, q.DropLetter(ctx, letter.ID)
	}
	limited, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	limited, span := tracing.Start(limited, "deliver letter", trace.WithSpanKind(trace.SpanKindClient))
	sent := a.Letters.SendLetter(limited, letter.ID, event.MailRequested{
		UserID: letter.UserID, Email: letter.Email, Kind: letter.Kind, Link: letter.Link, ExpiresAt: letter.ExpiresAt.UTC(),
	})
	tracing.End(span, sent)
	settle := context.WithoutCancel(ctx)
	switch {
	case sent == nil:
		return true, q.DropLetter(settle, letter.ID)
	case errors.Is(sent, ErrPermanent):
		log.ErrorContext(ctx, "a letter cannot be sent", "user_id", letter.UserID, "kind", letter.Kind, "error", sent)
		return true, q.DropLetter(settle, letter.ID)
	}
	log.WarnContext(ctx, "a letter is not sent yet", "user_id", letter.UserID, "kind", letter.Kind, "error", sent, "next_attempt_in", letterPause.String())
	return true, q.PostponeLetter(settle, a.now().Add(letterPause), letter.ID)
}

// texts are what letters say, by kind. Nothing in them was written by whoever
// caused the letter, so that nobody can have this application write for them.
var texts = map[string]struct{ subject, text, action string }{
	event.MailConfirmAddress: {
		"Confirm your e-mail address",
		"An account of the Wealth Companion was made with this e-mail address. If you made it, confirm the address. If you did not, ignore this message: without the confirmation nothing else is sent to you.",
		"Confirm the address",
	},
	event.MailAccountExists: {
		"You already have an account",
		"Somebody has registered with this e-mail address, which has an account already. If it was you, log in, or set another password if you have forgotten it. If it was not you, there is nothing to do: your account is unchanged.",
		"Set another password",
	},
	event.MailResetPassword: {
		"Set another password",
		"Somebody asked to set another password for the account of this e-mail address. If it was you, go on within the hour. If it was not you, there is nothing to do: your password is unchanged.",
		"Set another password",
	},
}

// SendLetter sends a letter.
func (m *Mail) SendLetter(ctx context.Context, id uuid.UUID, letter event.MailRequested) error {
	its, known := texts[letter.Kind]
	if !known {
		return fmt.Errorf("a letter of the unknown kind %q: %w", letter.Kind, ErrPermanent)
	}
	asHTML, asText, err := letterBody.render(map[string]string{"Text": its.text, "Action": its.action, "Link": letter.Link})
	if err != nil {
		return err
	}
	return m.Server.send(ctx, outgoing{id: id.String(), to: letter.Email, subject: its.subject, text: asText, html: asHTML})
}

var letterBody = newBody(`<p>Hello,</p>
<p>{{.Text}}</p>
<p><a href="{{.Link}}">{{.Action}}</a></p>
<p><small>Wealth Companion. The link works once.</small></p>
`, `Hello,

{{.Text}}

{{.Action}}:
{{.Link}}

Wealth Companion. The link works once.
`)
