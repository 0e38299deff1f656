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
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/store/db"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// published is an event that the broker has.
type published struct {
	id, topic, key string
	at             time.Time
}

// broker takes events as Kafka would, unless it is away.
type broker struct {
	mu       sync.Mutex
	away     bool
	attempts int
	events   []published
	letters  []event.Death
	// before, if set, is asked first, for each event; an error of it is the answer.
	before func(topic, key string) error
	// took, if set, is how long the broker takes.
	took time.Duration
}

var errAway = errors.New("no broker")

func (b *broker) Publish(ctx context.Context, topic, key string, payload []byte) error {
	if err := sleep(ctx, b.took); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.take(topic, key, payload)
}

func (b *broker) take(topic, key string, payload []byte) error {
	b.attempts++
	if b.away {
		return errAway
	}
	if b.before != nil {
		if err := b.before(topic, key); err != nil {
			return err
		}
	}
	var e event.CloudEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		return err
	}
	b.events = append(b.events, published{e.ID, topic, key, time.Now()})
	return nil
}

// PublishAll takes what it can, and does not tell which that is, as the sidecar.
func (b *broker) PublishAll(ctx context.Context, topic string, messages []bus.Message) error {
	if err := sleep(ctx, b.took); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	keys := map[string]bool{}
	for _, m := range messages {
		if keys[m.Key] {
			panic("two events of one key in one request may come in any order")
		}
		keys[m.Key] = true
		errs = append(errs, b.take(topic, m.Key, m.Payload))
	}
	if errors.Join(errs...) != nil {
		return errors.New("kafka: Failed to deliver some messages")
	}
	return nil
}

func (b *broker) DeadLetter(_ context.Context, key string, _ []byte, died event.Death) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return errAway
	}
	if b.before != nil {
		if err := b.before(event.DeadLetter(died.Topic), key); err != nil {
			return err
		}
	}
	b.letters = append(b.letters, died)
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
	ids := []string{}
	for _, one := range b.events {
		ids = append(ids, one.id)
	}
	return ids, b.attempts
}

// of returns the ids of the key's events in the order in which each came first.
func (b *broker) of(key string) (ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.events {
		if one.key == key && !slices.Contains(ids, one.id) {
			ids = append(ids, one.id)
		}
	}
	return ids
}

func (b *broker) buried() []event.Death {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.letters)
}

// noObserver takes no notice.
type noObserver struct{}

func (noObserver) Waiting(int, time.Duration) {}
func (noObserver) Blocked(string, Blocked)    {}
func (noObserver) Published(string, int)      {}
func (noObserver) Refused(string)             {}
func (noObserver) DeadLettered(string)        {}

// relay runs until the test ends, or the returned function is called.
func relay(t *testing.T, pool *pgxpool.Pool, b Broker) (stop func()) {
	return observed(t, pool, b, noObserver{})
}

// observed is relay with an observer.
func observed(t *testing.T, pool *pgxpool.Pool, b Broker, o Observer) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		(&Relay{Pool: pool, Service: event.Backend, Broker: b, Observer: o, Log: slog.New(slog.DiscardHandler)}).Run(ctx)
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
	relay(t, pool, b)
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
	relay(t, pool, b)
	var want []string
	for range 250 { // more than a batch
		want = append(want, put(t, pool))
	}
	eventually(t, "attempts", func() bool { _, attempts := b.seen(); return attempts >= 2 })
	b.set(false)
	eventually(t, "all of them", func() bool { ids, _ := b.seen(); return len(ids) >= len(want) })
	ids, _ := b.seen()
	require.Equal(t, want, ids)
}

func TestOneOfSeveralReplicasPublishesAndAnotherTakesOver(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{}
	stopFirst := relay(t, pool, b)
	relay(t, pool, b)
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

// dying is a broker as a replica sees it that dies when it publishes.
type dying struct {
	*broker
	publish func(publish func() error) error
}

func (d *dying) Publish(ctx context.Context, topic, key string, payload []byte) error {
	return d.publish(func() error { return d.broker.Publish(ctx, topic, key, payload) })
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
			var stop func()
			// The first replica has connections of its own, which end with it.
			var dead atomic.Bool
			config := pool.Config()
			config.BeforeConnect = func(context.Context, *pgx.ConnConfig) error {
				if dead.Load() {
					return errAway
				}
				return nil
			}
			const doomed = "a replica that dies"
			config.ConnConfig.RuntimeParams["application_name"] = doomed
			own, err := pgxpool.NewWithConfig(t.Context(), config)
			require.NoError(t, err)
			t.Cleanup(own.Close)
			leads, other := make(chan struct{}), make(chan struct{})
			lead := sync.OnceFunc(func() { close(leads) })
			die := sync.OnceFunc(func() {
				dead.Store(true)
				// Until its sessions have ended, what was published could still be noted.
				if _, err := pool.Exec(context.Background(), "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = $1", doomed); err != nil {
					t.Error(err)
				}
				go stop()
			})
			b := &broker{}
			first := &dying{broker: b, publish: func(publish func() error) error {
				lead()
				<-other
				if !taken {
					die()
					return errAway
				}
				err := publish()
				die()
				return err
			}}
			stop = relay(t, own, first)
			select {
			case <-leads:
			case <-time.After(20 * time.Second):
				t.Fatal("the first relay does not lead")
			}
			relay(t, pool, b)
			close(other)
			eventually(t, "all of them, noted", func() bool {
				var waiting int
				err := pool.QueryRow(t.Context(), "SELECT count(*) FROM outbox").Scan(&waiting)
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

// Were it not woken, each of them would wait for the next look.
func TestAnIdleRelayIsWokenByCommits(t *testing.T) {
	for name, replicas := range map[string]int{"of its own process": 1, "of another replica": 2} {
		t.Run(name, func(t *testing.T) {
			pool := pgtest.Pool(t, event.Backend)
			b := &broker{}
			for range replicas {
				relay(t, pool, b)
			}
			count := func(n int) {
				eventually(t, "it", func() bool { ids, _ := b.seen(); return len(ids) == n })
			}
			put(t, pool)
			count(1)
			began := time.Now()
			for n := range 10 {
				put(t, pool)
				count(n + 2)
			}
			require.Less(t, time.Since(began), 10*poll/2)
		})
	}
}

func TestItGoesOnWhenItsConnectionIsLost(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{}
	relay(t, pool, b)
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

// A key's events stay in order whatever becomes of them, also when some fail and
// when requests are taken in part.
func TestEachKeyKeepsItsOrder(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	n := 0
	b := &broker{before: func(string, string) error {
		if n++; n%7 == 0 {
			return errAway
		}
		return nil
	}}
	want := map[string][]string{}
	for range 30 {
		for _, key := range []string{"a", "b", "c"} {
			want[key] = append(want[key], putFor(t, pool, key))
		}
	}
	relay(t, pool, b)
	for key := range want {
		eventually(t, "all of them", func() bool { return len(b.of(key)) == 30 })
		require.Equal(t, want[key], b.of(key))
	}
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
	relay(t, pool, b)
	first := put(t, plain)
	eventually(t, "the first", func() bool { ids, _ := b.seen(); return len(ids) == 1 })
	cuts.Range(func(cut, _ any) bool { cut.(*atomic.Bool).Store(true); return true })
	second := put(t, plain)
	// The server lets go of the lock when it has not heard of the relay for a while.
	require.Eventually(t, func() bool { ids, _ := b.seen(); return len(ids) >= 2 }, 4*silence, 50*time.Millisecond)
	ids, _ := b.seen()
	require.Equal(t, []string{first, second}, ids)
}
