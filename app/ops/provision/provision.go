// Package provision prepares the PostgreSQL that the services share: a role and
// a schema for each, so that no service can read another's tables.
package provision

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/store/db"
)

// Service is who gets a role and a schema of that name.
type Service struct {
	Name     string
	Password string
}

var plainName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,40}$`)

// Prepare makes what is missing and sets the passwords. All of it happens or
// nothing does; run again, it changes nothing. The administrator need not be a
// superuser: it must own the database and may create roles, as Neon's may.
func Prepare(ctx context.Context, adminURL string, services []Service) error {
	var wrong []error
	for _, service := range services {
		if !plainName.MatchString(service.Name) {
			wrong = append(wrong, fmt.Errorf("service %q: a name has small letters, digits and underscores", service.Name))
		}
		if len(service.Password) < 8 {
			wrong = append(wrong, fmt.Errorf("service %q: its password has less than 8 characters", service.Name))
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
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
	return pgx.BeginFunc(ctx, connection, func(tx pgx.Tx) error {
		// Two that run at once would both find a role missing.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", db.LockID("companion:prepare")); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "REVOKE ALL ON SCHEMA public FROM PUBLIC"); err != nil {
			return fmt.Errorf("close the schema public: %w", err)
		}
		// Whoever may log in could connect, and make temporary tables.
		if _, err := tx.Exec(ctx, "REVOKE ALL ON DATABASE "+pgx.Identifier{config.Database}.Sanitize()+" FROM PUBLIC"); err != nil {
			return fmt.Errorf("close the database: %w", err)
		}
		for _, service := range services {
			if err := prepare(ctx, tx, service); err != nil {
				return fmt.Errorf("service %s: %w", service.Name, err)
			}
		}
		return nil
	})
}

func prepare(ctx context.Context, tx pgx.Tx, service Service) error {
	var known bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", service.Name).Scan(&known); err != nil {
		return err
	}
	role := pgx.Identifier{service.Name}.Sanitize()
	var statements []string
	if !known {
		statements = append(statements, "CREATE ROLE "+role+" LOGIN")
	}
	statements = append(statements,
		// Who is not a superuser may give a schema only to a role it belongs to.
		"GRANT "+role+" TO CURRENT_USER",
		"CREATE SCHEMA IF NOT EXISTS "+role+" AUTHORIZATION "+role,
		"ALTER SCHEMA "+role+" OWNER TO "+role,
		"REVOKE ALL ON SCHEMA "+role+" FROM PUBLIC",
	)
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	// Only the server quotes a literal as it reads one. A failure is told without
	// its statement, which holds the password.
	for what, format := range map[string]string{
		"set its password": "SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)",
		"set its schema":   "SELECT format('ALTER ROLE %I IN DATABASE %I SET search_path = %I', $1::text, current_database(), $1::text) WHERE $2::text <> ''",
		"let it connect":   "SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), $1::text) WHERE $2::text <> ''",
	} {
		var statement string
		if err := tx.QueryRow(ctx, format, service.Name, service.Password).Scan(&statement); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}
