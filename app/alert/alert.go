// Package alert is the backend's audit of what users were told, and how.
package alert

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/inbox"
	"github.com/wealth-companion/companion/app/page"
)

// Alert is a message that was sent to a user.
type Alert struct {
	ID            uuid.UUID `json:"id"`
	Channel       string    `json:"channel"`
	SourceEvent   string    `json:"sourceEvent"` // the type of the event that caused it
	SourceEventID uuid.UUID `json:"sourceEventId"`
	Status        string    `json:"status"`
	DeliveredAt   time.Time `json:"deliveredAt"` // UTC
}

// Alerts keeps the audit.
type Alerts struct{ Pool *pgxpool.Pool }

// Take notes what an event tells of an alert.
func (s *Alerts) Take(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.AlertSent](e)
	if err != nil {
		return false, err
	}
	return inbox.Once(ctx, s.Pool, e.ID, func(tx pgx.Tx) error {
		// A later event on the same alert tells how it went on.
		_, err := tx.Exec(ctx, `INSERT INTO alerts
			(id, user_id, channel, source_event, source_event_id, status, delivered_at, correlation_id)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (id) DO UPDATE SET status = excluded.status, delivered_at = excluded.delivered_at`,
			data.AlertID, data.UserID, data.Channel, data.SourceEvent, data.SourceEventID, data.Status, data.DeliveredAt, e.CorrelationID)
		return err
	})
}

// List lists the user's alerts, newest first.
func (s *Alerts) List(ctx context.Context, user uuid.UUID, p page.Request) (page.List[Alert], error) {
	rows, err := s.Pool.Query(ctx, `SELECT id, channel, source_event, source_event_id, status, delivered_at FROM alerts
		WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (delivered_at, id) < ($2, $3::uuid))
		ORDER BY delivered_at DESC, id DESC LIMIT $4`, user, p.At, p.ID, p.Limit+1)
	if err != nil {
		return page.List[Alert]{}, err
	}
	found, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (Alert, error) {
		var a Alert
		err := r.Scan(&a.ID, &a.Channel, &a.SourceEvent, &a.SourceEventID, &a.Status, &a.DeliveredAt)
		a.DeliveredAt = a.DeliveredAt.UTC()
		return a, err
	})
	return page.Of(found, p.Limit, func(a Alert) (time.Time, uuid.UUID) { return a.DeliveredAt, a.ID }), err
}
