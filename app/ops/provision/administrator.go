package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wealth-companion/companion/app/store/db"
)

// asAdministrator makes a change in one transaction, one after the other with other such
// changes of the database, and again when somebody changed the same roles from another one.
func asAdministrator(ctx context.Context, adminURL string, change func(pgx.Tx) error) error {
	config, err := pgx.ParseConfig(adminURL)
	if err != nil {
		return errors.New("DATABASE_ADMIN_URL is not a PostgreSQL URL") // the cause would show the password
	}
	config.ConnectTimeout = 10 * time.Second
	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect as the administrator: %w", err)
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	for attempt := 1; ; attempt++ {
		err := pgx.BeginFunc(ctx, connection, func(tx pgx.Tx) error {
			// Two that run at once would both find a role missing.
			if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", db.LockID("companion:prepare")); err != nil {
				return err
			}
			return change(tx)
		})
		if attempt == attempts || !raced(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(attempt) * pause):
		}
	}
}

// currentDatabase is the quoted name of the database.
func currentDatabase(ctx context.Context, tx pgx.Tx) (string, error) {
	var name string
	err := tx.QueryRow(ctx, "SELECT current_database()").Scan(&name)
	return pgx.Identifier{name}.Sanitize(), err
}

// How often a change begins again, and how long it waits before the second attempt; then
// longer each time.
const (
	attempts = 10
	pause    = 50 * time.Millisecond
)

// raced reports whether err means that somebody else changed the same roles meanwhile:
// roles are the cluster's, and the lock that keeps others out is the database's.
func raced(err error) bool {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return false
	}
	return slices.Contains([]string{"23505", "42710"}, server.Code) || // another has made the role
		server.Code == "XX000" && strings.Contains(server.Message, "concurrently") || // has changed it
		db.Transient(err) && !db.Unavailable(err)
}
