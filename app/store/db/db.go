// Package db opens a service's PostgreSQL and keeps its schema up to date.
package db

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// Querier is what a pool and a transaction have in common.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Open makes a pool of so many connections at most, unless the URL names another
// number (pool_max_conns); 0 is pgx's own: four, or one a core. Its sessions have
// the time-outs of SessionSettings. It connects when first used, so that a service
// starts while PostgreSQL is unavailable.
func Open(ctx context.Context, url string, connections int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL is not a PostgreSQL URL") // the cause would show the password
	}
	if connections > 0 && !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = connections
	}
	config.ConnConfig.ConnectTimeout = ConnectTimeout
	config.ConnConfig.Tracer = newTracer()
	maps.Copy(config.ConnConfig.RuntimeParams, SessionSettings())
	config.AfterConnect = func(_ context.Context, connection *pgx.Conn) error {
		registerTypes(connection.TypeMap())
		return nil
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// registerTypes has UUIDs travel as PostgreSQL keeps them, not as text that is parsed
// again. Amounts stay text: in binary 1.00 comes back as 1.
func registerTypes(types *pgtype.Map) { pgxuuid.Register(types) }

// Migrate brings the schema of service up to date, once: replicas that start
// together wait for one another, and one that dies holds the others up for seconds.
func Migrate(ctx context.Context, pool *pgxpool.Pool, service string) error {
	files, err := migrationsOf(service)
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(LockID("migrate:"+service)), lock.WithLockTimeout(1, 60))
	if err != nil {
		return err
	}
	migrating, err := migrationPool(ctx, pool)
	if err != nil {
		return err
	}
	defer migrating.Close()
	connection := stdlib.OpenDBFromPool(migrating)
	defer func() { _ = connection.Close() }()
	provider, err := goose.NewProvider(goose.DialectPostgres, connection, files, goose.WithSessionLocker(locker),
		// Migrations that are written at the same time are numbered in ranges: one of a
		// lower range may be merged after one of a higher has been applied.
		goose.WithAllowOutofOrder(true))
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating %s: %w", service, err)
	}
	return nil
}

// migrationPool is pool with the time-outs of migrations.
func migrationPool(ctx context.Context, pool *pgxpool.Pool) (*pgxpool.Pool, error) {
	config := pool.Config()
	config.MinConns, config.MaxConns = 0, 2
	maps.Copy(config.ConnConfig.RuntimeParams, migrationSettings())
	return pgxpool.NewWithConfig(ctx, config)
}

// observer is the folder of what the agents that observe people's money keep.
const observer = "observer"

// alike are services that have their tables in common with others.
var alike = map[string]string{"analytics": observer, "banking": observer, "investment": observer}

// migrationsOf are a service's own and those of the outbox and inbox, which
// every service has.
func migrationsOf(service string) (fs.FS, error) {
	var both layers
	for _, folder := range []string{"messaging", cmp.Or(alike[service], service)} {
		files, err := fs.Sub(migrations, "migrations/"+folder)
		if err != nil {
			return nil, err
		}
		both = append(both, files)
	}
	return both, nil
}

// layers are folders that are read as one.
type layers []fs.FS

// Open opens the file of that name in the first folder that has it.
func (l layers) Open(name string) (fs.File, error) {
	for _, files := range l {
		if file, err := files.Open(name); err == nil {
			return file, nil
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadDir lists the files of all folders.
func (l layers) ReadDir(name string) ([]fs.DirEntry, error) {
	var entries []fs.DirEntry
	for _, files := range l {
		found, err := fs.ReadDir(files, name)
		if err != nil {
			return nil, err
		}
		entries = append(entries, found...)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// MigrateWhenThere is Migrate, tried again until it succeeds or ctx ends.
func MigrateWhenThere(ctx context.Context, pool *pgxpool.Pool, service string, log *slog.Logger) error {
	for pause := 250 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		err := Migrate(ctx, pool, service)
		if err == nil {
			return nil
		}
		log.WarnContext(ctx, "the database is not ready yet", "error", err, "next_try_in", pause.String())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// AwaitSchema waits until every migration that this program knows of service's
// has been applied, by whoever migrates, or until ctx ends. Migrations that a
// newer program brought do not matter.
func AwaitSchema(ctx context.Context, pool *pgxpool.Pool, service string, log *slog.Logger) error {
	files, err := migrationsOf(service)
	if err != nil {
		return err
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return err
	}
	for pause := 250 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		missing, err := unapplied(ctx, pool, names)
		if err == nil && len(missing) == 0 {
			return nil
		}
		log.WarnContext(ctx, "the schema is not up to date yet", "missing", missing, "error", err, "next_try_in", pause.String())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// unapplied returns the names of the migrations that are not in the schema.
func unapplied(ctx context.Context, pool *pgxpool.Pool, names []string) ([]string, error) {
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	rows, err := pool.Query(limited, "SELECT version_id FROM goose_db_version WHERE is_applied")
	if err != nil {
		return nil, err
	}
	applied, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(applied, version) {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// InTx runs fn in a transaction that is committed when fn returns nil.
func InTx(ctx context.Context, pool *pgxpool.Pool, fn func(pgx.Tx) error) error {
	return begin(ctx, pool, pgx.TxOptions{}, fn)
}

// Conflict tells whether err means that a row of the same key exists.
func Conflict(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == "23505"
}

// Unwritable tells whether err means that a text has a character which
// PostgreSQL does not keep: NUL, or one that is not UTF-8.
func Unwritable(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && (server.Code == "22021" || server.Code == "22P05")
}

// Orphan tells whether err means that a row refers, by a column of that name, to
// one that is not there (any more).
func Orphan(err error, column string) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == "23503" && strings.HasSuffix(server.ConstraintName, "_"+column+"_fkey")
}

// LockID makes a number for an advisory lock of a name. Such locks are the
// database's, not the schema's, so the name must hold the service's.
func LockID(name string) int64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name))
	return int64(hash.Sum64() >> 1)
}

// AsUser runs fn in a transaction that sees and changes the rows of one user
// only: row level security compares each row's user_id with app.user_id, so
// that a query which forgets to ask for its user finds nothing of another's.
func AsUser(ctx context.Context, pool *pgxpool.Pool, user uuid.UUID, fn func(pgx.Tx) error) error {
	// Sent together; a UUID needs no quoting.
	options := pgx.TxOptions{BeginQuery: "BEGIN; SET LOCAL app.user_id = '" + user.String() + "'"}
	return begin(ctx, pool, options, fn)
}

// Act has the rest of tx see the rows of one user only.
func Act(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	_, err := tx.Exec(ctx, asUser, user.String())
	return err
}
