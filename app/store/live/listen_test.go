//go:build integration

package live

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
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

func TestEveryReplicaHears(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	ada := tracing.NewID()
	ctx, stop := context.WithCancel(t.Context())
	var replicas []*Subscription
	ended := make(chan struct{}, 2)
	for range cap(ended) {
		h := &Hub{Pool: pool, Log: slog.New(slog.DiscardHandler)}
		s, err := h.Subscribe(ada)
		require.NoError(t, err)
		replicas = append(replicas, s)
		go func() { h.Run(ctx); ended <- struct{}{} }()
	}
	for _, s := range replicas {
		require.Equal(t, Missed, heard(t, s).Kind, "it listens now")
	}
	want := Notice{User: ada, Kind: Insight, ID: tracing.NewID()}
	require.NoError(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error { return Tell(t.Context(), tx, want) }))
	for _, s := range replicas {
		require.Equal(t, want, heard(t, s))
	}

	// PostgreSQL ends the sessions that listen: they come back and say so.
	_, err := pool.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN live%' AND pid <> pg_backend_pid()")
	require.NoError(t, err)
	for _, s := range replicas {
		require.Equal(t, Missed, heard(t, s).Kind)
	}
	require.NoError(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error { return Tell(t.Context(), tx, want) }))
	for _, s := range replicas {
		require.Equal(t, want, heard(t, s))
	}
	stop()
	for range cap(ended) {
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("a hub goes on after its end")
		}
	}
}
