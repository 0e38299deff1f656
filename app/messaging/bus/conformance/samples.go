package conformance

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
)

// Samples are events of every type but user.deleted, about one user: things that
// are made, changed, deleted and restored, the last word on each coming last.
func Samples(t testing.TB, user uuid.UUID) []event.CloudEvent {
	t.Helper()
	clock := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	var events []event.CloudEvent
	tell := func(service, kind string, data any) {
		e, err := event.New(context.Background(), service, kind, "x", data)
		require.NoError(t, err)
		clock = clock.Add(time.Second)
		e.Time = clock
		require.NoError(t, event.Check(e), kind)
		events = append(events, e)
	}
	wallet, savings := tracing.NewID(), tracing.NewID()
	spent := func(amount, kind string) uuid.UUID {
		id := tracing.NewID()
		data := event.TransactionCreated{
			TransactionID: id, UserID: user, Amount: amount, Currency: "EUR", Type: kind, Category: "groceries", Description: "Rewe 4711",
			WalletID: wallet, Timestamp: clock,
		}
		if kind == event.Transfer {
			data.ToWalletID = &savings
		}
		tell(event.Backend, event.TypeTransactionCreated, data)
		return id
	}
	change := func(id uuid.UUID, field, before, after string) {
		tell(event.Backend, event.TypeTransactionUpdated, event.TransactionUpdated{
			TransactionID: id, UserID: user, Changes: map[string]event.Change{field: {Before: before, After: after}}, UpdatedAt: clock,
		})
	}
	budget := tracing.NewID()
	for _, limit := range []string{"200.00", "100.00"} {
		tell(event.Backend, event.TypeBudgetChanged, event.BudgetChanged{
			UserID: user, BudgetID: budget, Category: "groceries", Limit: limit, Currency: "EUR", Month: clock.Format("2006-01"), Threshold: 70,
		})
	}
	for _, opening := range []string{"0.00", "-12.50"} {
		tell(event.Backend, event.TypeWalletChanged, event.WalletChanged{UserID: user, WalletID: wallet, Name: "Current account", Type: "checking", Currency: "EUR", OpeningBalance: opening})
	}
	category := tracing.NewID()
	for version, name := range []string{"Food", "Food & drink"} {
		tell(event.Backend, event.TypeCategoryChanged, event.CategoryChanged{
			UserID: user, CategoryID: category, Slug: "food", Name: name, Kind: event.Expense, Version: int64(version) + 1,
		})
	}
	goal, made := tracing.NewID(), clock
	for _, saved := range []string{"10.00", "20.00"} {
		tell(event.Backend, event.TypeGoalChanged, event.GoalChanged{
			UserID: user, GoalID: goal, Name: "A bicycle", Target: "900.00", Saved: saved, Currency: "EUR", Status: "active", Deadline: "2030-01-31", CreatedAt: made,
		})
	}
	first := spent("60.00", event.Expense)
	second := spent("50.00", event.Expense)
	spent("2000.00", event.Income)
	spent("25.00", event.Transfer)
	change(first, "amount", "60.00", "80.00")
	change(first, "description", "Rewe 4711", "Lidl")
	change(second, "status", event.Active, event.Deleted)
	change(second, "status", event.Deleted, event.Active)
	for _, email := range []string{"old@example.org", "new@example.org"} {
		tell(event.Backend, event.TypePreferencesChanged, event.PreferencesChanged{
			UserID: user, Email: email, Timezone: "Europe/Berlin", Channels: []string{"in_app"}, Digest: "off", MutedTypes: []string{},
		})
	}
	insight := tracing.NewID()
	tell(event.Analytics, event.TypeInsightGenerated, event.InsightGenerated{
		InsightID: insight, UserID: user, InsightType: event.SpendingPattern, Title: "Unusual expense", Message: "It is unusual.", Confidence: 0.8,
		RelatedEntities: map[string]string{"detector": "anomaly"},
	})
	tell(event.Analytics, event.TypeBudgetExceeded, event.BudgetExceeded{
		UserID: user, BudgetID: budget, Category: "groceries", BudgetAmount: "100.00", ActualAmount: "130.00", PercentOver: "30", Period: clock.Format("2006-01"),
	})
	tell(event.Backend, event.TypeReminderDue, event.ReminderDue{UserID: user, TaskID: tracing.NewID(), Title: "Call the bank", RemindAt: clock})
	tell(event.Backend, event.TypeMailRequested, event.MailRequested{
		UserID: user, Email: "ada@example.org", Kind: event.MailConfirmAddress, Link: "https://app.example.org/#secret", ExpiresAt: clock.Add(24 * time.Hour),
	})
	for _, feedback := range []string{"none", "wrong"} {
		tell(event.Backend, event.TypeInsightDismissed, event.InsightDismissed{
			UserID: user, InsightID: insight, InsightType: event.SpendingPattern, Detector: "anomaly", Feedback: feedback, DismissedAt: clock,
		})
	}
	alert, cause := tracing.NewID(), tracing.NewID()
	for _, status := range []string{"pending", "delivered"} {
		tell(event.Notification, event.TypeAlertSent, event.AlertSent{
			AlertID: alert, UserID: user, Channel: "email", SourceEvent: event.TypeInsightGenerated, SourceEventID: cause, DeliveredAt: clock,
			Status: status, Title: "Unusual expense", Message: "It is unusual.",
		})
	}
	return events
}
