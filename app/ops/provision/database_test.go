//go:build integration

package provision_test

import (
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/ops/provision"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

const insufficientPrivilege = "42501"

func TestNoServiceReachesWhatIsAnothers(t *testing.T) {
	admin := pgtest.URL(t)
	services := []provision.Service{{Name: "one", Password: "password of one"}, {Name: "another", Password: "password of another"}}
	for range 2 { // again, it changes nothing
		require.NoError(t, provision.Prepare(t.Context(), admin, services))
	}
	as := func(role string) *pgx.Conn {
		connection, err := pgx.Connect(t.Context(), strings.Replace(admin, "admin@", role+"@", 1))
		require.NoError(t, err)
		t.Cleanup(func() { _ = connection.Close(t.Context()) })
		return connection
	}
	one, another := as("one"), as("another")
	_, err := one.Exec(t.Context(), "CREATE TABLE secrets (); INSERT INTO secrets DEFAULT VALUES")
	require.NoError(t, err, "in a schema of its own, which it need not name")
	var n int
	require.NoError(t, one.QueryRow(t.Context(), "SELECT count(*) FROM one.secrets").Scan(&n))
	for _, statement := range []string{
		"SELECT * FROM one.secrets", "DELETE FROM one.secrets", "DROP TABLE one.secrets", "CREATE TABLE one.more ()",
		"CREATE TABLE public.more ()", "CREATE TEMPORARY TABLE more ()", "CREATE SCHEMA more", "CREATE ROLE more", "SET ROLE one",
	} {
		_, err := another.Exec(t.Context(), statement)
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, statement)
		require.Equal(t, insufficientPrivilege, refused.Code, "%s: %s", statement, refused.Message)
	}
}

func TestWhatIsWrongIsToldBeforeAnythingIsMade(t *testing.T) {
	admin := pgtest.URL(t)
	err := provision.Prepare(t.Context(), admin, []provision.Service{{Name: "fine", Password: "long enough"}, {Name: "Not fine", Password: "short"}})
	require.ErrorContains(t, err, "small letters")
	require.ErrorContains(t, err, "less than 8 characters")
	connection, err := pgx.Connect(t.Context(), admin)
	require.NoError(t, err)
	defer func() { _ = connection.Close(t.Context()) }()
	var made bool
	require.NoError(t, connection.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fine')").Scan(&made))
	require.False(t, made)
	require.ErrorContains(t, provision.Prepare(t.Context(), "mysql://x", nil), "not a PostgreSQL URL")
}
