//go:build integration

package banking

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/observer/observertest"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// present is the day after a charge of the 23rd.
var present = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *observertest.World {
	w := observertest.New(t, event.Banking, present, Watch)
	w.Open(history.Bank, "5000.00")
	return w
}

// shopping is what a person buys before days ago, each time for another amount.
func shopping(w *observertest.World, days int) {
	for i := range 20 {
		w.Spend(fmt.Sprintf("%d.10", 20+i), "Rewe", "groceries", present.AddDate(0, 0, -days-20+i))
	}
}

func TestADuplicateChargeIsPointedOutAsItComes(t *testing.T) {
	w := newWorld(t)
	shopping(w, 1)
	w.Spend("57.35", "Rewe 4711", "groceries", present.Add(-2*time.Hour))
	require.Empty(t, w.Titles(KindDuplicate))
	again := w.Spend("57.35", "REWE", "groceries", present.Add(-time.Hour))
	require.Equal(t, []string{"Charged twice? 57.35 EUR by Rewe"}, w.Titles(KindDuplicate))
	w.Change(again, "category", "groceries", "other")
	w.Review()
	require.Len(t, w.Titles(KindDuplicate), 1, "said once")
}

func TestAnImportedPastIsNoNews(t *testing.T) {
	w := newWorld(t)
	shopping(w, 30)
	for range 2 {
		w.Spend("57.35", "Rewe", "groceries", present.AddDate(0, 0, -30))
	}
	w.Review()
	require.Empty(t, w.Titles(KindDuplicate))
}

func TestADuplicateThatWasRemovedIsNone(t *testing.T) {
	w := newWorld(t)
	shopping(w, 1)
	first := w.Spend("57.35", "Rewe", "groceries", present.Add(-2*time.Hour))
	w.Change(first, "status", event.Active, event.Deleted)
	w.Spend("57.35", "Rewe", "groceries", present.Add(-time.Hour))
	require.Empty(t, w.Titles(KindDuplicate))
}

// The charges of a subscription, and its price rise, which is told of at once.
func TestAPriceRiseIsToldOfAsItComes(t *testing.T) {
	w := newWorld(t)
	for month := 5; month > 0; month-- {
		w.Spend("9.99", "Netflix", "subscriptions", present.AddDate(0, -month, -1))
	}
	require.Empty(t, w.Titles())
	w.Spend("12.99", "PAYPAL *NETFLIX.COM", "subscriptions", present.AddDate(0, 0, -1))
	require.Equal(t, []string{"Netflix now costs 3.00 EUR more"}, w.Titles())
	insight := w.Insights()[0]
	require.Equal(t, KindPriceRise, insight.RelatedEntities["detector"])
	require.Equal(t, "9.99", insight.Facts["was"])
	require.NotEmpty(t, insight.Dismiss)
	w.Review()
	require.Equal(t, []string{"Netflix: 12.99 EUR every month"}, w.Titles(KindRecurring))
	require.Len(t, w.Titles(KindPriceRise), 1)
	w.Clock = present.AddDate(0, 0, 26)
	w.Review()
	require.Equal(t, []string{"Netflix: 12.99 EUR due around 2026-12-23"}, w.Titles(KindUpcomingBill))
	require.Len(t, w.Titles(KindRecurring), 1)
}

func TestALowBalanceBeforePaydayIsWarnedOf(t *testing.T) {
	w := observertest.New(t, event.Banking, present, Watch)
	for month := 5; month > 0; month-- {
		w.Earn("3000.00", "Acme Payroll", present.AddDate(0, -month, -2)) // the 22nd
		w.Spend("1200.00", "Rent", "housing", present.AddDate(0, -month, 8))
	}
	w.Earn("3000.00", "Acme Payroll", present.AddDate(0, 0, -2))
	for day := 100; day > 0; day-- {
		w.Spend("40.00", []string{"Rewe", "Lidl", "Aldi"}[day%3], "groceries", present.AddDate(0, 0, -day))
	}
	// What came and went leaves 8000; rent and 27 days cost about 2280.
	w.Open(history.Bank, "0.00")
	w.Review()
	require.Empty(t, w.Titles(KindCashFlow))
	w.Open(history.Bank, "-6200.00")
	w.Review()
	require.Equal(t, []string{"Current account may run out before payday"}, w.Titles(KindCashFlow))
	require.Equal(t, "2026-12-22", w.Insights(KindCashFlow)[0].Facts["payday"])
}

// A bank that puts words of its own before every name: two merchants are two, before
// a review has learnt the words and after it.
func TestABanksFixedWordsAreNoMerchant(t *testing.T) {
	w := newWorld(t)
	shops := []string{"Rewe", "Lidl", "Aldi", "Kino", "Zara", "Ikea", "Esso", "Thalia"}
	spend := func(amount, shop string, at time.Time) {
		w.Spend(amount, "ZULK PRANDO EST VI "+shop, "other", at)
	}
	for i := range 24 {
		spend(fmt.Sprintf("%d.10", 20+i), shops[i%len(shops)], present.AddDate(0, 0, -24+i).Add(-time.Hour))
	}
	spend("57.35", "Rewe", present.Add(-3*time.Hour))
	spend("57.35", "Kino", present.Add(-2*time.Hour))
	require.Empty(t, w.Titles(KindDuplicate))
	w.Review()
	require.Empty(t, w.Titles(KindDuplicate))
	spend("57.35", "Rewe", present.Add(-time.Hour))
	require.Equal(t, []string{"Charged twice? 57.35 EUR by Rewe"}, w.Titles(KindDuplicate))
}
