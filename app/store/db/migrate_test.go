//go:build integration

package db_test

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/store/db"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// Whatever a migration makes, its way back takes away again.
func TestMigrationsGoBothWays(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	files, err := db.MigrationsOf(event.Backend)
	require.NoError(t, err)
	connection := stdlib.OpenDBFromPool(pool)
	defer func() { _ = connection.Close() }()
	provider, err := goose.NewProvider(goose.DialectPostgres, connection, files)
	require.NoError(t, err)
	_, err = provider.DownTo(t.Context(), 0)
	require.NoError(t, err)
	var left int
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'goose_db_version'").Scan(&left))
	require.Zero(t, left)
	_, err = provider.Up(t.Context())
	require.NoError(t, err)
}

// A migration that was merged after one of a higher number had been applied is applied
// nevertheless.
func TestAMigrationThatComesLateIsApplied(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	files, err := db.MigrationsOf(event.Backend)
	require.NoError(t, err)
	connection := stdlib.OpenDBFromPool(pool)
	defer func() { _ = connection.Close() }()
	provider, err := goose.NewProvider(goose.DialectPostgres, connection, files)
	require.NoError(t, err)
	const late = 140
	newest, err := provider.GetDBVersion(t.Context())
	require.NoError(t, err)
	require.Greater(t, newest, int64(late))
	_, err = provider.ApplyVersion(t.Context(), late, false)
	require.NoError(t, err)

	require.NoError(t, db.Migrate(t.Context(), pool, event.Backend))
	var applied bool
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT is_applied FROM goose_db_version WHERE version_id = $1", late).Scan(&applied))
	require.True(t, applied)
}

// Replicas that start together all try; each migration is made once, and all of
// them find the tables there.
func TestReplicasMigrateOnce(t *testing.T) {
	url := pgtest.URL(t)
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			pool, err := db.Open(t.Context(), url, 0)
			if err != nil {
				return err
			}
			defer pool.Close()
			return db.Migrate(t.Context(), pool, event.Backend)
		})
	}
	require.NoError(t, group.Wait())
	connection, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = connection.Close(t.Context()) }()
	var made, versions int
	require.NoError(t, connection.QueryRow(t.Context(), "SELECT count(*), count(DISTINCT version_id) FROM goose_db_version").Scan(&made, &versions))
	require.Equal(t, versions, made)
	require.Greater(t, made, 1)
}
