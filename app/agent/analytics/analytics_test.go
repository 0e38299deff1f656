//go:build integration

package analytics

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
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

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// household is a user whose events the agent gets.
type household struct {
	t        *testing.T
	pool     *pgxpool.Pool
	agent    *observer.Observer
	handlers map[string]bus.Handler
	user     uuid.UUID
	clock    time.Time
}

func newHousehold(t *testing.T) *household {
	h := &household{t: t, pool: pgtest.Pool(t, event.Analytics), user: tracing.NewID(), clock: time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)}
	h.agent = Watch(&observer.Observer{
		Pool: h.pool, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return h.clock },
		Settings: observer.Settings{Interval: 24 * time.Hour, Settle: time.Minute},
	})
	h.handlers = h.agent.Handlers()
	return h
}

// about makes an event of the data; each is a minute later than the one before.
func (h *household) about(kind string, data any) event.CloudEvent {
	h.t.Helper()
	e, err := event.New(context.Background(), event.Backend, kind, "x", data)
	require.NoError(h.t, err)
	h.clock = h.clock.Add(time.Minute)
	e.Time = h.clock
	require.NoError(h.t, event.Check(e))
	return e
}

func (h *household) spent(amount string) (event.TransactionCreated, event.CloudEvent) {
	t := event.TransactionCreated{
		TransactionID: tracing.NewID(), UserID: h.user, Amount: amount, Currency: "EUR", Type: event.Expense,
		Category: "groceries", Description: "Rewe", WalletID: tracing.NewID(), Timestamp: h.clock,
	}
	return t, h.about(event.TypeTransactionCreated, t)
}

func (h *household) changed(t event.TransactionCreated, changes map[string]event.Change) event.CloudEvent {
	return h.about(event.TypeTransactionUpdated, event.TransactionUpdated{
		TransactionID: t.TransactionID, UserID: h.user, Changes: changes, UpdatedAt: h.clock.Add(time.Minute),
	})
}

func (h *household) budget(id uuid.UUID, limit string, deleted bool) event.CloudEvent {
	return h.about(event.TypeBudgetChanged, event.BudgetChanged{
		UserID: h.user, BudgetID: id, Category: "groceries", Limit: limit, Currency: "EUR", Month: "2026-11", Deleted: deleted,
	})
}

// take delivers events in this order.
func (h *household) take(events ...event.CloudEvent) {
	h.t.Helper()
	for _, e := range events {
		topic, ok := event.OfType(e.Type)
		require.True(h.t, ok)
		_, err := h.handlers[topic.Name](h.t.Context(), e)
		require.NoError(h.t, err)
	}
}

// said lists what the agent is to publish, in words.
func (h *household) said() []string {
	h.t.Helper()
	rows, err := h.pool.Query(h.t.Context(), "SELECT payload FROM outbox ORDER BY id")
	require.NoError(h.t, err)
	defer rows.Close()
	said := []string{}
	for rows.Next() {
		var e event.CloudEvent
		require.NoError(h.t, rows.Scan(&e))
		require.NoError(h.t, event.Check(e))
		switch e.Type {
		case event.TypeInsightGenerated:
			data, err := event.Decode[event.InsightGenerated](e)
			require.NoError(h.t, err)
			said = append(said, data.InsightType+": "+data.Title)
		case event.TypeBudgetExceeded:
			data, err := event.Decode[event.BudgetExceeded](e)
			require.NoError(h.t, err)
			said = append(said, fmt.Sprintf("exceeded: %s of %s, %s%% over", data.ActualAmount, data.BudgetAmount, data.PercentOver))
		}
	}
	require.NoError(h.t, rows.Err())
	return said
}

const (
	warned80  = "budget_warning: 80% of your groceries budget is used"
	exceeded1 = "exceeded: 110.00 of 100.00, 10% over"
)

func TestABudgetIsToldOfOnce(t *testing.T) {
	h := newHousehold(t)
	h.take(h.budget(tracing.NewID(), "100.00", false))
	_, e := h.spent("79.99")
	h.take(e)
	require.Empty(t, h.said())
	_, e = h.spent("0.01")
	h.take(e)
	require.Equal(t, []string{warned80}, h.said())
	_, e = h.spent("20.00")
	h.take(e)
	require.Equal(t, []string{warned80}, h.said(), "all of it is not too much")
	_, e = h.spent("10.00")
	h.take(e)
	require.Equal(t, []string{warned80, exceeded1}, h.said())
	_, e = h.spent("1.00")
	h.take(e)
	require.Equal(t, []string{warned80, exceeded1}, h.said(), "not at every later transaction")
}

func TestADuplicateChangesNothing(t *testing.T) {
	h := newHousehold(t)
	_, e := h.spent("60.00")
	h.take(h.budget(tracing.NewID(), "100.00", false), e, e, e)
	require.Empty(t, h.said())
	var wait sync.WaitGroup
	_, e = h.spent("25.00")
	handled := make([]bool, 6)
	for i := range handled {
		wait.Go(func() { handled[i], _ = h.handlers["finance.transaction.created"](t.Context(), e) })
	}
	wait.Wait()
	first := 0
	for _, one := range handled {
		if one {
			first++
		}
	}
	require.Equal(t, 1, first)
	require.Equal(t, []string{"budget_warning: 85% of your groceries budget is used"}, h.said())
}

func TestWhatDoesNotCount(t *testing.T) {
	h := newHousehold(t)
	h.take(h.budget(tracing.NewID(), "100.00", false))
	for _, change := range []func(*event.TransactionCreated){
		func(t *event.TransactionCreated) { t.Type = event.Income },
		func(t *event.TransactionCreated) { t.Currency = "USD" },
		func(t *event.TransactionCreated) { t.Category = "leisure" },
		func(t *event.TransactionCreated) { t.Timestamp = t.Timestamp.AddDate(0, 1, 0) },
		func(t *event.TransactionCreated) { t.UserID = tracing.NewID() },
	} {
		data, _ := h.spent("500.00")
		change(&data)
		h.take(h.about(event.TypeTransactionCreated, data))
	}
	require.Empty(t, h.said())
}

func TestANewLimitIsToldOfAnew(t *testing.T) {
	h := newHousehold(t)
	id := tracing.NewID()
	_, e := h.spent("110.00")
	h.take(e)
	require.Empty(t, h.said())
	h.take(h.budget(id, "100.00", false))
	require.Equal(t, []string{exceeded1}, h.said(), "what was spent before the budget counts")
	h.take(h.budget(id, "200.00", false), h.budget(id, "100.00", false))
	require.Equal(t, []string{exceeded1}, h.said())
	h.take(h.budget(id, "50.00", true))
	_, e = h.spent("300.00")
	h.take(e)
	require.Equal(t, []string{exceeded1}, h.said(), "a deleted budget has no limits")
}

func TestUpdatesCount(t *testing.T) {
	h := newHousehold(t)
	first, e := h.spent("60.00")
	h.take(h.budget(tracing.NewID(), "100.00", false), e)
	h.take(h.changed(first, map[string]event.Change{"amount": {Before: "60.00", After: "110.00"}}))
	require.Equal(t, []string{exceeded1}, h.said())
	h.take(h.changed(first, map[string]event.Change{"category": {Before: "groceries", After: "leisure"}}))
	_, e = h.spent("30.00")
	h.take(e)
	require.Equal(t, []string{exceeded1}, h.said())
}

// Events come on three topics, so in any order. The sum at the end must not
// depend on it, and nothing must be said twice.
func TestTheOrderOfEventsDoesNotMatter(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := newHousehold(t)
			id := tracing.NewID()
			first, one := h.spent("60.00")
			_, two := h.spent("40.00")
			events := []event.CloudEvent{
				h.budget(id, "90.00", true), h.budget(id, "100.00", false), one, two,
				h.changed(first, map[string]event.Change{"amount": {Before: "60.00", After: "500.00"}}),
				h.changed(first, map[string]event.Change{"amount": {Before: "500.00", After: "70.00"}, "description": {Before: "", After: "x"}}),
			}
			rand.New(rand.NewPCG(seed, 1)).Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			h.take(events...)
			h.take(events...)
			var spent, limit string
			require.NoError(t, h.pool.QueryRow(t.Context(), "SELECT amount::text FROM spending").Scan(&spent))
			require.NoError(t, h.pool.QueryRow(t.Context(), "SELECT amount::text FROM budgets WHERE NOT deleted").Scan(&limit))
			require.Equal(t, "110.0000", spent)
			require.Equal(t, "100.0000", limit)
			counts := map[string]int{}
			for _, what := range h.said() {
				counts[what[:8]]++
			}
			require.Equal(t, 1, counts["exceeded"], h.said())
			require.LessOrEqual(t, counts["budget_w"], 1, h.said())
		})
	}
}

func TestAnUnusualExpenseIsPointedOutOnce(t *testing.T) {
	h := newHousehold(t)
	for range 10 {
		_, e := h.spent(fmt.Sprintf("%d.00", 9+rand.IntN(3)))
		h.take(e)
	}
	require.Empty(t, h.said())
	odd, e := h.spent("95.00")
	h.take(e)
	require.Len(t, h.said(), 1)
	require.Equal(t, "spending_pattern: Unusual expense: 95.00 EUR on groceries", h.said()[0])
	h.take(h.changed(odd, map[string]event.Change{"amount": {Before: "95.00", After: "96.00"}}))
	require.Len(t, h.said(), 1)
}

func TestAFailedHandlerLeavesNothing(t *testing.T) {
	h := newHousehold(t)
	data, e := h.spent("85.00")
	h.take(h.budget(tracing.NewID(), "100.00", false))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.handlers["finance.transaction.created"](ctx, e)
	require.Error(t, err)
	var count int
	require.NoError(t, h.pool.QueryRow(t.Context(), "SELECT count(*) FROM seen_transactions WHERE id = $1", data.TransactionID).Scan(&count))
	require.Zero(t, count)
	h.take(e)
	require.Len(t, h.said(), 1, "delivered again, it has its effect")
}

func (h *household) budgetOf(b event.BudgetChanged) event.CloudEvent {
	b.UserID, b.Category, b.Currency = h.user, "groceries", "EUR"
	return h.about(event.TypeBudgetChanged, b)
}

func TestThresholdsAreTheUsers(t *testing.T) {
	h := newHousehold(t)
	b := event.BudgetChanged{BudgetID: tracing.NewID(), Limit: "100.00", Month: "2026-11", Threshold: 50}
	_, e := h.spent("49.99")
	h.take(h.budgetOf(b), e)
	require.Empty(t, h.said())
	_, e = h.spent("10.01")
	h.take(e)
	require.Equal(t, []string{"budget_warning: 60% of your groceries budget is used"}, h.said())
	b.Threshold = 55
	h.take(h.budgetOf(b))
	require.Len(t, h.said(), 2, "another threshold is told of anew")
}

// What was left of October is added to November, as far as it was left.
func TestRolloverCounts(t *testing.T) {
	h := newHousehold(t)
	october := event.BudgetChanged{BudgetID: tracing.NewID(), Limit: "100.00", Month: "2026-10"}
	november := event.BudgetChanged{BudgetID: tracing.NewID(), Limit: "100.00", Month: "2026-11", Rollover: true}
	_, e := h.spent("150.00")
	h.take(e, h.budgetOf(october), h.budgetOf(november))
	require.Empty(t, h.said(), "150 of 200")
	late, _ := h.spent("60.00")
	late.Timestamp = time.Date(2026, 10, 30, 9, 0, 0, 0, time.UTC)
	h.take(h.about(event.TypeTransactionCreated, late))
	require.Equal(t, []string{"exceeded: 150.00 of 140.00, 7.14% over"}, h.said(), "150 of 140")
	h.take(h.changed(late, map[string]event.Change{"amount": {Before: "60.00", After: "500.00"}}))
	require.Contains(t, h.said(), "exceeded: 500.00 of 100.00, 400% over", "October itself")
	require.Len(t, h.said(), 2, "October is over, so nobody is warned; November was told of, and loses no more than what was left")
}

// What was left in September still counts in November when October left it over.
func TestRolloverIsCarriedOnFromMonthToMonth(t *testing.T) {
	h := newHousehold(t)
	for month, roll := range map[string]bool{"2026-09": false, "2026-10": true, "2026-11": true} {
		h.take(h.budgetOf(event.BudgetChanged{BudgetID: tracing.NewID(), Limit: "100.00", Month: month, Rollover: roll}))
	}
	_, e := h.spent("230.00")
	h.take(e)
	require.Empty(t, h.said(), "230 of 300")
	late, _ := h.spent("80.00")
	late.Timestamp = time.Date(2026, 9, 30, 9, 0, 0, 0, time.UTC)
	h.take(h.about(event.TypeTransactionCreated, late))
	require.Contains(t, h.said(), "exceeded: 230.00 of 220.00, 4.55% over", "what is spent two months ago is missed now")
}

// Where a refund is taken back, more is spent than before.
func TestARefundThatIsGoneCounts(t *testing.T) {
	h := newHousehold(t)
	back, _ := h.spent("30.00")
	back.Type, back.Refund = event.Income, true
	_, e := h.spent("110.00")
	h.take(h.budget(tracing.NewID(), "150.00", false), h.about(event.TypeTransactionCreated, back), e)
	require.Empty(t, h.said(), "80 of 150")
	_, e = h.spent("60.00")
	h.take(e)
	require.Equal(t, []string{"budget_warning: 93.3% of your groceries budget is used"}, h.said())
	h.take(h.changed(back, map[string]event.Change{"status": {Before: event.Active, After: event.Deleted}}))
	require.Contains(t, h.said(), "exceeded: 170.00 of 150.00, 13.33% over")
}

func TestABudgetOfAnImportedPastIsNoNews(t *testing.T) {
	h := newHousehold(t)
	h.take(h.budgetOf(event.BudgetChanged{BudgetID: tracing.NewID(), Limit: "100.00", Month: "2026-09"}))
	old, _ := h.spent("150.00")
	old.Timestamp = time.Date(2026, 9, 30, 9, 0, 0, 0, time.UTC)
	h.take(h.about(event.TypeTransactionCreated, old))
	require.Empty(t, h.said())
}

func TestWhatIsDeletedDoesNotCount(t *testing.T) {
	h := newHousehold(t)
	first, e := h.spent("60.00")
	h.take(h.budget(tracing.NewID(), "100.00", false), e)
	gone := map[string]event.Change{"status": {Before: event.Active, After: event.Deleted}}
	back := map[string]event.Change{"status": {Before: event.Deleted, After: event.Active}}
	h.take(h.changed(first, gone))
	_, e = h.spent("50.00")
	h.take(e)
	require.Empty(t, h.said(), "60 are gone")
	h.take(h.changed(first, back))
	require.Equal(t, []string{exceeded1}, h.said(), "and back")
}

func TestAnUnusualExpenseOfThePastIsNoNews(t *testing.T) {
	h := newHousehold(t)
	for range 10 {
		_, e := h.spent(fmt.Sprintf("%d.00", 9+rand.IntN(3)))
		h.take(e)
	}
	_, e := h.spent("95.00")
	h.clock = h.clock.AddDate(0, 0, 20)
	h.take(e)
	require.Empty(t, h.said())
}

// A review forecasts this month's budgets.
func TestAReviewForecasts(t *testing.T) {
	h := newHousehold(t)
	for day := range 80 {
		data, _ := h.spent("10.00")
		data.Timestamp = h.clock.AddDate(0, 0, day-80)
		h.take(h.about(event.TypeTransactionCreated, data))
	}
	h.take(h.budget(tracing.NewID(), "150.00", false))
	h.clock = time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC)
	for day := range 8 {
		h.clock = h.clock.AddDate(0, 0, 1)
		_, e := h.spent(fmt.Sprintf("%d.00", 9+day%3))
		h.take(e)
		h.clock = h.clock.Add(2 * time.Minute)
		_, err := h.agent.ReviewDue(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, []string{"budget_warning: Your groceries budget will probably be exceeded"}, h.said())
}
