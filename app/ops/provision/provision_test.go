//go:build integration

package provision_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/ops/provision"
	"github.com/wealth-companion/companion/app/store/db"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

const insufficientPrivilege = "42501"

// as connects to a test's database as a role.
func as(t *testing.T, admin, role string) *pgx.Conn {
	connection, err := pgx.Connect(t.Context(), strings.Replace(admin, "admin@", role+"@", 1))
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close(t.Context()) })
	return connection
}

func refused(t *testing.T, connection *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		_, err := connection.Exec(t.Context(), statement)
		var refusal *pgconn.PgError
		require.ErrorAs(t, err, &refusal, statement)
		require.Equal(t, insufficientPrivilege, refusal.Code, "%s: %s", statement, refusal.Message)
	}
}

func TestAServiceReadsAndWritesItsRowsAndNothingElse(t *testing.T) {
	admin := pgtest.URL(t)
	services := []provision.Service{{Name: "one", Password: "password of one"}, {Name: "another", Password: "password of another"}}
	for range 2 { // again, it changes nothing
		require.NoError(t, provision.Prepare(t.Context(), admin, "password of the migrator", services))
	}
	migrator, one, another := as(t, admin, provision.Migrator), as(t, admin, "one"), as(t, admin, "another")
	_, err := migrator.Exec(t.Context(), "CREATE TABLE one.secrets (id bigserial); CREATE TABLE one.others ()")
	require.NoError(t, err)

	_, err = one.Exec(t.Context(), "INSERT INTO secrets DEFAULT VALUES; UPDATE secrets SET id = 2; DELETE FROM secrets; INSERT INTO secrets DEFAULT VALUES")
	require.NoError(t, err, "in its own schema, which it need not name")
	refused(t, one, "TRUNCATE secrets", "DROP TABLE secrets", "ALTER TABLE secrets ADD COLUMN more text", "ALTER TABLE secrets DISABLE ROW LEVEL SECURITY",
		"CREATE TABLE more ()", "CREATE TEMPORARY TABLE more ()", "CREATE SCHEMA more", "SET ROLE "+provision.Migrator, "CREATE INDEX ON secrets (id)")
	refused(t, another, "SELECT * FROM one.secrets", "DELETE FROM one.secrets", "DROP TABLE one.secrets", "CREATE TABLE one.more ()",
		"CREATE TABLE public.more ()", "CREATE ROLE more", "SET ROLE one")
	refused(t, migrator, "CREATE ROLE more", "CREATE SCHEMA more", "SET ROLE one")
}

// Several releases, or people, may prepare at once: the same database, and others of the
// same cluster, which share its roles.
func TestSeveralPrepareAtOnce(t *testing.T) {
	services := []provision.Service{{Name: "racing", Password: "password of it"}, {Name: "racing_too", Password: "password of it"}}
	databases := []string{pgtest.URL(t), pgtest.URL(t), pgtest.URL(t)}
	var all errgroup.Group
	for range 4 {
		for _, database := range databases {
			all.Go(func() error { return provision.Prepare(t.Context(), database, "password of the migrator", services) })
		}
	}
	require.NoError(t, all.Wait())
	for _, database := range databases {
		for _, role := range []string{"racing", "racing_too", provision.Migrator} {
			require.NoError(t, as(t, database, role).Ping(t.Context()))
		}
	}
}

// Whoever logs in as a service, with whatever client: the sessions end by themselves.
func TestSessionsOfARoleAreBoundedThoughTheirClientAsksForNothing(t *testing.T) {
	admin := pgtest.URL(t)
	services := []provision.Service{{Name: "bounded", Password: "password of it"}}
	require.NoError(t, provision.Prepare(t.Context(), admin, "password of the migrator", services))
	for role, settings := range map[string]map[string]string{"bounded": db.SessionSettings(), provision.Migrator: db.MigratorSettings()} {
		connection := as(t, admin, role)
		for name, want := range settings {
			var got string
			require.NoError(t, connection.QueryRow(t.Context(), "SELECT setting FROM pg_settings WHERE lower(name) = $1", name).Scan(&got))
			if !strings.HasPrefix(name, "tcp_") { // of no meaning on the socket of the tests, where they are 0
				require.Equal(t, want, got, "%s of %s", name, role)
			}
			require.NoError(t, connection.QueryRow(t.Context(), `SELECT value FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole,
				unnest(s.setconfig) line, LATERAL (SELECT split_part(line, '=', 1) AS key, split_part(line, '=', 2) AS value) kept
				WHERE rolname = $1 AND setdatabase = 0 AND lower(key) = $2`, role, name).Scan(&got))
			require.Equal(t, want, got, "%s of %s", name, role)
		}
	}

	// A service that gets sessions without bounds says so.
	url := strings.Replace(admin, "admin@", "bounded@", 1)
	bare, err := pgxpool.New(t.Context(), url) // as a pooler that drops what a client asks for
	require.NoError(t, err)
	defer bare.Close()
	require.NoError(t, db.CheckSettings(t.Context(), bare))
	owner, err := pgx.Connect(t.Context(), admin)
	require.NoError(t, err)
	defer func() { _ = owner.Close(t.Context()) }()
	_, err = owner.Exec(t.Context(), "ALTER ROLE bounded RESET lock_timeout; ALTER ROLE bounded SET idle_in_transaction_session_timeout = '1h'")
	require.NoError(t, err)
	bare.Reset()
	var unbounded db.UnboundedError
	require.ErrorAs(t, db.CheckSettings(t.Context(), bare), &unbounded)
	require.Equal(t, []string{"idle_in_transaction_session_timeout", "lock_timeout"}, unbounded.Settings)

	// It begins once the roles are prepared again.
	waiting, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	begun := make(chan error, 1)
	go func() { begun <- db.AwaitSettings(waiting, bare, slog.New(slog.DiscardHandler)) }()
	require.NoError(t, provision.Prepare(t.Context(), admin, "password of the migrator", services))
	require.NoError(t, <-begun)
}

// Before there was a migrator, each service's role owned its schema.
func TestSchemasOfTheServicesRolesChangeHands(t *testing.T) {
	admin := pgtest.URL(t)
	owner, err := pgx.Connect(t.Context(), admin)
	require.NoError(t, err)
	defer func() { _ = owner.Close(t.Context()) }()
	_, err = owner.Exec(t.Context(), `CREATE ROLE earlier LOGIN; CREATE SCHEMA earlier AUTHORIZATION earlier;
		SET ROLE earlier; CREATE TABLE earlier.kept (id int); INSERT INTO earlier.kept VALUES (1); RESET ROLE`)
	require.NoError(t, err)

	require.NoError(t, provision.Prepare(t.Context(), admin, "password of the migrator", []provision.Service{{Name: "earlier", Password: "long enough"}}))
	service := as(t, admin, "earlier")
	var n int
	require.NoError(t, service.QueryRow(t.Context(), "UPDATE kept SET id = 2 RETURNING id").Scan(&n))
	require.Equal(t, 2, n)
	refused(t, service, "DROP TABLE kept")
	_, err = as(t, admin, provision.Migrator).Exec(t.Context(), "ALTER TABLE earlier.kept ADD COLUMN more text")
	require.NoError(t, err)
}

// A service that starts before its schema is migrated waits, and changes nothing
// of the schema itself.
func TestAServiceAwaitsItsSchema(t *testing.T) {
	admin := pgtest.URL(t)
	require.NoError(t, provision.Prepare(t.Context(), admin, "password of the migrator", []provision.Service{{Name: event.Banking, Password: "long enough"}}))
	pool, err := db.Open(t.Context(), strings.Replace(admin, "admin@", event.Banking+"@", 1), 0)
	require.NoError(t, err)
	defer pool.Close()
	log := slog.New(slog.DiscardHandler)
	early, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, db.AwaitSchema(early, pool, event.Banking, log), context.DeadlineExceeded)

	require.NoError(t, provision.Migrate(t.Context(), strings.Replace(admin, "admin@", provision.Migrator+"@", 1), []string{event.Banking}, log))
	require.NoError(t, db.AwaitSchema(t.Context(), pool, event.Banking, log))
}

func TestWhatIsWrongIsToldBeforeAnythingIsMade(t *testing.T) {
	admin := pgtest.URL(t)
	err := provision.Prepare(t.Context(), admin, "short", []provision.Service{{Name: "fine", Password: "long enough"}, {Name: "Not fine", Password: "short"}})
	require.ErrorContains(t, err, "small letters")
	require.ErrorContains(t, err, "less than 8 characters")
	require.ErrorContains(t, err, "role migrator")
	connection, err := pgx.Connect(t.Context(), admin)
	require.NoError(t, err)
	defer func() { _ = connection.Close(t.Context()) }()
	var made bool
	require.NoError(t, connection.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fine')").Scan(&made))
	require.False(t, made)
	require.ErrorContains(t, provision.Prepare(t.Context(), "mysql://x", "long enough", nil), "not a PostgreSQL URL")
}

func TestAServiceChangesThePasswordByChangingItsLogin(t *testing.T) {
	admin := pgtest.URL(t)
	require.NoError(t, provision.Prepare(t.Context(), admin, "password of the migrator", []provision.Service{{Name: "turning", Password: "password of before"}}))
	migrator, before := as(t, admin, provision.Migrator), as(t, admin, "turning")
	_, err := migrator.Exec(t.Context(), "CREATE TABLE turning.notes (who text DEFAULT current_user)")
	require.NoError(t, err)
	require.ErrorContains(t, provision.Login(t.Context(), admin, "nobody", "turning_2", "another password"), "there is no role nobody: prepare")
	for range 2 { // again, it changes nothing but the password
		require.NoError(t, provision.Login(t.Context(), admin, "turning", "turning_2", "another password"))
	}

	after := as(t, admin, "turning_2")
	_, err = before.Exec(t.Context(), "INSERT INTO notes DEFAULT VALUES")
	require.NoError(t, err)
	_, err = after.Exec(t.Context(), "INSERT INTO notes DEFAULT VALUES")
	require.NoError(t, err, "in the service's schema")
	var users []string
	require.NoError(t, after.QueryRow(t.Context(), "SELECT array_agg(DISTINCT who) FROM notes").Scan(&users))
	require.Equal(t, []string{"turning"}, users, "it acts as the service's role")
	refused(t, after, "TRUNCATE notes", "CREATE TABLE more ()", "SET ROLE "+provision.Migrator)
	for setting := range db.SessionSettings() {
		var one, other string
		require.NoError(t, before.QueryRow(t.Context(), "SELECT current_setting($1)", setting).Scan(&one))
		require.NoError(t, after.QueryRow(t.Context(), "SELECT current_setting($1)", setting).Scan(&other))
		require.Equal(t, one, other, setting)
	}

	require.NoError(t, provision.EndLogin(t.Context(), admin, "turning", "turning"))
	require.Error(t, before.Ping(t.Context()), "its sessions are ended")
	_, err = pgx.Connect(t.Context(), strings.Replace(admin, "admin@", "turning@", 1))
	require.ErrorContains(t, err, "not permitted to log in")
	_, err = after.Exec(t.Context(), "INSERT INTO notes DEFAULT VALUES")
	require.NoError(t, err, "the other goes on")
	require.NoError(t, provision.Login(t.Context(), admin, "turning", "turning", "a third password"))
	require.NoError(t, as(t, admin, "turning").Ping(t.Context()))
}
