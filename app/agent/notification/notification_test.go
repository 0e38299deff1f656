//go:build integration

package notification

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func TestUsersAreToldOnceAndItIsTold(t *testing.T) {
	pool := pgtest.Pool(t, event.Notification)
	handlers := (&Agent{Pool: pool}).Handlers()
	user := tracing.NewID()
	for topic, data := range map[string]any{
		"ai.insight.generated": event.InsightGenerated{
			InsightID: tracing.NewID(), UserID: user, InsightType: event.BudgetWarning, Title: "85% is used", Message: "m", Confidence: 1},
		"finance.budget.exceeded": event.BudgetExceeded{
			UserID: user, BudgetID: tracing.NewID(), Category: "groceries", BudgetAmount: "100.00", ActualAmount: "110.00", PercentOver: "10", Period: "2026-11"},
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

// spoken is a channel that notes what it is to say, and fails as told.
type spoken struct {
	said []Note
	fail error
}

func (s *spoken) Send(_ context.Context, _ event.PreferencesChanged, notes []Note) error {
	if s.fail != nil {
		return s.fail
	}
	s.said = append(s.said, notes...)
	return nil
}

// household is a user, told of by one agent whose clock can be set.
type household struct {
	t     *testing.T
	agent *Agent
	mail  *spoken
	now   time.Time
	user  event.PreferencesChanged
}

func newHousehold(t *testing.T) *household {
	h := &household{t: t, mail: &spoken{}, now: at("2026-11-03T12:00:00Z")}
	h.agent = &Agent{Pool: pgtest.Pool(t, event.Notification), Offers: map[string]Channel{email: h.mail}, Now: func() time.Time { return h.now }}
	h.user = event.PreferencesChanged{UserID: tracing.NewID(), Email: "ada@example.org", Timezone: "UTC", Channels: []string{inApp, email}, Digest: "off", MutedTypes: []string{}}
	return h
}

func (h *household) take(kind string, data any) {
	h.t.Helper()
	e, err := event.New(h.t.Context(), event.Backend, kind, "x", data)
	require.NoError(h.t, err)
	require.NoError(h.t, event.Check(e))
	topic, _ := event.OfType(kind)
	_, err = h.agent.Handlers()[topic.Name](h.t.Context(), e)
	require.NoError(h.t, err)
}

func (h *household) insight(title string) {
	h.t.Helper()
	h.take(event.TypeInsightGenerated, event.InsightGenerated{
		InsightID: tracing.NewID(), UserID: h.user.UserID, InsightType: event.SavingsTip, Title: title, Message: "m", Confidence: 1})
}

// deliver lets the agent deliver what is due.
func (h *household) deliver() {
	h.t.Helper()
	_, err := h.agent.deliverDue(h.t.Context(), slog.New(slog.DiscardHandler))
	require.NoError(h.t, err)
}

// audit lists the statuses that were told of e-mails, in order.
func (h *household) audit() []string {
	h.t.Helper()
	rows, err := h.agent.Pool.Query(h.t.Context(), "SELECT payload->'data'->>'status' FROM outbox WHERE payload->'data'->>'channel' = 'email' ORDER BY id")
	require.NoError(h.t, err)
	statuses, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(h.t, err)
	return statuses
}

func TestEmailIsTriedAgain(t *testing.T) {
	h := newHousehold(t)
	h.take(event.TypePreferencesChanged, h.user)
	h.mail.fail = errors.New("the server is away")
	h.insight("a")
	h.deliver()
	h.deliver()
	require.Equal(t, []string{pending}, h.audit(), "it waits for the next try")
	h.mail.fail = nil
	h.now = h.now.Add(time.Minute)
	h.deliver()
	require.Equal(t, []Note{{"a", "m"}}, h.mail.said)
	require.Equal(t, []string{pending, delivered}, h.audit())
	h.deliver()
	require.Len(t, h.mail.said, 1)
}

func TestNoTryIsInQuietHours(t *testing.T) {
	h := newHousehold(t)
	h.user.QuietFrom, h.user.QuietUntil = "22:00", "07:00"
	h.take(event.TypePreferencesChanged, h.user)
	h.now = at("2026-11-03T21:59:50Z")
	h.mail.fail = errors.New("the server is away")
	h.insight("a")
	h.deliver()
	h.mail.fail = nil
	for h.now = at("2026-11-03T22:00:00Z"); h.now.Before(at("2026-11-04T07:00:00Z")); h.now = h.now.Add(30 * time.Minute) {
		h.deliver()
		require.Empty(t, h.mail.said, "at %s", h.now)
	}
	h.now = at("2026-11-04T07:00:00Z")
	h.deliver()
	require.Equal(t, []Note{{"a", "m"}}, h.mail.said)
}

func TestWhoSwitchesEmailOffGetsNoneThatWasPlanned(t *testing.T) {
	h := newHousehold(t)
	h.user.Digest = "daily"
	h.take(event.TypePreferencesChanged, h.user)
	h.insight("a")
	h.user.Channels = []string{inApp}
	h.take(event.TypePreferencesChanged, h.user)
	h.now = h.now.Add(48 * time.Hour)
	h.deliver()
	require.Empty(t, h.mail.said)
	require.Equal(t, []string{pending, failed}, h.audit())
}

// narrow is a channel that takes one message at a time.
type narrow struct {
	sends    atomic.Int64
	overlaps atomic.Int64
	inside   chan struct{} // one place
}

func (n *narrow) Send(context.Context, event.PreferencesChanged, []Note) error {
	n.sends.Add(1)
	select {
	case n.inside <- struct{}{}:
		time.Sleep(20 * time.Millisecond) // for another to come, if one does
		<-n.inside
	default:
		n.overlaps.Add(1)
	}
	return nil
}

func TestEmailsGoOneAfterTheOther(t *testing.T) {
	h := newHousehold(t)
	channel := &narrow{inside: make(chan struct{}, 1)}
	h.agent.Offers = map[string]Channel{email: channel}
	h.take(event.TypePreferencesChanged, h.user)
	for _, title := range []string{"a", "b", "c"} {
		h.insight(title)
	}
	h.deliver()
	require.EqualValues(t, 3, channel.sends.Load())
	require.Zero(t, channel.overlaps.Load(), "Dapr's binding would mix up the recipients")
	require.Equal(t, []string{"pending", "pending", "pending", "delivered", "delivered", "delivered"}, h.audit())
}

func TestEmailIsGivenUp(t *testing.T) {
	h := newHousehold(t)
	h.take(event.TypePreferencesChanged, h.user)
	h.mail.fail = errors.New("the server is away")
	h.insight("a")
	for range len(pauses) + 2 {
		h.deliver()
		h.now = h.now.Add(24 * time.Hour)
	}
	require.Equal(t, []string{pending, failed}, h.audit())
	h.mail.fail = ErrPermanent
	h.insight("b")
	h.deliver()
	require.Equal(t, []string{pending, failed, pending, failed}, h.audit(), "what cannot be mended is not tried again")
}

func TestADigestIsOneEmail(t *testing.T) {
	h := newHousehold(t)
	h.user.Digest = "daily"
	h.take(event.TypePreferencesChanged, h.user)
	h.insight("a")
	h.insight("b")
	h.deliver()
	require.Empty(t, h.mail.said)
	h.now = at("2026-11-04T08:00:00Z")
	h.deliver()
	require.ElementsMatch(t, []Note{{"a", "m"}, {"b", "m"}}, h.mail.said)
}

func TestWhatIsMutedIsNotTold(t *testing.T) {
	h := newHousehold(t)
	h.user.MutedTypes = []string{event.SavingsTip}
	h.take(event.TypePreferencesChanged, h.user)
	h.insight("a")
	h.take(event.TypeReminderDue, event.ReminderDue{UserID: h.user.UserID, TaskID: tracing.NewID(), Title: "rent", RemindAt: h.now})
	h.deliver()
	require.Equal(t, []Note{{"Reminder", "rent"}}, h.mail.said)
}

func TestADeletedUserLeavesNothing(t *testing.T) {
	h := newHousehold(t)
	h.take(event.TypePreferencesChanged, h.user)
	h.insight("a")
	h.take(event.TypeUserDeleted, event.UserDeleted{UserID: h.user.UserID, DeletedAt: h.now})
	h.insight("late")
	h.take(event.TypePreferencesChanged, h.user)
	h.deliver()
	require.Empty(t, h.mail.said)
	var left int
	require.NoError(t, h.agent.Pool.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM alerts) + (SELECT count(*) FROM preferences)").Scan(&left))
	require.Zero(t, left)
}
