// Package alert is what users were told, and how: the backend's audit, and what
// they read in the application.
package alert

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/inbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/idempotency"
	"github.com/wealth-companion/companion/app/store/live"
	"github.com/wealth-companion/companion/app/store/pagination"
)

// Alert is a message that was sent to a user.
type Alert struct {
	ID            uuid.UUID  `json:"id"`
	Channel       string     `json:"channel" enum:"in_app,email,push"`
	SourceEvent   string     `json:"sourceEvent" doc:"The type of the event that caused it"`
	SourceEventID uuid.UUID  `json:"sourceEventId"`
	InsightID     *uuid.UUID `json:"insightId,omitempty" doc:"The insight that caused it"`
	Title         string     `json:"title,omitempty"`
	Message       string     `json:"message,omitempty"`
	Status        string     `json:"status" enum:"delivered,failed,pending"`
	DeliveredAt   time.Time  `json:"deliveredAt"`
	ReadAt        *time.Time `json:"readAt,omitempty"`
}

// Count is how many alerts in the application are not read.
type Count struct {
	Unread int64 `json:"unread"`
}

// Alerts keeps the audit.
type Alerts struct {
	Pool *pgxpool.Pool
	Live *live.Hub // nil: nobody is notified
}

// Take stores the alert that an event describes.
func (s *Alerts) Take(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.AlertSent](e)
	if err != nil {
		return false, err
	}
	correlation, err := uuid.Parse(e.CorrelationID)
	if err != nil {
		return false, fmt.Errorf("the correlation id of the event: %w", err)
	}
	first, err := inbox.Once(ctx, s.Pool, e.ID, func(tx pgx.Tx) error {
		if err := db.Act(ctx, tx, data.UserID); err != nil {
			return err
		}
		if err := backenddb.New(tx).PutAlert(ctx, backenddb.PutAlertParams{
			ID: data.AlertID, UserID: data.UserID, Channel: data.Channel, SourceEvent: data.SourceEvent, SourceEventID: data.SourceEventID,
			Status: data.Status, Title: data.Title, Message: data.Message, DeliveredAt: data.DeliveredAt, CorrelationID: correlation,
		}); err != nil || data.Channel != inApp {
			return err
		}
		s.Live.Notify(tx, live.Notice{User: data.UserID, Kind: live.Alert, ID: data.AlertID}.Of(ctx))
		return nil
	})
	if db.Orphan(err, "user_id") {
		return true, nil // of a user who is gone: it is taken, and leaves nothing
	}
	return first, err
}

// inApp is the channel of what is shown in the application.
const inApp = "in_app"

// List lists the user's alerts, newest first; unread: those in the application
// that are not read.
func (s *Alerts) List(ctx context.Context, user uuid.UUID, unread bool, p pagination.Request) (pagination.List[Alert], error) {
	found, err := s.find(ctx, user, backenddb.AlertsParams{Unread: unread, BeforeAt: p.At, BeforeID: p.ID, Most: int32(p.Limit + 1)})
	return pagination.Of(found, p.Limit, func(a Alert) (time.Time, uuid.UUID) { return a.DeliveredAt, a.ID }), err
}

// Get returns one alert.
func (s *Alerts) Get(ctx context.Context, user, id uuid.UUID) (Alert, error) {
	found, err := s.find(ctx, user, backenddb.AlertsParams{ID: &id, Most: 1})
	return one(found, err, id)
}

func one(found []Alert, err error, id uuid.UUID) (Alert, error) {
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("alert %s: %w", id, apperror.ErrNotFound)
	}
	if err != nil {
		return Alert{}, err
	}
	return found[0], nil
}

func (s *Alerts) find(ctx context.Context, user uuid.UUID, which backenddb.AlertsParams) (found []Alert, err error) {
	err = db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		found, err = find(ctx, tx, user, which)
		return err
	})
	return found, err
}

func find(ctx context.Context, tx pgx.Tx, user uuid.UUID, which backenddb.AlertsParams) ([]Alert, error) {
	which.UserID = user
	rows, err := backenddb.New(tx).Alerts(ctx, which)
	found := make([]Alert, 0, len(rows))
	for _, row := range rows {
		a := Alert{
			ID: row.ID, Channel: row.Channel, SourceEvent: row.SourceEvent, SourceEventID: row.SourceEventID, InsightID: row.InsightID,
			Title: row.Title, Message: row.Message, Status: row.Status, DeliveredAt: row.DeliveredAt.UTC(),
		}
		if row.ReadAt != nil {
			at := row.ReadAt.UTC()
			a.ReadAt = &at
		}
		found = append(found, a)
	}
	return found, err
}

// Unread counts the user's alerts in the application that are not read.
func (s *Alerts) Unread(ctx context.Context, user uuid.UUID) (c Count, err error) {
	err = db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		c.Unread, err = backenddb.New(tx).UnreadAlerts(ctx, user)
		return err
	})
	return c, err
}

// Read notes that the user has read an alert; the first time counts.
func (s *Alerts) Read(ctx context.Context, user, id uuid.UUID) (Alert, error) {
	return idempotency.Do(ctx, s.Pool, user, func(tx pgx.Tx) (Alert, error) {
		at := time.Now().UTC()
		if _, err := backenddb.New(tx).ReadAlert(ctx, &at, id, user); err != nil {
			return Alert{}, err
		}
		found, err := find(ctx, tx, user, backenddb.AlertsParams{ID: &id, Most: 1})
		return one(found, err, id)
	})
}

// ReadAll notes that the user has read all alerts in the application.
func (s *Alerts) ReadAll(ctx context.Context, user uuid.UUID) (Count, error) {
	return idempotency.Do(ctx, s.Pool, user, func(tx pgx.Tx) (Count, error) {
		at := time.Now().UTC()
		_, err := backenddb.New(tx).ReadAlerts(ctx, &at, user)
		return Count{}, err
	})
}
