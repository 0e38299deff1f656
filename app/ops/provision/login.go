package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/store/db"
)

// Login creates a role that logs in for a service and then acts as the service's own
// role, or gives it another password. A role has one password: to change a service's
// without a refused connection, its pods move to another log-in, one by one.
func Login(ctx context.Context, adminURL, service, login, password string) error {
	if err := checkLogin(service, login); err != nil {
		return err
	}
	if len(password) < minPassword {
		return fmt.Errorf("log-in %q: its password has less than %d characters", login, minPassword)
	}
	return asAdministrator(ctx, adminURL, func(tx pgx.Tx) error {
		if err := known(ctx, tx, service); err != nil {
			return err
		}
		if err := role(ctx, tx, login, password, db.SessionSettings()); err != nil {
			return fmt.Errorf("log-in %s: %w", login, err)
		}
		if login == service {
			return nil
		}
		own, other := pgx.Identifier{service}.Sanitize(), pgx.Identifier{login}.Sanitize()
		for _, statement := range []string{
			"GRANT " + own + " TO " + other,
			// What its sessions make and may do is the service's.
			fmt.Sprintf("ALTER ROLE %s SET role = %s", other, own),
		} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		database, err := currentDatabase(ctx, tx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET search_path = %s", other, database, own))
		return err
	})
}

// EndLogin has a role log in for a service no more, and ends its sessions.
func EndLogin(ctx context.Context, adminURL, service, login string) error {
	if err := checkLogin(service, login); err != nil {
		return err
	}
	if err := asAdministrator(ctx, adminURL, func(tx pgx.Tx) error {
		if err := known(ctx, tx, login); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "ALTER ROLE "+pgx.Identifier{login}.Sanitize()+" NOLOGIN")
		return err
	}); err != nil {
		return err
	}
	// Before that is committed, whoever is ended logs in again.
	return asAdministrator(ctx, adminURL, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND pid <> pg_backend_pid()", login)
		return err
	})
}

func checkLogin(service, login string) error {
	return errors.Join(checkName("service", service), checkName("log-in", login))
}

func known(ctx context.Context, tx pgx.Tx, name string) error {
	var is bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name).Scan(&is); err != nil {
		return err
	}
	if !is {
		return fmt.Errorf("there is no role %s: prepare the service's database first (companionctl database prepare)", name)
	}
	return nil
}
