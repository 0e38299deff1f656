// Package provision prepares the PostgreSQL that the services share: a schema and
// a role for each service, so that no service can read another's tables, and one
// role that owns the schemas and migrates them.
package provision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/store/db"
)

// Migrator is the role that owns every service's schema. Only migrations run as
// this role: a service's own role may read and write rows and nothing else.
const Migrator = "migrator"

// Service gets a role and a schema of its name.
type Service struct {
	Name     string
	Password string
}

var plainName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,40}$`)

// Prepare creates the missing roles and schemas, sets the passwords and grants
// each role what it needs. Everything happens in one transaction; run again, it
// changes nothing. The administrator need not be a superuser: it must own the
// database and have CREATEROLE, as Neon's does. Schemas that a service's role
// owns, as it did before there was a migrator, change hands.
func Prepare(ctx context.Context, adminURL, migratorPassword string, services []Service) error {
	if err := check(migratorPassword, services); err != nil {
		return err
	}
	return asAdministrator(ctx, adminURL, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "REVOKE ALL ON SCHEMA public FROM PUBLIC"); err != nil {
			return fmt.Errorf("close the schema public: %w", err)
		}
		database, err := currentDatabase(ctx, tx)
		if err != nil {
			return err
		}
		// Whoever may log in could connect, and make temporary tables.
		if _, err := tx.Exec(ctx, "REVOKE ALL ON DATABASE "+database+" FROM PUBLIC"); err != nil {
			return fmt.Errorf("close the database: %w", err)
		}
		if err := role(ctx, tx, Migrator, migratorPassword, db.MigratorSettings()); err != nil {
			return fmt.Errorf("role %s: %w", Migrator, err)
		}
		for _, service := range services {
			if err := prepare(ctx, tx, service); err != nil {
				return fmt.Errorf("service %s: %w", service.Name, err)
			}
		}
		return nil
	})
}

// minPassword is the least length of a role's password, in bytes.
const minPassword = 8

func checkName(of, name string) error {
	if !plainName.MatchString(name) || name == Migrator {
		return fmt.Errorf("%s %q: a name has small letters, digits and underscores, and is not %s", of, name, Migrator)
	}
	return nil
}

func check(migratorPassword string, services []Service) error {
	var wrong []error
	if len(migratorPassword) < minPassword {
		wrong = append(wrong, fmt.Errorf("role %s: its password has less than %d characters", Migrator, minPassword))
	}
	for _, service := range services {
		if err := checkName("service", service.Name); err != nil {
			wrong = append(wrong, err)
		}
		if len(service.Password) < minPassword {
			wrong = append(wrong, fmt.Errorf("service %q: its password has less than %d characters", service.Name, minPassword))
		}
	}
	return errors.Join(wrong...)
}

// Migrate brings the services' schemas up to date as the migrator, and waits
// until PostgreSQL answers. It stops at the first migration that fails; each
// migration is a transaction of its own.
func Migrate(ctx context.Context, migratorURL string, services []string, log *slog.Logger) error {
	for _, service := range services {
		if err := migrate(ctx, migratorURL, service, log.With("schema", service)); err != nil {
			return err
		}
	}
	return nil
}

func migrate(ctx context.Context, migratorURL, service string, log *slog.Logger) error {
	pool, err := open(ctx, migratorURL, service)
	if err != nil {
		return err
	}
	defer pool.Close()
	return db.MigrateWhenThere(ctx, pool, service, log)
}

// open connects as the migrator to a service's schema.
func open(ctx context.Context, migratorURL, service string) (*pgxpool.Pool, error) {
	address, err := url.Parse(migratorURL)
	if err != nil {
		return nil, errors.New("MIGRATION_DATABASE_URL is not a PostgreSQL URL") // the cause would show the password
	}
	query := address.Query()
	query.Set("search_path", service)
	address.RawQuery = query.Encode()
	return db.Open(ctx, address.String(), 0)
}

// prepare gives a service its role, and its schema to the migrator.
func prepare(ctx context.Context, tx pgx.Tx, service Service) error {
	if err := role(ctx, tx, service.Name, service.Password, db.SessionSettings()); err != nil {
		return err
	}
	own, migrator := pgx.Identifier{service.Name}.Sanitize(), pgx.Identifier{Migrator}.Sanitize()
	for _, statement := range []string{
		"CREATE SCHEMA IF NOT EXISTS " + own + " AUTHORIZATION " + migrator,
		"REASSIGN OWNED BY " + own + " TO " + migrator,
		"ALTER SCHEMA " + own + " OWNER TO " + migrator,
		"REVOKE ALL ON SCHEMA " + own + " FROM PUBLIC",
		"REVOKE ALL ON SCHEMA " + own + " FROM " + own,
		"GRANT USAGE ON SCHEMA " + own + " TO " + own,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + own + " TO " + own,
		"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA " + own + " TO " + own,
		// What later migrations create.
		"ALTER DEFAULT PRIVILEGES FOR ROLE " + migrator + " IN SCHEMA " + own + " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO " + own,
		"ALTER DEFAULT PRIVILEGES FOR ROLE " + migrator + " IN SCHEMA " + own + " GRANT USAGE, SELECT ON SEQUENCES TO " + own,
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return formatted(ctx, tx, service.Name, "", map[string]string{
		"set its schema": "SELECT format('ALTER ROLE %I IN DATABASE %I SET search_path = %I', $1::text, current_database(), $1::text) WHERE $2::text IS NOT NULL",
	})
}

// role creates a role that may log in, connect to the database and nothing else. Its
// sessions have the settings whoever opens them: a client that asks for none, or whose
// pooler does not hand them on, must not keep locks once it is gone.
func role(ctx context.Context, tx pgx.Tx, name, password string, settings map[string]string) error {
	var known bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name).Scan(&known); err != nil {
		return err
	}
	quoted := pgx.Identifier{name}.Sanitize()
	if !known {
		if _, err := tx.Exec(ctx, "CREATE ROLE "+quoted+" LOGIN"); err != nil {
			return err
		}
	}
	// Only a superuser may hand a schema to a role that it is not a member of.
	if _, err := tx.Exec(ctx, "GRANT "+quoted+" TO CURRENT_USER"); err != nil {
		return err
	}
	for _, setting := range slices.Sorted(maps.Keys(settings)) {
		// Both are of our own making: a name and a number, or a time zone.
		if _, err := tx.Exec(ctx, fmt.Sprintf("ALTER ROLE %s SET %s = '%s'", quoted, setting, settings[setting])); err != nil {
			return fmt.Errorf("set its %s: %w", setting, err)
		}
	}
	return formatted(ctx, tx, name, password, map[string]string{
		"set its password": "SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)",
		"let it connect":   "SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), $1::text) WHERE $2::text IS NOT NULL",
	})
}

// formatted executes statements that the server quotes, since only the server
// quotes a literal as it reads one. An error names the step and not the
// statement, which may hold the password.
func formatted(ctx context.Context, tx pgx.Tx, name, password string, formats map[string]string) error {
	for step, format := range formats {
		var statement string
		if err := tx.QueryRow(ctx, format, name, password).Scan(&statement); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
	}
	return nil
}
