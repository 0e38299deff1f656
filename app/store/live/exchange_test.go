//go:build integration

package live

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/store/db"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func heard(t *testing.T, s *Subscription) Notice {
	t.Helper()
	select {
	case n := <-s.Notices:
		return n
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was heard")
		return Notice{}
	}
}

// replica is a hub that runs until the test ends, or until stop.
type replica struct {
	*Hub
	stop func()
}

// run starts a hub, and returns when it listens.
func run(t *testing.T, pool *pgxpool.Pool) replica {
	t.Helper()
	h := &Hub{Pool: pool, Log: slog.New(slog.DiscardHandler)}
	s, err := h.Subscribe(tracing.NewID())
	require.NoError(t, err)
	defer h.Leave(s)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() { h.Run(ctx); close(ended) }()
	stop := sync.OnceFunc(func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Error("a hub goes on after its end")
		}
	})
	t.Cleanup(stop)
	require.Equal(t, Missed, heard(t, s).Kind, "it listens now")
	return replica{h, stop}
}

func (r replica) look(t *testing.T, user uuid.UUID) *Subscription {
	t.Helper()
	s, err := r.Subscribe(user)
	require.NoError(t, err)
	return s
}

func (r replica) notify(t *testing.T, notices ...Notice) {
	t.Helper()
	for _, n := range notices {
		require.NoError(t, db.InTx(t.Context(), r.Pool, func(tx pgx.Tx) error { r.Notify(tx, n); return nil }))
	}
}

func TestEveryReplicaHears(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	ada := tracing.NewID()
	one, other := run(t, pool), run(t, pool)
	here, there := one.look(t, ada), other.look(t, ada)

	want := Notice{User: ada, Kind: Insight, ID: tracing.NewID()}
	began := time.Now()
	one.notify(t, want)
	require.Equal(t, want, heard(t, here))
	require.Equal(t, want, heard(t, there))
	require.Less(t, time.Since(began), time.Second)
	back := Notice{User: ada, Kind: Alert, ID: tracing.NewID()}
	other.notify(t, back)
	require.Equal(t, back, heard(t, here), "once, although its own notice comes back to it")
	require.Equal(t, back, heard(t, there))

	// PostgreSQL ends the sessions that listen: they come back and say so.
	_, err := pool.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN live%' AND pid <> pg_backend_pid()")
	require.NoError(t, err)
	for _, s := range []*Subscription{here, there} {
		require.Equal(t, Missed, heard(t, s).Kind)
	}
	one.notify(t, want)
	require.Equal(t, want, heard(t, here))
	require.Equal(t, want, heard(t, there))
}

func TestWhatIsRolledBackIsNoNews(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	ada := tracing.NewID()
	one, other := run(t, pool), run(t, pool)
	here, there := one.look(t, ada), other.look(t, ada)
	require.ErrorIs(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error {
		one.Notify(tx, Notice{User: ada, Kind: Insight, ID: tracing.NewID()})
		return context.Canceled
	}), context.Canceled)
	want := Notice{User: ada, Kind: Alert, ID: tracing.NewID()}
	one.notify(t, want)
	require.Equal(t, want, heard(t, here))
	require.Equal(t, want, heard(t, there))
}

// PostgreSQL commits transactions that notify one after the other: there must be few.
func TestNotificationsDoNotGrowWithCommits(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	listener, err := pgx.ConnectConfig(t.Context(), pool.Config().ConnConfig.Copy())
	require.NoError(t, err)
	defer func() { _ = listener.Close(context.WithoutCancel(t.Context())) }()
	_, err = listener.Exec(t.Context(), "LISTEN "+channel)
	require.NoError(t, err)
	one, other := run(t, pool), run(t, pool)
	people := make([]*Subscription, 200)
	began := time.Now()
	for i := range people {
		people[i] = other.look(t, tracing.NewID())
	}
	var writers sync.WaitGroup
	for _, s := range people {
		writers.Go(func() {
			for range 10 {
				one.notify(t, Notice{User: s.user, Kind: Insight, ID: tracing.NewID()})
			}
		})
	}
	writers.Wait()
	for _, s := range people {
		n := 0
		for n < 10 {
			if got := heard(t, s); got.Kind != Missed {
				require.Equal(t, s.user, got.User)
				n++
			}
		}
	}
	took := time.Since(began)
	require.Less(t, took, 15*time.Second)
	notifications := 0
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 2*spacing)
		_, err := listener.WaitForNotification(ctx)
		cancel()
		if err != nil {
			break
		}
		notifications++
	}
	// All of the envelopes are full, but the last of each sending.
	most := len(people)*10/perEnvelope + int(took/spacing) + 2
	require.LessOrEqual(t, notifications, most, "2000 commits in %s", took)
	t.Logf("2000 commits in %s took %d notifications", took.Round(time.Millisecond), notifications)
}

func TestTheEndSendsWhatIsLeft(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	ada := tracing.NewID()
	one, other := run(t, pool), run(t, pool)
	there := other.look(t, ada)
	var want []Notice
	for range 5 {
		want = append(want, Notice{User: ada, Kind: Insight, ID: tracing.NewID()})
	}
	one.notify(t, want...)
	one.stop()
	for _, n := range want {
		require.Equal(t, n, heard(t, there))
	}
}

func TestNoticesWaitForTheDatabase(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	ada := tracing.NewID()
	one, other := run(t, pool), run(t, pool)
	there := other.look(t, ada)
	// A closed pool is one that nobody can reach.
	broken, err := pgxpool.NewWithConfig(t.Context(), pool.Config())
	require.NoError(t, err)
	broken.Close()
	h := &Hub{Pool: broken, Log: slog.New(slog.DiscardHandler)}
	n := Notice{User: ada, Kind: Insight, ID: tracing.NewID()}
	h.others.add(n)
	require.Error(t, h.flush(t.Context(), uuid.New()))
	h.Pool = one.Pool
	require.NoError(t, h.flush(t.Context(), uuid.New()))
	require.Equal(t, n, heard(t, there))
}
