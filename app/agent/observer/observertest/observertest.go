// Package observertest gives an agent that observes a user whose events it gets,
// on a real database.
package observertest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/messaging/bus"
)

// World is a user and an agent.
type World struct {
	T        testing.TB
	Pool     *pgxpool.Pool
	Agent    *observer.Observer
	Handlers map[string]bus.Handler
	User     uuid.UUID
	Wallet   uuid.UUID
	Clock    time.Time // the agent's present; each event is a second later than the one before
	events   time.Time
}

// New makes a world for what watch makes of an observer.
func New(t testing.TB, service string, now time.Time, watch func(*observer.Observer) *observer.Observer) *World {
	w := &World{T: t, Pool: pgtest.Pool(t, service), User: tracing.NewID(), Wallet: tracing.NewID(), Clock: now, events: now}
	w.Agent = watch(&observer.Observer{
		Pool: w.Pool, Service: service, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.Clock },
		Settings: observer.Settings{Interval: 24 * time.Hour, Settle: time.Minute},
	})
	w.Handlers = w.Agent.Handlers()
	return w
}

// Event makes an event of the data.
func (w *World) Event(kind string, data any) event.CloudEvent {
	w.T.Helper()
	e, err := event.New(context.Background(), event.Backend, kind, "x", data)
	require.NoError(w.T, err)
	w.events = w.events.Add(time.Second)
	e.Time = w.events
	require.NoError(w.T, event.Check(e))
	return e
}

// Tell delivers an event of the data.
func (w *World) Tell(kind string, data any) {
	w.T.Helper()
	w.Take(w.Event(kind, data))
}

// Take delivers events in this order, those that reach the agent.
func (w *World) Take(events ...event.CloudEvent) {
	w.T.Helper()
	for _, e := range events {
		topic, ok := event.OfType(e.Type)
		require.True(w.T, ok)
		if handle, its := w.Handlers[topic.Name]; its {
			_, err := handle(context.Background(), e)
			require.NoError(w.T, err)
		}
	}
}

// Expense is one in euros at a merchant.
func (w *World) Expense(amount, merchant, category string, at time.Time) event.TransactionCreated {
	return event.TransactionCreated{
		TransactionID: tracing.NewID(), UserID: w.User, Amount: amount, Currency: "EUR", Type: event.Expense,
		Category: category, Description: merchant, WalletID: w.Wallet, Timestamp: at,
	}
}

// Spend delivers an expense.
func (w *World) Spend(amount, merchant, category string, at time.Time) event.TransactionCreated {
	w.T.Helper()
	data := w.Expense(amount, merchant, category, at)
	w.Tell(event.TypeTransactionCreated, data)
	return data
}

// Earn delivers an income.
func (w *World) Earn(amount, from string, at time.Time) {
	w.T.Helper()
	data := w.Expense(amount, from, "salary", at)
	data.Type = event.Income
	w.Tell(event.TypeTransactionCreated, data)
}

// Change delivers a change of a transaction.
func (w *World) Change(t event.TransactionCreated, field, before, after string) {
	w.T.Helper()
	w.Tell(event.TypeTransactionUpdated, event.TransactionUpdated{
		TransactionID: t.TransactionID, UserID: w.User, Changes: map[string]event.Change{field: {Before: before, After: after}}, UpdatedAt: w.events,
	})
}

// Open delivers the wallet, with an opening balance.
func (w *World) Open(kind, balance string) {
	w.T.Helper()
	w.Tell(event.TypeWalletChanged, event.WalletChanged{
		UserID: w.User, WalletID: w.Wallet, Name: "Current account", Type: kind, Currency: "EUR", OpeningBalance: balance,
	})
}

// Prefer delivers preferences.
func (w *World) Prefer(phrasing bool, muted ...string) {
	w.T.Helper()
	w.Tell(event.TypePreferencesChanged, event.PreferencesChanged{
		UserID: w.User, Email: "a@example.org", Timezone: "Europe/Berlin", Channels: []string{"in_app"}, Digest: "off",
		MutedTypes: append([]string{}, muted...), Phrasing: phrasing,
	})
}

// Dismiss delivers what the user thinks of an insight of a detector.
func (w *World) Dismiss(detector, feedback string) {
	w.T.Helper()
	w.Tell(event.TypeInsightDismissed, event.InsightDismissed{
		UserID: w.User, InsightID: tracing.NewID(), InsightType: event.SpendingPattern, Detector: detector, Feedback: feedback, DismissedAt: w.Clock,
	})
}

// Review lets a day pass and has everybody whose turn it is reviewed.
func (w *World) Review() {
	w.T.Helper()
	w.Clock = w.Clock.Add(24 * time.Hour)
	_, err := w.Agent.ReviewDue(context.Background())
	require.NoError(w.T, err)
}

// Events are those that the agent is to publish, oldest first.
func (w *World) Events() []event.CloudEvent {
	w.T.Helper()
	rows, err := w.Pool.Query(context.Background(), "SELECT payload FROM outbox ORDER BY id")
	require.NoError(w.T, err)
	defer rows.Close()
	var found []event.CloudEvent
	for rows.Next() {
		var e event.CloudEvent
		require.NoError(w.T, rows.Scan(&e))
		require.NoError(w.T, event.Check(e))
		found = append(found, e)
	}
	require.NoError(w.T, rows.Err())
	return found
}

// Insights are those that the agent is to publish, of some detectors or of all.
func (w *World) Insights(detectors ...string) []event.InsightGenerated {
	w.T.Helper()
	found := []event.InsightGenerated{}
	for _, e := range w.Events() {
		if e.Type != event.TypeInsightGenerated {
			continue
		}
		data, err := event.Decode[event.InsightGenerated](e)
		require.NoError(w.T, err)
		for _, detector := range detectors {
			if data.RelatedEntities["detector"] == detector {
				found = append(found, data)
			}
		}
		if len(detectors) == 0 {
			found = append(found, data)
		}
	}
	return found
}

// Titles are those of Insights.
func (w *World) Titles(detectors ...string) []string {
	w.T.Helper()
	titles := []string{}
	for _, insight := range w.Insights(detectors...) {
		titles = append(titles, insight.Title)
	}
	return titles
}
