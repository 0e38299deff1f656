//go:build integration

package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/db"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/trail"
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
		TransactionID: trail.NewID(), UserID: trail.NewID(), Amount: "1.00", Currency: "EUR", Type: event.Expense,
		Category: "other", WalletID: trail.NewID(), Timestamp: time.Now().UTC(),
	})
	require.NoError(t, err)
	return e
}

func put(t *testing.T, pool *pgxpool.Pool) string {
	e := anEvent(t)
	require.NoError(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error { return Put(t.Context(), tx, e, "key") }))
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
