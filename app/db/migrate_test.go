//go:build integration

package db_test

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/db"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
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
