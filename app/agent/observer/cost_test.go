//go:build integration

package observer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/analytics"
	"github.com/wealth-companion/companion/app/agent/banking"
	"github.com/wealth-companion/companion/app/agent/investment"
	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/agent/observer/observertest"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/tracing"
)

// remember gives the agent so many expenses of a user's past, about four a day.
func remember(t testing.TB, w *observertest.World, user uuid.UUID, many int) {
	chance := rand.New(rand.NewPCG(1, 2))
	shops := []string{"rewe", "lidl", "aldi", "shell", "netflix", "dm", "kino", "bahn"}
	categories := []string{"groceries", "groceries", "groceries", "transport", "subscriptions", "health", "leisure", "transport"}
	at := w.Clock
	_, err := w.Pool.CopyFrom(context.Background(), pgx.Identifier{"seen_transactions"},
		[]string{"id", "user_id", "original", "type", "category", "amount", "currency", "month", "occurred_at", "wallet_id", "description", "merchant"},
		pgx.CopyFromSlice(many, func(int) ([]any, error) {
			at = at.Add(-6 * time.Hour)
			which := chance.IntN(len(shops))
			return []any{tracing.NewID(), user, "{}", event.Expense, categories[which], fmt.Sprintf("%d.%02d", 5+chance.IntN(80), chance.IntN(100)), "EUR",
				history.Month(at), at, w.Wallet, shops[which], shops[which]}, nil
		}))
	require.NoError(t, err)
	_, err = w.Pool.Exec(context.Background(), "ANALYZE seen_transactions")
	require.NoError(t, err)
}

var agents = map[string]func(*observer.Observer) *observer.Observer{
	event.Analytics: analytics.Watch, event.Banking: banking.Watch, event.Investment: investment.Watch,
}

// cost is the time that an agent takes for an event and for a review, with so much
// history: the least of several, which other work on the machine disturbs least.
func cost(t testing.TB, service string, many int) (anEvent, aReview time.Duration) {
	w := observertest.New(t, service, now, agents[service])
	w.Open(history.Bank, "100000.00")
	remember(t, w, w.User, many)
	// And twice as many of others.
	for range 20 {
		remember(t, w, tracing.NewID(), many/10)
	}
	w.Tell(event.TypeBudgetChanged, event.BudgetChanged{
		UserID: w.User, BudgetID: tracing.NewID(), Category: "groceries", Limit: "100000.00", Currency: "EUR", Month: history.Month(w.Clock), Rollover: true,
	})
	least := func(times int, do func()) time.Duration {
		best := time.Hour
		for range times {
			begin := time.Now()
			do()
			best = min(best, time.Since(begin))
		}
		return best
	}
	anEvent = least(30, func() { w.Spend("23.45", "Rewe", "groceries", w.Clock) })
	aReview = least(3, w.Review)
	return anEvent, aReview
}

// BenchmarkHistory shows that an event costs no more when the history is ten
// times as long: what is read for it is bounded. Its own figures are the
// milliseconds of an event and of a review.
func BenchmarkHistory(b *testing.B) {
	for service := range agents {
		for _, many := range []int{1500, 15_000} {
			b.Run(fmt.Sprintf("%s/%d", service, many), func(b *testing.B) {
				anEvent, aReview := cost(b, service, many)
				b.ReportMetric(float64(anEvent.Microseconds())/1000, "ms/event")
				b.ReportMetric(float64(aReview.Microseconds())/1000, "ms/review")
			})
		}
	}
}
