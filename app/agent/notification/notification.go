// Package notification is the agent that brings to users what the others found:
// as alerts in the application.
package notification

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/bus"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/inbox"
	"github.com/wealth-companion/companion/app/outbox"
	"github.com/wealth-companion/companion/app/trail"
)

// The channel that alerts go by, and how they fared.
const (
	inApp     = "in_app"
	delivered = "delivered"
)

// Agent is the notification agent.
type Agent struct{ Pool *pgxpool.Pool }

// Handlers are what it does about the events on each topic.
func (a *Agent) Handlers() map[string]bus.Handler {
	return bus.ByTopic(event.Notification, map[string]bus.Handler{
		event.TypeInsightGenerated: a.insightGenerated,
		event.TypeBudgetExceeded:   a.budgetExceeded,
		event.TypeReminderDue:      a.reminderDue,
	})
}

// message is what a user is told.
type message struct {
	user        uuid.UUID
	title, text string
}

func (a *Agent) insightGenerated(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.InsightGenerated](e)
	if err != nil {
		return false, err
	}
	return a.deliver(ctx, e, message{data.UserID, data.Title, data.Message})
}

func (a *Agent) budgetExceeded(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.BudgetExceeded](e)
	if err != nil {
		return false, err
	}
	return a.deliver(ctx, e, message{
		user:  data.UserID,
		title: fmt.Sprintf("Your %s budget is exceeded", data.Category),
		text: fmt.Sprintf("You have spent %s of %s on %s in %s, %s%% too much.",
			data.ActualAmount, data.BudgetAmount, data.Category, data.Period, data.PercentOver),
	})
}

func (a *Agent) reminderDue(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.ReminderDue](e)
	if err != nil {
		return false, err
	}
	text := data.Title
	if data.Due != "" {
		text = fmt.Sprintf("%s (due on %s)", data.Title, data.Due)
	}
	return a.deliver(ctx, e, message{data.UserID, "Reminder", text})
}

// deliver puts the message in the user's alerts, which is its delivery, and
// tells of it, once for each event.
func (a *Agent) deliver(ctx context.Context, source event.CloudEvent, m message) (bool, error) {
	sourceID, err := uuid.Parse(source.ID)
	if err != nil {
		return false, fmt.Errorf("the id of the event: %w", err)
	}
	return inbox.Once(ctx, a.Pool, source.ID, func(tx pgx.Tx) error {
		sent := event.AlertSent{
			AlertID: trail.NewID(), UserID: m.user, Channel: inApp, SourceEvent: source.Type, SourceEventID: sourceID,
			DeliveredAt: time.Now().UTC().Truncate(time.Microsecond), Status: delivered,
			Title: m.title, Message: m.text,
		}
		tag, err := tx.Exec(ctx, `INSERT INTO alerts (id, user_id, channel, title, message, source_event, source_event_id, status, delivered_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (source_event_id, channel) DO NOTHING`,
			sent.AlertID, sent.UserID, sent.Channel, m.title, m.text, sent.SourceEvent, sent.SourceEventID, sent.Status, sent.DeliveredAt)
		if err != nil || tag.RowsAffected() == 0 {
			return err // told already, longer ago than the inbox remembers
		}
		e, err := event.New(ctx, event.Notification, event.TypeAlertSent, sent.AlertID.String(), sent)
		if err != nil {
			return err
		}
		return outbox.Put(ctx, tx, e, sent.UserID.String())
	})
}
