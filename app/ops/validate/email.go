package validate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/admin"
)

// email has the user told by e-mail too, and waits until the mail server has taken one.
func (r *run) email(ctx context.Context, result *Result) error {
	if r.Email == "" {
		result.Email = "not tried: no address was given"
		return nil
	}
	if err := r.confirm(ctx); err != nil {
		return err
	}
	if _, err := r.api.Call(ctx, http.MethodPut, "/preferences", nil, map[string]any{
		"timezone": "UTC", "channels": []string{"in_app", "email"}, "digest": "off", "mutedTypes": []string{}, "phrasing": false,
	}, nil); err != nil {
		return err
	}
	// Preferences travel on another topic than insights: a message of theirs that
	// was taken before the transaction is sent cannot be overtaken.
	changed, err := r.watch.Await(ctx, "preferences.changed with the channel email", func(m admin.Message) bool {
		return isData(m, event.TypePreferencesChanged, func(d event.PreferencesChanged) bool {
			return d.UserID == r.user && len(d.Channels) == 2 && d.EmailConfirmed
		})
	})
	if err != nil {
		return hint(err, "backend", "its outbox")
	}
	if err := r.kafka.AwaitTaken(ctx, event.Notification, changed.Message); err != nil {
		return hint(err, event.Notification, "its sidecar")
	}
	began := time.Now()
	if _, err := r.spend(ctx, "shopping"); err != nil {
		return err
	}
	var status string
	sent, err := r.watch.Await(ctx, "user.alert.sent by e-mail", func(m admin.Message) bool {
		return isData(m, event.TypeAlertSent, func(d event.AlertSent) bool {
			status = d.Status
			return d.UserID == r.user && d.Channel == "email" && d.Status != "pending"
		})
	})
	if err != nil {
		return hint(err, event.Notification, "the mail server")
	}
	if status != "delivered" {
		return errors.New("the mail server did not take it: look at the log of notification")
	}
	result.Email = fmt.Sprintf("taken by the mail server %s after the request", sent.At.Sub(began).Round(time.Millisecond))
	return nil
}

// confirm follows the link that the user was mailed, as it is in the event that
// asked for the e-mail.
func (r *run) confirm(ctx context.Context) error {
	var letter event.MailRequested
	if _, err := r.watch.Await(ctx, "mail.requested to confirm the address", func(m admin.Message) bool {
		return isData(m, event.TypeMailRequested, func(d event.MailRequested) bool {
			letter = d
			return d.UserID == r.user && d.Kind == event.MailConfirmAddress
		})
	}); err != nil {
		return hint(err, "backend", "its outbox (is companion:mail configured?)")
	}
	_, secret, _ := strings.Cut(letter.Link, "#")
	_, err := r.api.Call(ctx, http.MethodPost, "/auth/email/confirm", nil, map[string]string{"token": secret}, nil)
	return err
}
