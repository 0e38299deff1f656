//go:build integration

package observer_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/agent/observer/observertest"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
)

// move tells the agent of the person's time zone.
func move(w *observertest.World, zone string) {
	w.Tell(event.TypePreferencesChanged, event.PreferencesChanged{
		UserID: w.User, Email: "a@example.org", Timezone: zone, Channels: []string{"in_app"}, Digest: "off", MutedTypes: []string{},
	})
}

func TestDetectorsLiveWhereThePersonLives(t *testing.T) {
	var look observer.Look
	var h []history.Transaction
	end := time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC)
	say := found([16]byte{}, "coffee", 0.9)
	say.ExpiresAt = &end
	late := time.Date(2026, 10, 1, 3, 30, 0, 0, time.UTC) // 20:30 on 30 September in Los Angeles
	w := observertest.New(t, event.Banking, late.Add(-24*time.Hour), func(o *observer.Observer) *observer.Observer {
		o.Review = func(ctx context.Context, c *observer.Case, l observer.Look) (err error) {
			look = l
			if h, err = c.History(ctx, c.Clock().AddDate(0, 0, -3), c.Clock().Add(1), 10); err != nil {
				return err
			}
			say.Subject = c.User
			return c.SayAll(ctx, observer.MostSaid, say)
		}
		return o
	})
	move(w, "America/Los_Angeles")
	dated := w.Expense("12.50", "Trader Joe's", "groceries", late.Add(-30*time.Minute))
	dated.Date = "2026-09-30"
	w.Tell(event.TypeTransactionCreated, dated)
	w.Spend("7.50", "Trader Joe's", "groceries", late.Add(-20*time.Minute)) // of old: its day in UTC is October
	w.Review()
	require.Equal(t, "2026-09", history.Month(look.Now))
	require.Len(t, h, 1, "what counts tomorrow has not happened yet")
	require.Equal(t, time.Date(2026, 9, 30, 20, 0, 0, 0, time.UTC), h[0].At, "by the person's clock")
	var months []string
	rows, err := w.Pool.Query(t.Context(), "SELECT month FROM seen_transactions ORDER BY amount DESC")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var month string
		require.NoError(t, rows.Scan(&month))
		months = append(months, month)
	}
	require.NoError(t, rows.Err())
	require.Equal(t, []string{"2026-09", "2026-10"}, months)
	require.Equal(t, time.Date(2026, 10, 31, 7, 0, 0, 0, time.UTC), w.Insights()[0].ExpiresAt.UTC(), "midnight in Los Angeles")

	move(w, "Pacific/Kiritimati")
	w.Review()
	require.Equal(t, "2026-10", history.Month(look.Now))
	require.Len(t, h, 2)
	require.Equal(t, "2026-09-30", h[0].At.Format(time.DateOnly), "a move changes nothing of the past")
}

func TestADayChangesWithItsTime(t *testing.T) {
	w := observertest.New(t, event.Banking, now, func(o *observer.Observer) *observer.Observer { return o })
	at := time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)
	data := w.Expense("12.50", "Rewe", "groceries", at)
	data.Date = "2026-10-31"
	w.Tell(event.TypeTransactionCreated, data)
	month := func() (month string) {
		require.NoError(t, w.Pool.QueryRow(t.Context(), "SELECT month || ' ' || date FROM seen_transactions").Scan(&month))
		return month
	}
	require.Equal(t, "2026-10 2026-10-31", month())
	w.Tell(event.TypeTransactionUpdated, event.TransactionUpdated{
		TransactionID: data.TransactionID, UserID: w.User, UpdatedAt: now, Changes: map[string]event.Change{
			"timestamp": {Before: at.Format(time.RFC3339), After: at.Add(time.Hour).Format(time.RFC3339)},
			"date":      {Before: "2026-10-31", After: "2026-10-31"},
		},
	})
	require.Equal(t, "2026-10 2026-10-31", month())
	w.Tell(event.TypeTransactionUpdated, event.TransactionUpdated{ // as events of old
		TransactionID: data.TransactionID, UserID: w.User, UpdatedAt: now.Add(time.Second), Changes: map[string]event.Change{
			"timestamp": {Before: at.Add(time.Hour).Format(time.RFC3339), After: at.Add(2 * time.Hour).Format(time.RFC3339)},
		},
	})
	require.Equal(t, "2026-11 2026-11-01", month())
}
