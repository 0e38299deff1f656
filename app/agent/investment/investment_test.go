//go:build integration

package investment

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/observer/observertest"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var present = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// earning is a person who earns 3000 a month and spends 2500, of it 1500 on
// essentials; of late, 1500 in all.
func earning(t *testing.T) *observertest.World {
	w := observertest.New(t, event.Investment, present, Watch)
	for back := 12; back > 0; back-- {
		first := history.MonthOf(present).AddDate(0, -back, 0).Add(9 * time.Hour)
		w.Earn("3000.00", "Acme Payroll", first)
		w.Spend("1500.00", "Rent", "housing", first.AddDate(0, 0, 1))
		if back > 4 {
			w.Spend("1000.00", "Travel", "leisure", first.AddDate(0, 0, 2))
		}
	}
	return w
}

func TestAReviewTellsOfSavings(t *testing.T) {
	w := earning(t)
	w.Open(history.Bank, "90000.00")
	w.Review()
	require.Equal(t, []string{"Your savings rate rose from 17% to 50%"}, w.Titles(KindSavingsRate))
	require.Len(t, w.Titles(KindIdleCash), 1)
	require.Empty(t, w.Titles(KindEmergencyFund))
	for range 3 {
		w.Review()
	}
	require.Len(t, w.Titles(), 2, "the same is not said every night")
}

func TestAReviewTellsOfAThinReserve(t *testing.T) {
	w := earning(t)
	w.Open(history.Bank, "-9000.00")
	w.Review()
	require.Len(t, w.Titles(KindEmergencyFund), 1)
	require.Empty(t, w.Titles(KindIdleCash))
	require.Equal(t, "1500.00", w.Insights(KindEmergencyFund)[0].Facts["essential"])
}

func TestGoalsAreLookedAtInTheMiddleOfTheMonth(t *testing.T) {
	w := observertest.New(t, event.Investment, time.Date(2026, 11, 12, 2, 0, 0, 0, time.UTC), Watch)
	w.Open(history.Bank, "100.00")
	w.Review() // November 13, the first look of all
	w.Tell(event.TypeGoalChanged, event.GoalChanged{
		UserID: w.User, GoalID: tracing.NewID(), Name: "A bicycle", Target: "1200.00", Saved: "100.00", Currency: "EUR", Status: "active",
		Deadline: "2026-12-31", CreatedAt: w.Clock.AddDate(0, -8, 0),
	})
	w.Review()
	require.Empty(t, w.Titles(), "November 14")
	w.Review()
	require.Equal(t, []string{"A bicycle is behind its pace"}, w.Titles(), "November 15")
}
