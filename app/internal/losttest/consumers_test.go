//go:build integration

package losttest

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/analytics"
	"github.com/wealth-companion/companion/app/agent/banking"
	"github.com/wealth-companion/companion/app/agent/investment"
	"github.com/wealth-companion/companion/app/agent/notification"
	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/messaging/bus/conformance"
	"github.com/wealth-companion/companion/app/people/alert"
	"github.com/wealth-companion/companion/app/people/insight"
	"github.com/wealth-companion/companion/app/store/db"
)

// agent is an observer as production has it, on a pool.
func agent(watch func(*observer.Observer) *observer.Observer, pool *pgxpool.Pool) *observer.Observer {
	return watch(&observer.Observer{Pool: pool, Log: slog.New(slog.DiscardHandler), Settings: observer.Settings{Interval: 24 * time.Hour, Settle: time.Hour}})
}

// consumers are the handlers of every service, on a pool.
var consumers = map[string]func(*pgxpool.Pool) map[string]bus.Handler{
	event.Analytics:  func(pool *pgxpool.Pool) map[string]bus.Handler { return agent(analytics.Watch, pool).Handlers() },
	event.Banking:    func(pool *pgxpool.Pool) map[string]bus.Handler { return agent(banking.Watch, pool).Handlers() },
	event.Investment: func(pool *pgxpool.Pool) map[string]bus.Handler { return agent(investment.Watch, pool).Handlers() },
	event.Notification: func(pool *pgxpool.Pool) map[string]bus.Handler {
		return (&notification.Agent{Pool: pool, Letters: &notification.Mail{}}).Handlers()
	},
	event.Backend: func(pool *pgxpool.Pool) map[string]bus.Handler {
		return bus.ByTopic(event.Backend, map[string]bus.Handler{
			event.TypeInsightGenerated: (&insight.Insights{Pool: pool, Service: event.Backend}).Take,
			event.TypeAlertSent:        (&alert.Alerts{Pool: pool}).Take,
		})
	},
}

// losingAt opens a pool whose client is lost before the message of that number, from 0, that it
// sends once it is connected. sent counts the messages.
func losingAt(t *testing.T, pool *pgxpool.Pool, number int64) (its *pgxpool.Pool, gone <-chan struct{}, sent *atomic.Int64) {
	config := pool.Config()
	config.MaxConns = 1
	sent = &atomic.Int64{}
	var connected atomic.Bool
	after := config.AfterConnect
	config.AfterConnect = func(ctx context.Context, connection *pgx.Conn) error {
		defer connected.Store(true)
		return after(ctx, connection)
	}
	its, gone = losingWhere(t, config, func() func([]byte) bool {
		return func([]byte) bool { return connected.Load() && sent.Add(1) > number }
	})
	return its, gone, sent
}

// story is a person's events up to one that is tried, which a consumer has handled but for
// that one.
type story struct {
	user   uuid.UUID
	before []event.CloudEvent
	tried  event.CloudEvent
}

// storyOf is a new person's up to the last event of a type; of new transactions up to the one
// that exceeds a budget.
func storyOf(t *testing.T, service, kind string) story {
	t.Helper()
	s := story{user: uuid.New()}
	if kind == event.TypeUserDeleted {
		gone, err := event.New(t.Context(), event.Backend, kind, s.user.String(), event.UserDeleted{UserID: s.user, DeletedAt: time.Now().UTC()})
		require.NoError(t, err)
		s.tried = gone
	}
	var own []event.CloudEvent
	for _, e := range conformance.Samples(t, s.user) {
		if topic, _ := event.OfType(e.Type); slices.Contains(topic.Consumers, service) {
			own = append(own, e)
		}
	}
	s.before = own
	transactions := 0
	for i, e := range own {
		if e.Type != kind {
			continue
		}
		s.before, s.tried = own[:i], e
		if transactions++; kind == event.TypeTransactionCreated && transactions == 2 {
			break
		}
	}
	require.NotEmpty(t, s.tried.ID, "no sample of %s", kind)
	return s
}

// A consumer of every kind of event, with the role of its service, is lost before messages
// that it sends to PostgreSQL, the first and the commit among them: every one in make test-faults. Whoever handles the event in
// its place does so within the bound, and once.
func TestAConsumerThatIsLostAnywhereHoldsNobodyUpForLong(t *testing.T) {
	for service, handlers := range consumers {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.AsService(t, service)
			wide := pool.Config()
			wide.MaxConns = 60 // each waits for one that is lost
			others, err := pgxpool.NewWithConfig(t.Context(), wide)
			require.NoError(t, err)
			defer others.Close()
			handle := func(pool *pgxpool.Pool, e event.CloudEvent) (bool, error) {
				topic, _ := event.OfType(e.Type)
				return handlers(pool)[topic.Name](t.Context(), e)
			}
			prepared := func(kind string) event.CloudEvent {
				its := storyOf(t, service, kind)
				if service == event.Backend {
					require.Equal(t, 1, count(t, pool, "WITH u AS (INSERT INTO backend.users (id, email, password_hash) VALUES ($1, $2, '') RETURNING id) SELECT count(*) FROM u", its.user, its.user.String()+"@example.org"))
				}
				for _, e := range its.before {
					_, err := handle(others, e)
					require.NoError(t, err)
				}
				return its.tried
			}
			type lost struct {
				what  string
				event event.CloudEvent
			}
			var all []lost
			ctx, giveUp := context.WithCancel(t.Context())
			var clients sync.WaitGroup
			var pools []*pgxpool.Pool
			defer func() {
				giveUp()
				clients.Wait()
				for _, pool := range pools {
					pool.Close()
				}
			}()
			for _, topic := range event.ConsumedBy(service) {
				whole, _, sent := losingAt(t, pool, math.MaxInt64)
				first, err := handle(whole, prepared(topic.Type))
				require.NoError(t, err)
				require.True(t, first)
				messages := sent.Load() // before the farewell
				whole.Close()
				for number := range messages {
					if number%every != 0 && number != messages-1 { // the last is the commit
						continue
					}
					its := lost{fmt.Sprintf("%s, before message %d of %d", topic.Type, number+1, messages), prepared(topic.Type)}
					through, gone, _ := losingAt(t, pool, number)
					pools = append(pools, through)
					client := handlers(through)[topic.Name]
					clients.Go(func() { _, _ = client(ctx, its.event) })
					select {
					case <-gone:
					case <-time.After(30 * time.Second):
						require.Fail(t, "the client was never lost", its.what)
					}
					all = append(all, its)
				}
			}
			began := time.Now()
			var longest atomic.Int64
			var waiting sync.WaitGroup
			for _, its := range all {
				waiting.Go(func() {
					for {
						first, err := handle(others, its.event)
						took := time.Since(began)
						switch {
						case err == nil && !first:
							t.Errorf("%s: it had an effect before it was handled", its.what)
						case err == nil:
							longest.Store(max(longest.Load(), int64(took)))
						case !db.Transient(err):
							t.Errorf("%s: it counts as an attempt: %v", its.what, err)
						case took > bound:
							t.Errorf("%s: others are held up: %v", its.what, err)
						default:
							continue
						}
						return
					}
				})
			}
			waiting.Wait()
			t.Logf("%d clients were lost; others went on after %s at most", len(all), time.Duration(longest.Load()).Round(100*time.Millisecond))
			require.Less(t, time.Duration(longest.Load()), bound)
			for _, its := range all {
				require.Equal(t, 1, count(t, pool, "SELECT count(*) FROM "+service+".inbox WHERE event_id = $1", its.event.ID), its.what)
			}
		})
	}
}

// The replica that reviews is lost while it holds the lock of the reviews, which is no
// transaction's: another one reviews within the bound, and everybody once.
func TestAReviewerThatIsLostHoldsNobodyUpForLong(t *testing.T) {
	for name, before := range map[string]string{
		"before it asks who is due":        "due_at <= ",
		"between two statements of one":    "UPDATE reviews",
		"before a review is committed":     commit,
		"before it gives the lock back":    "pg_advisory_unlock",
		"before it shows that it is there": "SELECT\x00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.AsService(t, event.Banking)
			var reviewed atomic.Int64
			waits := make(chan struct{})
			defer close(waits)
			reviewer := func(pool *pgxpool.Pool, hangs bool) *observer.Observer {
				o := agent(banking.Watch, pool)
				o.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
				o.Review = func(ctx context.Context, _ *observer.Case, _ observer.Look) error {
					if hangs {
						select {
						case <-waits:
						case <-ctx.Done():
						}
						return ctx.Err()
					}
					reviewed.Add(1)
					return nil
				}
				return o
			}
			its := storyOf(t, event.Banking, event.TypeWalletChanged)
			for _, e := range append(its.before, its.tried) {
				topic, _ := event.OfType(e.Type)
				_, err := agent(banking.Watch, pool).Handlers()[topic.Name](t.Context(), e)
				require.NoError(t, err)
			}
			through, gone := losing(t, pool, before)
			ctx, giveUp := context.WithCancel(t.Context())
			var client sync.WaitGroup
			client.Go(func() { _, _ = reviewer(through, before == "SELECT\x00").ReviewDue(ctx) })
			defer func() { giveUp(); client.Wait(); through.Close() }()
			select {
			case <-gone:
			case <-time.After(30 * time.Second):
				require.Fail(t, "the client never came to "+before)
			}
			lostAt := reviewed.Load()
			began := time.Now()
			other := reviewer(pool, false)
			if before == "pg_advisory_unlock" { // it has reviewed; somebody else is due meanwhile
				require.EqualValues(t, 1, lostAt)
				_, err := pool.Exec(t.Context(), "UPDATE reviews SET due_at = now()")
				require.NoError(t, err)
			}
			for reviewed.Load() == lostAt {
				_, err := other.ReviewDue(t.Context())
				if err != nil {
					require.True(t, db.Transient(err), "%v", err)
				}
				require.Less(t, time.Since(began), bound, "nobody reviews")
				time.Sleep(50 * time.Millisecond) // reviews are looked for now and then
			}
			t.Logf("another reviewed after %s", time.Since(began).Round(100*time.Millisecond))
			require.EqualValues(t, lostAt+1, reviewed.Load())
		})
	}
}
