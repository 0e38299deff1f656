//go:build integration

package notification

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/trail"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func TestUsersAreToldOnceAndItIsTold(t *testing.T) {
	pool := pgtest.Pool(t, event.Notification)
	handlers := (&Agent{Pool: pool}).Handlers()
	user := trail.NewID()
	for topic, data := range map[string]any{
		"ai.insight.generated": event.InsightGenerated{
			InsightID: trail.NewID(), UserID: user, InsightType: event.BudgetWarning, Title: "85% is used", Message: "m", Confidence: 1},
		"finance.budget.exceeded": event.BudgetExceeded{
			UserID: user, BudgetID: trail.NewID(), Category: "groceries", BudgetAmount: "100.00", ActualAmount: "110.00", PercentOver: "10", Period: "2026-11"},
	} {
		known, ok := event.Find(topic)
		require.True(t, ok)
		source, err := event.New(t.Context(), event.Analytics, known.Type, "x", data)
		require.NoError(t, err)
		require.NoError(t, event.Check(source))
		for try := range 2 {
			first, err := handlers[topic](t.Context(), source)
			require.NoError(t, err)
			require.Equal(t, try == 0, first)
		}
		// Even when the inbox has forgotten the event.
		_, err = pool.Exec(t.Context(), "DELETE FROM inbox")
		require.NoError(t, err)
		_, err = handlers[topic](t.Context(), source)
		require.NoError(t, err)

		var title, message string
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT title, message FROM alerts WHERE source_event_id = $1", source.ID).Scan(&title, &message))
		require.NotEmpty(t, title)
		require.NotEmpty(t, message)
		var payloads []event.CloudEvent
		rows, err := pool.Query(t.Context(), "SELECT payload FROM outbox WHERE payload->'data'->>'sourceEventId' = $1", source.ID)
		require.NoError(t, err)
		for rows.Next() {
			var e event.CloudEvent
			require.NoError(t, rows.Scan(&e))
			payloads = append(payloads, e)
		}
		require.NoError(t, rows.Err())
		require.Len(t, payloads, 1)
		require.NoError(t, event.Check(payloads[0]))
		sent, err := event.Decode[event.AlertSent](payloads[0])
		require.NoError(t, err)
		require.Equal(t, user, sent.UserID)
		require.Equal(t, "delivered", sent.Status)
		require.Equal(t, known.Type, sent.SourceEvent)
	}
}
