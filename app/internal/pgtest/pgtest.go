// Package pgtest gives tests databases of a real PostgreSQL server, which lives
// as long as a package's tests.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/ops/provision"
	"github.com/wealth-companion/companion/app/store/db"
)

// socket is the folder of the server's socket; it listens nowhere else.
var socket string

// Run runs a package's tests with a server, for TestMain.
func Run(m *testing.M) int {
	stop, err := start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "PostgreSQL for the tests:", err)
		return 1
	}
	defer stop()
	return m.Run()
}

// start makes a server's files and starts it.
func start() (stop func(), err error) {
	bin, err := Programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) }
	credential, err := Credential(dir)
	if err != nil {
		remove()
		return nil, err
	}
	as := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Pdeathsig: syscall.SIGQUIT}
		return cmd
	}
	data := filepath.Join(dir, "data")
	initdb := as(exec.Command(filepath.Join(bin, "initdb"), "--pgdata="+data, "--username=admin", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"))
	if out, err := initdb.CombinedOutput(); err != nil {
		remove()
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	// What is lost when the machine stops is of no use to anybody.
	server := as(exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=400",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		remove()
		return nil, err
	}
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		remove()
		return nil, err
	}
	socket = dir
	stop = func() {
		_ = server.Process.Signal(syscall.SIGINT) // "fast": open sessions are ended
		_ = server.Wait()
		_ = log.Close()
		remove()
	}
	if err := answers(); err != nil {
		said, _ := os.ReadFile(log.Name())
		stop()
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	return stop, nil
}

// Programs is the folder of the newest PostgreSQL on this machine.
func Programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("there is none on this machine: `make packages` installs it")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// Credential lets the server own dir; it refuses to be run by root.
func Credential(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}

func url(database string) string {
	return fmt.Sprintf("postgres://admin@/%s?host=%s", database, socket)
}

func answers() error {
	var err error
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var connection *pgx.Conn
		if connection, err = pgx.Connect(context.Background(), url("postgres")); err == nil {
			return connection.Close(context.Background())
		}
	}
	return err
}

var databases atomic.Int64

// URL makes an empty database for a test.
func URL(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", databases.Add(1))
	connection, err := pgx.Connect(t.Context(), url("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close(context.WithoutCancel(t.Context())) }()
	if _, err := connection.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return url(name)
}

// AdminURL leads to the database of a pool as the server's superuser.
func AdminURL(pool *pgxpool.Pool) string { return url(pool.Config().ConnConfig.Database) }

// preparing is held while roles are created: they are the whole server's, and tests that
// run side by side would create the same.
var preparing sync.Mutex

// AsService makes a database with a service's tables for a test, and connects to
// it as production does: the tables are the migrator's, and the pool has the
// service's own role, with no more rights than that has.
func AsService(t testing.TB, service string) *pgxpool.Pool {
	t.Helper()
	admin := URL(t)
	const password = "of no consequence" // the server trusts its socket
	preparing.Lock()
	defer preparing.Unlock()
	if err := provision.Prepare(t.Context(), admin, password, []provision.Service{{Name: service, Password: password}}); err != nil {
		t.Fatal(err)
	}
	as := func(role string) string { return strings.Replace(admin, "admin@", role+"@", 1) }
	if err := provision.Migrate(t.Context(), as(provision.Migrator), []string{service}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	pool, err := db.Open(t.Context(), as(service), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Pool makes a database with a service's tables for a test.
func Pool(t testing.TB, service string) *pgxpool.Pool {
	t.Helper()
	pool, err := db.Open(t.Context(), URL(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := db.MigrateWhenThere(t.Context(), pool, service, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return pool
}
