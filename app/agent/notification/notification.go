// Package notification is the agent that brings to users what the others found:
// as alerts in the application, by e-mail and by web push, as each user wants
// it, and not at night.
package notification

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/messaging/inbox"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/notificationdb"
)

// The channels that alerts go by, and how they fared.
const (
	inApp = "in_app"
	email = "email"
	push  = "push"

	delivered = "delivered"
	pending   = "pending"
	failed    = "failed"
)

// Agent is the notification agent.
type Agent struct {
	Pool *pgxpool.Pool
	// Offers are the channels beside in_app that this installation has.
	Offers map[string]Channel
	// Letters sends e-mails about accounts; nil: this installation sends no e-mail.
	Letters Letters
	// Now is the time; nil: the real one.
	Now func() time.Time
}

func (a *Agent) now() time.Time {
	if a.Now != nil {
		return a.Now()
	}
	return time.Now().UTC().Truncate(time.Microsecond)
}

// Handlers are what it does about the events on each topic.
func (a *Agent) Handlers() map[string]bus.Handler {
	return bus.ByTopic(event.Notification, map[string]bus.Handler{
		event.TypeInsightGenerated:   a.insightGenerated,
		event.TypeBudgetExceeded:     a.budgetExceeded,
		event.TypeReminderDue:        a.reminderDue,
		event.TypePreferencesChanged: a.preferencesChanged,
		event.TypeUserDeleted:        a.userDeleted,
		event.TypeMailRequested:      a.mailRequested,
	})
}

// message is what a user is told.
type message struct {
	user        uuid.UUID
	kind        string // of insight; users may mute one
	title, text string
}

func (a *Agent) insightGenerated(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.InsightGenerated](e)
	if err != nil {
		return false, err
	}
	return a.tell(ctx, e, message{data.UserID, data.InsightType, data.Title, data.Message})
}

func (a *Agent) budgetExceeded(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.BudgetExceeded](e)
	if err != nil {
		return false, err
	}
	title, text := exceeded(data)
	return a.tell(ctx, e, message{user: data.UserID, kind: event.BudgetWarning, title: title, text: text})
}

// exceeded says that a budget is exceeded, and by how much.
func exceeded(data event.BudgetExceeded) (title, text string) {
	name := finding.Name(cmp.Or(data.CategoryName, finding.Plain(data.Category)))
	return fmt.Sprintf("Your %s budget is exceeded", name), fmt.Sprintf("You have spent %s of %s on %s in %s%s.",
		readable(data.ActualAmount, data.Currency), readable(data.BudgetAmount, data.Currency), name, calendar.MonthInWords(data.Period), tooMuch(data))
}

// mostPercent is the most by which a budget is exceeded that is said in percent: what
// is beyond, of a budget of a cent, tells nobody anything.
var mostPercent = decimal.NewFromInt(1000)

// tooMuch says by how much a budget is exceeded; nothing where its amounts cannot be read.
func tooMuch(data event.BudgetExceeded) string {
	spent, err := decimal.NewFromString(data.ActualAmount)
	limit, wrong := decimal.NewFromString(data.BudgetAmount)
	if err != nil || wrong != nil {
		return ""
	}
	over := spent.Sub(limit)
	percent := money.Percent(over, limit, 0)
	if !percent.IsPositive() || percent.GreaterThan(mostPercent) {
		return fmt.Sprintf(": %s too much", readable(money.Format(over), data.Currency))
	}
	return fmt.Sprintf(": %s (%s%%) too much", readable(money.Format(over), data.Currency), percent)
}

// readable is an amount of an event as people read it; one without a currency, from
// an event of before budget.exceeded had it, is as it came.
func readable(text, currency string) string {
	amount, err := decimal.NewFromString(text)
	if err != nil || currency == "" {
		return text
	}
	return money.FormatIn(amount, currency)
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
	return a.tell(ctx, e, message{user: data.UserID, title: "Reminder", text: text})
}

func (a *Agent) preferencesChanged(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.PreferencesChanged](e)
	if err != nil {
		return false, err
	}
	return a.once(ctx, e, data.UserID, func(tx pgx.Tx) error {
		return notificationdb.New(tx).KeepPreferences(ctx, notificationdb.KeepPreferencesParams{
			UserID: data.UserID, Data: e.Data, ChangedAt: e.Time, Version: data.Version,
		})
	})
}

// userDeleted forgets all of a user. Their id stays, so that an event that
// comes later leaves nothing.
func (a *Agent) userDeleted(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.UserDeleted](e)
	if err != nil {
		return false, err
	}
	return a.once(ctx, e, data.UserID, func(tx pgx.Tx) error {
		q := notificationdb.New(tx)
		return errors.Join(
			q.Leave(ctx, data.UserID, data.DeletedAt),
			q.ForgetPreferences(ctx, data.UserID),
			q.ForgetAlerts(ctx, data.UserID),
			q.ForgetMails(ctx, data.UserID),
			q.ForgetGoneBrowsers(ctx, data.UserID),
			q.ForgetLetters(ctx, data.UserID),
			outbox.Forget(ctx, tx, data.UserID.String()),
		)
	})
}

// once handles an event of a user's once, and alone among the events of the
// user; of one who is gone it does nothing.
func (a *Agent) once(ctx context.Context, e event.CloudEvent, user uuid.UUID, effect func(pgx.Tx) error) (bool, error) {
	return inbox.Once(ctx, a.Pool, e.ID, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", lockOf(user)); err != nil {
			return err
		}
		gone, err := notificationdb.New(tx).IsGone(ctx, user)
		if err != nil || gone {
			return err
		}
		return effect(tx)
	})
}

// lockOf is the advisory lock of all that acts for a user.
func lockOf(user uuid.UUID) int64 { return db.LockID(event.Notification + ":user:" + user.String()) }

// tell puts the message in the user's alerts, which is its delivery there, and
// leaves it to be delivered by the other channels that they want.
func (a *Agent) tell(ctx context.Context, source event.CloudEvent, m message) (bool, error) {
	sourceID, err := uuid.Parse(source.ID)
	if err != nil {
		return false, fmt.Errorf("the id of the event: %w", err)
	}
	var gone bool
	var raw []byte
	known := &pgx.Batch{}
	known.Queue("SELECT pg_advisory_xact_lock($1)", lockOf(m.user))
	known.Queue(notificationdb.IsGone, m.user).QueryRow(func(row pgx.Row) error { return row.Scan(&gone) })
	known.Queue(notificationdb.Preferences, m.user).QueryRow(func(row pgx.Row) error {
		if err := row.Scan(&raw); !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return nil
	})
	return inbox.OnceInBatches(ctx, a.Pool, source.ID, known, func(tx pgx.Tx, last db.Queue) error {
		if gone {
			return nil
		}
		wants, err := readPreferences(ctx, tx, m.user, raw)
		if err != nil || wants.mutes(m.kind) {
			return err
		}
		return a.add(ctx, tx, last, source, sourceID, m, wants.plan(a.now(), a.Offers))
	})
}

// add writes an alert for each channel, and publishes that with the commit.
func (a *Agent) add(ctx context.Context, tx pgx.Tx, last db.Queue, source event.CloudEvent, sourceID uuid.UUID, m message, plan []planned) error {
	at := a.now()
	correlation, err := uuid.Parse(source.CorrelationID)
	if err != nil {
		return fmt.Errorf("the correlation of event %s: %w", source.ID, err)
	}
	batch := &pgx.Batch{}
	for _, p := range plan {
		sent := event.AlertSent{
			AlertID: tracing.NewID(), UserID: m.user, Channel: p.channel, SourceEvent: source.Type, SourceEventID: sourceID,
			DeliveredAt: at, Status: pending, Title: m.title, Message: m.text,
		}
		deliveredAt, dueAt := (*time.Time)(nil), &p.due
		if p.channel == inApp {
			sent.Status, deliveredAt, dueAt = delivered, &at, nil
		}
		batch.Queue(notificationdb.InsertAlert, sent.AlertID, sent.UserID, sent.Channel, sent.Title, sent.Message, sent.SourceEvent, sent.SourceEventID,
			sent.Status, deliveredAt, dueAt, &correlation, source.TraceParent).Exec(func(did pgconn.CommandTag) error {
			if did.RowsAffected() == 0 {
				return nil // notified already, longer ago than the inbox remembers
			}
			return publish(ctx, last, sent)
		})
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write the alerts of event %s: %w", source.ID, err)
	}
	return nil
}

// publish tells the audit how an alert fared.
func publish(ctx context.Context, tx db.Querier, sent event.AlertSent) error {
	e, err := event.New(ctx, event.Notification, event.TypeAlertSent, sent.AlertID.String(), sent)
	if err != nil {
		return err
	}
	return outbox.Put(ctx, tx, e, sent.UserID.String())
}
