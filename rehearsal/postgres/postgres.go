// Package postgres runs the rehearsal's PostgreSQL server. It stands outside the
// cluster, as Neon does in production: the services know it by a connection
// string and speak TLS to it.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"k8s.io/client-go/util/cert"

	"github.com/wealth-companion/companion/rehearsal/process"
)

// Server is one PostgreSQL server.
type Server struct {
	Dir      string         // its files
	Address  netip.Addr     // where it listens
	Port     string         //
	Allowed  []netip.Prefix // who may connect, with TLS and a password
	Password string         // of the user `admin`
	Database string         // the application's
}

// processName is the server's name among the rehearsal's processes.
const processName = "postgresql"

// Start makes the server's files when there are none, has it run, and returns
// when it takes connections to the application's database.
func (s Server) Start(ctx context.Context, processes *process.Manager) error {
	bin, err := programs()
	if err != nil {
		return err
	}
	uid, gid, err := account()
	if err != nil {
		return err
	}
	if err := s.initialise(ctx, bin, uid, gid); err != nil {
		return err
	}
	if err := processes.Ensure(process.Spec{
		Name: processName, Path: filepath.Join(bin, "postgres"), Args: []string{"-D", s.data()},
		UID: uid, GID: gid,
		// "Fast": open sessions are ended, not awaited.
		StopSignal: syscall.SIGINT,
	}); err != nil {
		return err
	}
	if err := s.wait(ctx, processes.LogFile(processName)); err != nil {
		return err
	}
	return s.createDatabase(ctx)
}

// URL is how a user reaches a database: as it would be with Neon, with TLS required.
func (s Server) URL(user, password, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password),
		Host: s.Address.String() + ":" + s.Port, Path: "/" + database,
		RawQuery: "sslmode=require",
	}
	return u.String()
}

// VerifiedURL is how a user reaches a database who knows the server's certificate.
func (s Server) VerifiedURL(user, password, database string) string {
	return strings.Replace(s.URL(user, password, database), "sslmode=require", "sslmode=verify-full", 1)
}

// Authority is what verifies the server's certificate, and that certificate: PEM.
func (s Server) Authority() (string, error) {
	raw, err := os.ReadFile(filepath.Join(s.data(), "server.crt"))
	return string(raw), err
}

// AdminURL is the administrator's way into the application's database.
func (s Server) AdminURL() string { return s.URL("admin", s.Password, s.Database) }

// serverURL is the administrator's way in while there is no other database.
func (s Server) serverURL() string { return s.URL("admin", s.Password, "postgres") }

func (s Server) data() string { return filepath.Join(s.Dir, "data") }

func (s Server) initialise(ctx context.Context, bin string, uid, gid uint32) error {
	if _, err := os.Stat(filepath.Join(s.data(), "companion.ready")); err == nil {
		return nil
	}
	// A cut-off initialisation cannot be gone on with.
	if err := os.RemoveAll(s.Dir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return err
	}
	if err := os.Chown(s.Dir, int(uid), int(gid)); err != nil {
		return err
	}
	secret := filepath.Join(s.Dir, "password")
	if err := writeOwned(secret, s.Password+"\n", 0o600, uid, gid); err != nil {
		return err
	}
	defer func() { _ = os.Remove(secret) }()
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata="+s.data(), "--username=admin",
		"--pwfile="+secret, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.Dir = "/"
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	certificate, key, err := cert.GenerateSelfSignedCertKey(s.Address.String(), nil, nil)
	if err != nil {
		return err
	}
	files := map[string]string{
		"server.crt":           string(certificate),
		"server.key":           string(key),
		"postgresql.auto.conf": s.settings(),
		"pg_hba.conf":          s.access(),
		"companion.ready":      "",
	}
	for _, name := range []string{"server.crt", "server.key", "postgresql.auto.conf", "pg_hba.conf", "companion.ready"} {
		if err := writeOwned(filepath.Join(s.data(), name), files[name], 0o600, uid, gid); err != nil {
			return err
		}
	}
	return nil
}

func (s Server) settings() string {
	return strings.Join([]string{
		"listen_addresses = '" + s.Address.String() + "'",
		"port = " + s.Port,
		"unix_socket_directories = ''",
		"ssl = on",
		"max_connections = 200",
		"shared_buffers = 128MB",
		"timezone = 'UTC'",
		"log_timezone = 'UTC'",
		"password_encryption = 'scram-sha-256'",
		"",
	}, "\n")
}

func (s Server) access() string {
	var lines []string
	for _, prefix := range s.Allowed {
		lines = append(lines, "hostssl all all "+prefix.String()+" scram-sha-256")
	}
	return strings.Join(lines, "\n") + "\n"
}

func (s Server) wait(ctx context.Context, log string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.serverURL())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not take connections (its log: %s): %w", log, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// createDatabase makes the application's database when there is none.
func (s Server) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.serverURL())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var known bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", s.Database).Scan(&known); err != nil || known {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{s.Database}.Sanitize())
	return err
}

// programs finds the newest PostgreSQL that Debian installed.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed: run `make packages`")
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4])
		return n
	}
	sort.Slice(found, func(i, j int) bool { return version(found[i]) < version(found[j]) })
	return filepath.Dir(found[len(found)-1]), nil
}

// account is the user that PostgreSQL runs as: it refuses to run as root.
func account() (uid, gid uint32, err error) {
	found, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, fmt.Errorf("no user `postgres`, which Debian's package makes: run `make packages`: %w", err)
	}
	u, uErr := strconv.ParseUint(found.Uid, 10, 32)
	g, gErr := strconv.ParseUint(found.Gid, 10, 32)
	return uint32(u), uint32(g), errors.Join(uErr, gErr)
}

func writeOwned(path, content string, mode fs.FileMode, uid, gid uint32) error {
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		return err
	}
	return os.Chown(path, int(uid), int(gid))
}
