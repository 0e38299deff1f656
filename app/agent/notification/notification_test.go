//go:build integration

package notification

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/store/db/notificationdb"
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
	mu       sync.Mutex
	said     []Note
	messages [][]Note // what each message held
	browsers [][]event.PushSubscription
	ids      []uuid.UUID // of each attempt
	attempts int
	fail     error
	gone     []event.PushSubscription
}

func (s *spoken) Send(_ context.Context, id uuid.UUID, to event.PreferencesChanged, notes []Note) ([]event.PushSubscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts++
	s.ids = append(s.ids, id)
	s.browsers = append(s.browsers, to.PushSubscriptions)
	if s.fail != nil {
		return s.gone, s.fail
	}
	s.said = append(s.said, notes...)
	s.messages = append(s.messages, notes)
	return s.gone, nil
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
	h.user = event.PreferencesChanged{UserID: tracing.NewID(), Email: "ada@example.org", EmailConfirmed: true, Timezone: "UTC", Channels: []string{inApp, email}, Digest: "off", MutedTypes: []string{}}
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

// deliver lets the agent deliver what is due by now.
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
	h.now = h.now.Add(gather)
	h.deliver()
	h.deliver()
	require.Equal(t, 1, h.mail.attempts)
	require.Equal(t, []string{pending}, h.audit(), "it waits for the next try")
	h.mail.fail = nil
	h.now = h.now.Add(time.Minute)
	h.deliver()
	require.Equal(t, []Note{{"a", "m"}}, h.mail.said)
	require.Equal(t, []string{pending, delivered}, h.audit())
	require.Equal(t, h.mail.ids[0], h.mail.ids[1], "it is the same message, should the first have arrived after all")
	h.deliver()
	require.Len(t, h.mail.said, 1)
	h.insight("b")
	h.now = h.now.Add(gather)
	h.deliver()
	require.NotEqual(t, h.mail.ids[1], h.mail.ids[2])
}

func TestNoTryIsInQuietHours(t *testing.T) {
	h := newHousehold(t)
	h.user.QuietFrom, h.user.QuietUntil = "22:00", "07:00"
	h.take(event.TypePreferencesChanged, h.user)
	h.now = at("2026-11-03T21:59:50Z")
	h.mail.fail = errors.New("the server is away")
	h.insight("a")
	h.now = h.now.Add(gather)
	h.deliver()
	require.Equal(t, 1, h.mail.attempts)
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

// stuck is a channel that takes longer than there is time for.
type stuck struct {
	attempts atomic.Int64
	release  chan struct{}
}

func (s *stuck) Send(context.Context, uuid.UUID, event.PreferencesChanged, []Note) ([]event.PushSubscription, error) {
	s.attempts.Add(1)
	<-s.release
	return nil, errors.New("the server is slow")
}

// A slow server had alerts given up that were never handed to it: being leased
// counted as an attempt.
func TestALeaseIsNoAttempt(t *testing.T) {
	h := newHousehold(t)
	h.take(event.TypePreferencesChanged, h.user)
	h.insight("a")
	h.now = h.now.Add(gather)
	q := notificationdb.New(h.agent.Pool)
	for range 2 * len(pauses) {
		// Replicas that die with the lease.
		taken, err := q.TakeDue(t.Context(), h.now.Add(lease), h.now, batch)
		require.NoError(t, err)
		require.Len(t, taken, 1)
		require.Zero(t, taken[0].Tries)
		again, err := q.TakeDue(t.Context(), h.now.Add(lease), h.now, batch)
		require.NoError(t, err)
		require.Empty(t, again, "it is leased")
		h.now = h.now.Add(lease)
	}
	h.deliver()
	require.Equal(t, []Note{{"a", "m"}}, h.mail.said)
	require.Equal(t, []string{pending, delivered}, h.audit())
}

// What is sent while the process is told to end is known to be sent.
func TestWhatWasSentIsSettledThoughTheProcessEnds(t *testing.T) {
	h := newHousehold(t)
	h.take(event.TypePreferencesChanged, h.user)
	h.insight("a")
	h.now = h.now.Add(gather)
	channel := &stuck{release: make(chan struct{})}
	h.agent.Offers = map[string]Channel{email: channel}
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := h.agent.deliverDue(ctx, slog.New(slog.DiscardHandler))
		done <- err
	}()
	require.Eventually(t, func() bool { return channel.attempts.Load() == 1 }, 10*time.Second, time.Millisecond)
	end()
	close(channel.release)
	require.NoError(t, <-done)
	var attempts int
	require.NoError(t, h.agent.Pool.QueryRow(t.Context(), "SELECT tries FROM alerts WHERE channel = 'email'").Scan(&attempts))
	require.Equal(t, 1, attempts)
}

func TestOneEmailForOneCause(t *testing.T) {
	h := newHousehold(t)
	h.take(event.TypePreferencesChanged, h.user)
	h.insight("unusual")
	h.take(event.TypeBudgetExceeded, event.BudgetExceeded{
		UserID: h.user.UserID, BudgetID: tracing.NewID(), Category: "eating-out", CategoryName: "Cafés & bars", Currency: "JPY",
		BudgetAmount: "10000.00", ActualAmount: "11000.00", PercentOver: "10", Period: "2026-11"})
	h.insight("charged twice")
	require.Zero(t, h.mail.attempts)
	h.now = h.now.Add(gather)
	h.deliver()
	require.Equal(t, [][]Note{{
		{"unusual", "m"},
		{"Your Cafés & bars budget is exceeded", "You have spent 11000 JPY of 10000 JPY on Cafés & bars in November 2026: 1000 JPY (10%) too much."},
		{"charged twice", "m"},
	}}, h.mail.messages)
}

func TestNoEmailToAnAddressThatIsNotConfirmed(t *testing.T) {
	h := newHousehold(t)
	h.user.EmailConfirmed = false
	h.take(event.TypePreferencesChanged, h.user)
	h.insight("a")
	h.now = h.now.Add(gather)
	h.deliver()
	require.Zero(t, h.mail.attempts)
	require.Empty(t, h.audit())

	// Confirmed when it was planned, another address when it is due.
	h.user.EmailConfirmed, h.user.Version = true, 5
	h.take(event.TypePreferencesChanged, h.user)
	h.insight("b")
	h.user.Email, h.user.EmailConfirmed, h.user.Version = "stranger@example.org", false, 6
	h.take(event.TypePreferencesChanged, h.user)
	h.now = h.now.Add(gather)
	h.deliver()
	require.Zero(t, h.mail.attempts)
	require.Equal(t, []string{pending, failed}, h.audit())
}

func TestADayHasSoManyEmails(t *testing.T) {
	h := newHousehold(t)
	h.user.Timezone = "Asia/Tokyo" // 21:00 on November 3
	h.take(event.TypePreferencesChanged, h.user)
	for range dailyMails + 5 {
		h.insight("a")
		h.now = h.now.Add(gather)
		h.deliver()
	}
	require.Len(t, h.mail.messages, dailyMails)
	h.now = at("2026-11-03T22:59:59Z")
	h.deliver()
	require.Len(t, h.mail.messages, dailyMails)
	h.now = at("2026-11-03T23:00:00Z") // 08:00 on November 4
	h.deliver()
	require.Len(t, h.mail.messages, dailyMails+1)
	require.Len(t, h.mail.messages[dailyMails], 5, "what waited goes in one")
	var attempts int
	require.NoError(t, h.agent.Pool.QueryRow(t.Context(), "SELECT max(tries) FROM alerts").Scan(&attempts))
	require.Equal(t, 1, attempts, "to wait is no attempt")

	// What could not be sent does not count.
	h.mail.fail = errors.New("the server is away")
	h.insight("b")
	h.now = h.now.Add(gather)
	h.deliver()
	var sent int
	require.NoError(t, h.agent.Pool.QueryRow(t.Context(), "SELECT sent FROM mails WHERE day = '2026-11-04'").Scan(&sent))
	require.Equal(t, 1, sent)
}

func TestABrowserThatIsGoneIsAskedOnce(t *testing.T) {
	h := newHousehold(t)
	pusher := &spoken{}
	h.agent.Offers = map[string]Channel{push: pusher}
	old, current := event.PushSubscription{Endpoint: "https://push.example.org/old"}, event.PushSubscription{Endpoint: "https://push.example.org/new"}
	h.user.Channels, h.user.PushSubscriptions = []string{inApp, push}, []event.PushSubscription{old, current}
	h.take(event.TypePreferencesChanged, h.user)
	pusher.gone = []event.PushSubscription{old}
	h.insight("a")
	h.deliver()
	pusher.gone = nil
	h.insight("b")
	h.deliver()
	h.take(event.TypePreferencesChanged, h.user) // the backend may list it still
	h.insight("c")
	h.deliver()
	require.Equal(t, [][]event.PushSubscription{{old, current}, {current}, {current}}, pusher.browsers)
}

// A replica whose clock is ahead must not have its word stand for ever.
func TestPreferencesAreOrderedByVersion(t *testing.T) {
	h := newHousehold(t)
	topic, _ := event.OfType(event.TypePreferencesChanged)
	put := func(version int64, channels []string, ahead time.Duration) {
		h.user.Version, h.user.Channels = version, channels
		e, err := event.New(t.Context(), event.Backend, event.TypePreferencesChanged, "x", h.user)
		require.NoError(t, err)
		e.Time = h.now.Add(ahead)
		require.NoError(t, event.Check(e))
		_, err = h.agent.Handlers()[topic.Name](t.Context(), e)
		require.NoError(t, err)
	}
	channels := func() (found []string) {
		var wants preferences
		require.NoError(t, pgx.BeginFunc(t.Context(), h.agent.Pool, func(tx pgx.Tx) (err error) {
			wants, err = preferencesOf(t.Context(), tx, h.user.UserID)
			return err
		}))
		return wants.Channels
	}
	put(0, []string{inApp, push}, 0)
	put(0, []string{inApp}, -time.Second)
	require.Equal(t, []string{inApp, push}, channels(), "events without a version are ordered by their time")
	put(1, []string{inApp, email}, -time.Minute)
	require.Equal(t, []string{inApp, email}, channels(), "the first with a version is later than those without")
	put(2, []string{inApp}, -2*time.Minute)
	require.Equal(t, []string{inApp}, channels(), "whatever the clock of who published it")
	put(1, []string{inApp, email}, time.Hour)
	require.Equal(t, []string{inApp}, channels())
}

func TestEmailIsGivenUp(t *testing.T) {
	h := newHousehold(t)
	h.take(event.TypePreferencesChanged, h.user)
	h.mail.fail = errors.New("the server is away")
	h.insight("a")
	h.now = h.now.Add(gather)
	for range len(pauses) + 2 {
		h.deliver()
		h.now = h.now.Add(24 * time.Hour)
	}
	require.Equal(t, []string{pending, failed}, h.audit())
	h.mail.fail = ErrPermanent
	h.insight("b")
	h.now = h.now.Add(gather)
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
	h.now = h.now.Add(gather)
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
	h.now = h.now.Add(gather)
	h.deliver()
	require.Empty(t, h.mail.said)
	var left int
	require.NoError(t, h.agent.Pool.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM alerts) + (SELECT count(*) FROM preferences)").Scan(&left))
	require.Zero(t, left)
}
