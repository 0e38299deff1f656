//go:build integration

package observer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/analytics"
	"github.com/wealth-companion/companion/app/agent/observer/observertest"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/tracing"
)

// Replicas' clocks differ: 30 ms had an agent keep the older budget for ever.
func TestTheDatabasesVersionOrdersChanges(t *testing.T) {
	w := observertest.New(t, event.Analytics, now, analytics.Watch)
	id := tracing.NewID()
	put := func(limit string, version int64, skew time.Duration) {
		e := w.Event(event.TypeBudgetChanged, event.BudgetChanged{
			UserID: w.User, BudgetID: id, Category: "groceries", Limit: limit, Currency: "EUR", Month: history.Month(w.Clock), Version: version,
		})
		e.Time = now.Add(skew)
		w.Take(e)
	}
	limit := func() (text string) {
		require.NoError(t, w.Pool.QueryRow(t.Context(), "SELECT amount::numeric(17, 2)::text FROM budgets").Scan(&text))
		return text
	}
	put("10.00", 0, 0)
	put("11.00", 0, time.Millisecond)
	put("12.00", 0, -time.Millisecond)
	require.Equal(t, "11.00", limit(), "events without a version are ordered by their time")
	put("20.00", 2, -30*time.Millisecond)
	require.Equal(t, "20.00", limit(), "one with a version is later than those without")
	put("30.00", 3, -time.Hour)
	require.Equal(t, "30.00", limit(), "whatever the clock of its publisher")
	put("21.00", 2, time.Hour)
	require.Equal(t, "30.00", limit())
	put("13.00", 0, -2*time.Hour)
	require.Equal(t, "30.00", limit(), "an old event that is replayed changes nothing")
}

func TestChangesOfATransactionAreAppliedByVersion(t *testing.T) {
	for name, createdFirst := range map[string]bool{"after the transaction": true, "before the transaction": false} {
		t.Run(name, func(t *testing.T) {
			w := observertest.New(t, event.Analytics, now, analytics.Watch)
			data := w.Expense("1.00", "Rewe", "groceries", now)
			change := func(before, after string, version int64, skew time.Duration) {
				w.Tell(event.TypeTransactionUpdated, event.TransactionUpdated{
					TransactionID: data.TransactionID, UserID: w.User, Version: version, UpdatedAt: now.Add(skew),
					Changes: map[string]event.Change{"amount": {Before: before, After: after}},
				})
			}
			if createdFirst {
				w.Tell(event.TypeTransactionCreated, data)
			}
			change("2.00", "3.00", 3, -30*time.Millisecond)
			change("1.00", "2.00", 2, 0)
			if !createdFirst {
				w.Tell(event.TypeTransactionCreated, data)
			}
			var amount string
			require.NoError(t, w.Pool.QueryRow(t.Context(), "SELECT amount::numeric(17, 2)::text FROM seen_transactions").Scan(&amount))
			require.Equal(t, "3.00", amount)
		})
	}
}

// A category is named as its user calls it when something is said of it.
func TestCategoriesAreNamedAsTheyAreCalledNow(t *testing.T) {
	w := observertest.New(t, event.Analytics, now, analytics.Watch)
	category := tracing.NewID()
	for version, name := range []string{"Eating out", "Cafés & bars"} {
		w.Tell(event.TypeCategoryChanged, event.CategoryChanged{
			UserID: w.User, CategoryID: category, Slug: "eating-out", Name: name, Kind: event.Expense, Version: int64(version) + 1,
		})
	}
	for slug, want := range map[string]string{"eating-out": "Cafés & bars", "other-income": "other income"} {
		w.Tell(event.TypeBudgetChanged, event.BudgetChanged{
			UserID: w.User, BudgetID: tracing.NewID(), Category: slug, Limit: "100.00", Currency: "EUR", Month: history.Month(w.Clock), Version: 1,
		})
		w.Spend("85.00", "", slug, w.Clock)
		require.Contains(t, w.Titles(analytics.KindWarning), "85% of your "+want+" budget is used")
	}
}
