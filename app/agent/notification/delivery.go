package notification

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/notificationdb"
)

// Channel is a way out of the application.
type Channel interface {
	// Send brings notes to a user, all in one message, which id names whenever the same
	// notes are attempted. ErrPermanent: it will never arrive, so it is not attempted
	// again. gone are the browsers that want no messages any more, whether or not the
	// message arrived by others.
	Send(ctx context.Context, id uuid.UUID, to event.PreferencesChanged, notes []Note) (gone []event.PushSubscription, err error)
}

// Note is what a message says.
type Note struct{ Title, Text string }

// ErrPermanent is a failure that no further attempt will mend.
var ErrPermanent = errors.New("cannot be delivered")

// How delivery goes about it.
const (
	poll = time.Second
	// batch is of how many users and channels what is due is taken at once.
	batch = 50
	// together is how many messages are sent at once by a replica.
	together = 4
	// lease is how long an alert is that process's which takes it to deliver it:
	// should it die, another delivers it, at worst a second time.
	lease       = 2 * time.Minute
	sendTimeout = 20 * time.Second
	// dailyMails is how many e-mails a user gets on a day of theirs at most. What is
	// more goes in the next morning's.
	dailyMails = 20
	// mailsKept is how long the count of a day's e-mails is kept.
	mailsKept = 7 * 24 * time.Hour
)

// pauses are how long after each failed attempt the next one comes.
var pauses = []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour}

// Deliver brings alerts out by their channels when they are due, until ctx
// ends. Replicas share the work.
func (a *Agent) Deliver(ctx context.Context, log *slog.Logger) {
	if len(a.Offers) == 0 {
		return
	}
	for {
		taken, err := a.deliverDue(ctx, log)
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "alerts wait", "error", err)
		}
		if taken >= batch && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(poll):
		}
	}
}

// parcel is what goes to one user by one channel at once.
type parcel struct {
	user    uuid.UUID
	channel string
	alerts  []notificationdb.Alert
}

// id names the message, the same whenever the same alerts go out: a server or reader
// that gets one twice, because an answer was lost, can tell.
func (p parcel) id() uuid.UUID {
	sorted := ids(p.alerts)
	slices.SortFunc(sorted, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	var all []byte
	for _, id := range sorted {
		all = append(all, id[:]...)
	}
	return uuid.NewSHA1(p.user, all)
}

// deliverDue delivers what is due and returns how many alerts that were. What the
// lease is too short for is returned without an attempt.
func (a *Agent) deliverDue(ctx context.Context, log *slog.Logger) (int, error) {
	began, now := time.Now(), a.now()
	due, err := notificationdb.New(a.Pool).TakeDue(ctx, now.Add(lease), now, batch)
	if err != nil {
		return 0, err
	}
	var mu sync.Mutex
	var errs []error
	var unattempted []uuid.UUID
	var group errgroup.Group
	group.SetLimit(together)
	for _, p := range parcels(due) {
		group.Go(func() error {
			if time.Since(began) > lease-2*sendTimeout || ctx.Err() != nil {
				mu.Lock()
				defer mu.Unlock()
				for _, alert := range p.alerts {
					unattempted = append(unattempted, alert.ID)
				}
				return nil
			}
			if err := a.deliver(ctx, p, log); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
			return nil
		})
	}
	_ = group.Wait()
	if len(unattempted) > 0 {
		errs = append(errs, notificationdb.New(a.Pool).ReturnAlerts(context.WithoutCancel(ctx), &now, unattempted))
	}
	return len(due), errors.Join(errs...)
}

// parcels puts all e-mail of a user together, whatever it is about: one message
// for one cause, though several agents find something in it. Push messages, which
// are short, go alone.
func parcels(alerts []notificationdb.Alert) []parcel {
	var all []parcel
	letters := map[uuid.UUID]int{}
	for _, alert := range alerts {
		if i, ok := letters[alert.UserID]; ok && alert.Channel == email {
			all[i].alerts = append(all[i].alerts, alert)
			continue
		}
		if alert.Channel == email {
			letters[alert.UserID] = len(all)
		}
		all = append(all, parcel{alert.UserID, alert.Channel, []notificationdb.Alert{alert}})
	}
	for _, p := range all {
		slices.SortFunc(p.alerts, func(a, b notificationdb.Alert) int { return a.CreatedAt.Compare(b.CreatedAt) })
	}
	return all
}

// deliver attempts to send a parcel, and settles its alerts.
func (a *Agent) deliver(ctx context.Context, p parcel, log *slog.Logger) error {
	wants, later, err := a.admit(ctx, p)
	if err != nil {
		return err
	}
	if later != nil {
		log.WarnContext(about(ctx, p.alerts[0]), "a user's e-mails of a day are sent: the others wait", "user_id", p.user, "alerts", len(p.alerts), "until", *later)
		return notificationdb.New(a.Pool).ReturnAlerts(ctx, later, ids(p.alerts))
	}
	gone, sent := a.send(ctx, p, wants)
	if sent != nil {
		log.WarnContext(about(ctx, p.alerts[0]), "an alert is not delivered", "channel", p.channel, "user_id", p.user, "alerts", len(p.alerts), "error", sent)
	}
	// Whatever ends ctx meanwhile: what was sent must be known to be sent.
	ctx = context.WithoutCancel(ctx)
	return db.InTx(ctx, a.Pool, func(tx pgx.Tx) error {
		q := notificationdb.New(tx)
		for _, browser := range gone {
			if err := q.BrowserGone(ctx, p.user, fingerprint(browser), a.now()); err != nil {
				return err
			}
		}
		if sent != nil && p.channel == email {
			if err := q.UncountMail(ctx, p.user, wants.today(a.now())); err != nil {
				return err
			}
		}
		for _, alert := range p.alerts {
			if err := a.settle(ctx, tx, wants, alert, sent); err != nil {
				return err
			}
		}
		return nil
	})
}

// admit reads how the user wants to be notified and counts an e-mail on their day.
// later is when a parcel goes that exceeds the day's cap; nil: now.
func (a *Agent) admit(ctx context.Context, p parcel) (wants preferences, later *time.Time, err error) {
	err = db.InTx(ctx, a.Pool, func(tx pgx.Tx) (err error) {
		q := notificationdb.New(tx)
		if wants, err = preferencesOf(ctx, tx, p.user); err != nil {
			return err
		}
		if p.channel != email {
			return nil
		}
		now := a.now()
		if err := q.ForgetOldMails(ctx, now.Add(-mailsKept)); err != nil {
			return err
		}
		counted, err := q.CountMail(ctx, p.user, wants.today(now), dailyMails)
		if err == nil && counted == 0 {
			next := wants.tomorrow(now)
			later = &next
		}
		return err
	})
	return wants, later, err
}

// send hands a parcel to its channel, if the user still wants it.
func (a *Agent) send(ctx context.Context, p parcel, wants preferences) (gone []event.PushSubscription, err error) {
	channel, offered := a.Offers[p.channel]
	switch {
	case !offered:
		return nil, fmt.Errorf("the channel is not offered any more: %w", ErrPermanent)
	case !slices.Contains(wants.Channels, p.channel):
		return nil, fmt.Errorf("the user has switched the channel off: %w", ErrPermanent)
	case p.channel == email && !wants.EmailConfirmed:
		return nil, fmt.Errorf("the address is not confirmed: %w", ErrPermanent)
	}
	notes := make([]Note, len(p.alerts))
	for i, alert := range p.alerts {
		notes[i] = Note{alert.Title, alert.Message}
	}
	limited, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	traced := make([]context.Context, len(p.alerts))
	for i, alert := range p.alerts {
		traced[i] = about(limited, alert)
	}
	limited, end := tracing.Each(traced, "deliver "+p.channel, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("companion.message_id", p.id().String())))
	gone, err = channel.Send(limited, p.id(), wants.PreferencesChanged, notes)
	end(err)
	return gone, err
}

// settle notes how an attempt went, and tells the audit when it was the last. The
// next is not in quiet hours.
func (a *Agent) settle(ctx context.Context, tx pgx.Tx, wants preferences, alert notificationdb.Alert, sent error) error {
	at := a.now()
	outcome := notificationdb.SettleParams{ID: alert.ID, Status: delivered, DeliveredAt: &at, Attempts: alert.Tries + 1}
	if sent != nil {
		outcome.Status, outcome.DeliveredAt, outcome.LastError = failed, nil, sent.Error()
		if attempts := int(outcome.Attempts); !errors.Is(sent, ErrPermanent) && attempts <= len(pauses) {
			next := wants.awake(at.Add(pauses[attempts-1]))
			outcome.Status, outcome.DueAt = pending, &next
		}
	}
	if err := notificationdb.New(tx).Settle(ctx, outcome); err != nil || outcome.Status == pending {
		return err
	}
	return publish(about(ctx, alert), tx, event.AlertSent{
		AlertID: alert.ID, UserID: alert.UserID, Channel: alert.Channel, SourceEvent: alert.SourceEvent, SourceEventID: alert.SourceEventID,
		DeliveredAt: at, Status: outcome.Status, Title: alert.Title, Message: alert.Message,
	})
}

func ids(alerts []notificationdb.Alert) []uuid.UUID {
	found := make([]uuid.UUID, len(alerts))
	for i, alert := range alerts {
		found[i] = alert.ID
	}
	return found
}

// about gives ctx the trace context of what an alert is about.
func about(ctx context.Context, alert notificationdb.Alert) context.Context {
	if alert.CorrelationID == nil {
		return ctx
	}
	return tracing.Continue(ctx, alert.CorrelationID.String(), alert.Traceparent)
}
