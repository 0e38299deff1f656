package notification

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/notificationdb"
)

// Channel is a way out of the application.
type Channel interface {
	// Send brings notes to a user, all in one message. ErrPermanent: it will
	// never arrive, so it is not tried again.
	Send(ctx context.Context, to event.PreferencesChanged, notes []Note) error
}

// Note is what a message says.
type Note struct{ Title, Text string }

// ErrPermanent is a failure that no further try will mend.
var ErrPermanent = errors.New("cannot be delivered")

// How delivery goes about it.
const (
	poll  = time.Second
	batch = 50
	// lease is how long an alert is somebody's who takes it to deliver it: should
	// they die, it is delivered by another, at worst a second time.
	lease       = 2 * time.Minute
	sendTimeout = 20 * time.Second
)

// pauses are how long after each failed try the next one comes.
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
		if taken == batch && err == nil {
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

// deliverDue delivers what is due and returns how many alerts that were.
func (a *Agent) deliverDue(ctx context.Context, log *slog.Logger) (int, error) {
	now := a.now()
	due, err := notificationdb.New(a.Pool).TakeDue(ctx, now.Add(lease), now, batch)
	if err != nil {
		return 0, err
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	do := func(p parcel) {
		if err := a.deliver(ctx, p, log); err != nil {
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
		}
	}
	var letters []parcel
	for _, p := range parcels(due) {
		if p.channel == email {
			letters = append(letters, p)
			continue
		}
		wait.Go(func() { do(p) })
	}
	// One e-mail after the other: Dapr's SMTP binding (1.16) keeps a request's
	// recipient where another at the same moment puts its own, and would send one
	// person's alert to another. What the lease is too short for is taken again.
	wait.Go(func() {
		for _, p := range letters {
			if a.now().After(now.Add(lease - sendTimeout)) {
				return
			}
			do(p)
		}
	})
	wait.Wait()
	return len(due), errors.Join(errs...)
}

// parcels puts the alerts of a digest together; every other goes alone.
func parcels(alerts []notificationdb.Alert) []parcel {
	var all []parcel
	digests := map[uuid.UUID]int{}
	for _, alert := range alerts {
		if i, ok := digests[alert.UserID]; ok && alert.Digest {
			all[i].alerts = append(all[i].alerts, alert)
			continue
		}
		if alert.Digest {
			digests[alert.UserID] = len(all)
		}
		all = append(all, parcel{alert.UserID, alert.Channel, []notificationdb.Alert{alert}})
	}
	return all
}

func (a *Agent) deliver(ctx context.Context, p parcel, log *slog.Logger) error {
	var wants preferences
	if err := db.InTx(ctx, a.Pool, func(tx pgx.Tx) (err error) {
		wants, err = preferencesOf(ctx, tx, p.user)
		return err
	}); err != nil {
		return err
	}
	notes := make([]Note, len(p.alerts))
	for i, alert := range p.alerts {
		notes[i] = Note{alert.Title, alert.Message}
	}
	limited, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	var sent error
	switch channel, offered := a.Offers[p.channel]; {
	case !offered:
		sent = fmt.Errorf("the channel is not offered any more: %w", ErrPermanent)
	case !slices.Contains(wants.Channels, p.channel):
		sent = fmt.Errorf("the user has switched the channel off: %w", ErrPermanent)
	default:
		sent = channel.Send(limited, wants.PreferencesChanged, notes)
	}
	if sent != nil {
		log.WarnContext(about(ctx, p.alerts[0]), "an alert is not delivered", "channel", p.channel, "user_id", p.user, "alerts", len(p.alerts), "error", sent)
	}
	return db.InTx(ctx, a.Pool, func(tx pgx.Tx) error {
		for _, alert := range p.alerts {
			if err := a.settle(ctx, tx, wants, alert, sent); err != nil {
				return err
			}
		}
		return nil
	})
}

// settle notes how a try went, and tells the audit when it was the last. The next
// is not in quiet hours.
func (a *Agent) settle(ctx context.Context, tx pgx.Tx, wants preferences, alert notificationdb.Alert, sent error) error {
	at := a.now()
	its := notificationdb.SettleParams{ID: alert.ID, Status: delivered, DeliveredAt: &at}
	if sent != nil {
		its.Status, its.DeliveredAt, its.LastError = failed, nil, sent.Error()
		if tries := int(alert.Tries); !errors.Is(sent, ErrPermanent) && tries <= len(pauses) {
			next := wants.awake(at.Add(pauses[tries-1]))
			its.Status, its.DueAt = pending, &next
		}
	}
	if err := notificationdb.New(tx).Settle(ctx, its); err != nil || its.Status == pending {
		return err
	}
	return publish(about(ctx, alert), tx, event.AlertSent{
		AlertID: alert.ID, UserID: alert.UserID, Channel: alert.Channel, SourceEvent: alert.SourceEvent, SourceEventID: alert.SourceEventID,
		DeliveredAt: at, Status: its.Status, Title: alert.Title, Message: alert.Message,
	})
}

// about gives ctx the trail of what an alert is about.
func about(ctx context.Context, alert notificationdb.Alert) context.Context {
	if alert.CorrelationID == nil {
		return ctx
	}
	return tracing.With(ctx, tracing.Continue(alert.CorrelationID.String(), alert.Traceparent))
}
