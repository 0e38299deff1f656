//go:build integration

package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/store/db"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// broker takes events as Kafka would, unless it is away.
type broker struct {
	mu    sync.Mutex
	away  bool
	tries int
	ids   []string
}

var errAway = errors.New("no broker")

func (b *broker) publish(_ context.Context, _, _ string, payload []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tries++
	if b.away {
		return errAway
	}
	var e event.CloudEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		return err
	}
	b.ids = append(b.ids, e.ID)
	return nil
}

func (b *broker) set(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

func (b *broker) seen() ([]string, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.ids...), b.tries
}

// relay runs until the test ends, or the returned function is called.
func relay(t *testing.T, pool *pgxpool.Pool, publish Publish) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		(&Relay{
			Pool: pool, Service: event.Backend, Publish: publish, Log: slog.New(slog.DiscardHandler),
			Waiting: func(int) {}, Published: func(string) {},
		}).Run(ctx)
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return stop
}

func anEvent(t *testing.T) event.CloudEvent {
	e, err := event.New(context.Background(), event.Backend, event.TypeTransactionCreated, "x", event.TransactionCreated{
		TransactionID: tracing.NewID(), UserID: tracing.NewID(), Amount: "1.00", Currency: "EUR", Type: event.Expense,
		Category: "other", WalletID: tracing.NewID(), Timestamp: time.Now().UTC(),
	})
	require.NoError(t, err)
	return e
}

func put(t *testing.T, pool *pgxpool.Pool) string { return putFor(t, pool, "key") }

func putFor(t *testing.T, pool *pgxpool.Pool, key string) string {
	e := anEvent(t)
	require.NoError(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error { return Put(t.Context(), tx, e, key) }))
	return e.ID
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, 20*time.Second, 10*time.Millisecond, what)
}

func TestWhatIsNotCommittedIsNotPublished(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{}
	relay(t, pool, b.publish)
	undone := errors.New("undone")
	require.ErrorIs(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error {
		if err := Put(t.Context(), tx, anEvent(t), "key"); err != nil {
			return err
		}
		return undone
	}), undone)
	want := put(t, pool)
	eventually(t, "the committed one", func() bool { ids, _ := b.seen(); return len(ids) > 0 })
	ids, _ := b.seen()
	require.Equal(t, []string{want}, ids)
}

func TestWhatBreaksTheContractIsNotKept(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	e := anEvent(t)
	e.Data = json.RawMessage(`{}`)
	require.Error(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error { return Put(t.Context(), tx, e, "key") }))
}

func TestItGoesOnWhenTheBrokerComesBackInOrder(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{away: true}
	relay(t, pool, b.publish)
	var want []string
	for range 250 { // more than a batch
		want = append(want, put(t, pool))
	}
	eventually(t, "tries", func() bool { _, tries := b.seen(); return tries >= 2 })
	b.set(false)
	eventually(t, "all of them", func() bool { ids, _ := b.seen(); return len(ids) >= len(want) })
	ids, _ := b.seen()
	require.Equal(t, want, ids)
}

func TestOneOfSeveralReplicasPublishesAndAnotherTakesOver(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{}
	stopFirst := relay(t, pool, b.publish)
	relay(t, pool, b.publish)
	var want []string
	for range 20 {
		want = append(want, put(t, pool))
	}
	eventually(t, "the first half", func() bool { ids, _ := b.seen(); return len(ids) >= 20 })
	stopFirst()
	for range 20 {
		want = append(want, put(t, pool))
	}
	eventually(t, "the second half", func() bool { ids, _ := b.seen(); return len(ids) >= 40 })
	ids, _ := b.seen()
	require.Equal(t, want, ids)
}

// A replica may die between any two steps: another goes on, nothing is lost, and
// what comes twice does not come before what was to come before it.
func TestAReplicaDies(t *testing.T) {
	for name, taken := range map[string]bool{
		"before the broker has the event":           false,
		"before it is noted that the broker has it": true,
	} {
		t.Run(name, func(t *testing.T) {
			pool := pgtest.Pool(t, event.Backend)
			var want []string
			for range 10 {
				want = append(want, put(t, pool))
			}
			b := &broker{}
			var stop func()
			leads, other := make(chan struct{}), make(chan struct{})
			lead := sync.OnceFunc(func() { close(leads) })
			die := sync.OnceFunc(func() {
				_, err := pool.Exec(context.Background(), `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
					AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
				if err != nil {
					t.Error(err)
				}
				go stop()
			})
			stop = relay(t, pool, func(ctx context.Context, topic, key string, payload []byte) error {
				lead()
				<-other
				if !taken {
					die()
					return errAway
				}
				err := b.publish(ctx, topic, key, payload)
				die()
				return err
			})
			select {
			case <-leads:
			case <-time.After(20 * time.Second):
				t.Fatal("the first relay does not lead")
			}
			relay(t, pool, b.publish)
			close(other)
			eventually(t, "all of them, noted", func() bool {
				var waiting int
				err := pool.QueryRow(t.Context(), "SELECT count(*) FROM outbox WHERE published_at IS NULL").Scan(&waiting)
				return err == nil && waiting == 0
			})
			ids, _ := b.seen()
			var firsts []string
			for _, id := range ids {
				if !slices.Contains(firsts, id) {
					firsts = append(firsts, id)
				}
			}
			require.Equal(t, want, firsts)
			if taken {
				require.Greater(t, len(ids), len(want), "what was not noted is published again")
			}
		})
	}
}

// Were it not told, each of them would wait for the next poll.
func TestAnIdleRelayIsToldOfEvents(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{}
	relay(t, pool, b.publish)
	relay(t, pool, b.publish) // the other replica hears of them too
	published := func(n int) {
		eventually(t, "it", func() bool { ids, _ := b.seen(); return len(ids) == n })
	}
	put(t, pool)
	published(1)
	began := time.Now()
	for n := range 5 {
		put(t, pool)
		published(n + 2)
	}
	require.Less(t, time.Since(began), 5*poll/2)
}

func TestItGoesOnWhenItsConnectionIsLost(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{}
	relay(t, pool, b.publish)
	first := put(t, pool)
	eventually(t, "the first", func() bool { ids, _ := b.seen(); return len(ids) == 1 })
	_, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	require.NoError(t, err)
	second := put(t, pool)
	eventually(t, "the second", func() bool { ids, _ := b.seen(); return len(ids) >= 2 })
	ids, _ := b.seen()
	require.Equal(t, []string{first, second}, ids)
}

// One key's events stay in order whatever becomes of them, also when some fail.
func TestEachKeyKeepsItsOrder(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	var mu sync.Mutex
	tries := 0
	got := map[string][]string{}
	want := map[string][]string{}
	relay(t, pool, func(_ context.Context, _, key string, payload []byte) error {
		mu.Lock()
		defer mu.Unlock()
		if tries++; tries%7 == 0 {
			return errAway
		}
		var e event.CloudEvent
		if err := json.Unmarshal(payload, &e); err != nil {
			return err
		}
		got[key] = append(got[key], e.ID)
		return nil
	})
	for range 10 {
		for _, key := range []string{"a", "b", "c"} {
			want[key] = append(want[key], putFor(t, pool, key))
		}
	}
	eventually(t, "all of them", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got["a"])+len(got["b"])+len(got["c"]) >= 30
	})
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, want, got)
}

// silent is a connection that, once it is cut, takes everything and says
// nothing, as after the other end is gone without a word.
type silent struct {
	net.Conn
	cut *atomic.Bool
}

func (s silent) Read(b []byte) (int, error) {
	for {
		n, err := s.Conn.Read(b)
		if err != nil || !s.cut.Load() {
			return n, err
		}
	}
}

func (s silent) Write(b []byte) (int, error) {
	if s.cut.Load() {
		return len(b), nil
	}
	return s.Conn.Write(b)
}

func TestItGoesOnWhenItsConnectionIsDeadWithoutAWord(t *testing.T) {
	plain := pgtest.Pool(t, event.Backend)
	config := plain.Config()
	var cuts sync.Map
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		one := silent{connection, &atomic.Bool{}}
		cuts.Store(one.cut, nil)
		return one, nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	b := &broker{}
	relay(t, pool, b.publish)
	first := put(t, plain)
	eventually(t, "the first", func() bool { ids, _ := b.seen(); return len(ids) == 1 })
	cuts.Range(func(cut, _ any) bool { cut.(*atomic.Bool).Store(true); return true })
	second := put(t, plain)
	// The server lets go of the lock when it has not heard of the relay for a while.
	require.Eventually(t, func() bool { ids, _ := b.seen(); return len(ids) >= 2 }, 60*time.Second, 50*time.Millisecond)
	ids, _ := b.seen()
	require.Equal(t, []string{first, second}, ids)
}
