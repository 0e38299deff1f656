package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/provision"
)

func databaseCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "database", Short: "Prepare the services' PostgreSQL"}
	var names []string
	prepare := &cobra.Command{
		Use:   "prepare --service NAME...",
		Short: "Create a role and a schema for each service and the role that migrates them",
		Long: `Create a role and a schema for each service, and the role migrator, which owns the
schemas; set their passwords. Run again, it changes nothing but the passwords.

DATABASE_ADMIN_URL names the database and an administrator who owns it and may
create roles; MIGRATOR_PASSWORD holds the migrator's password and NAME_PASSWORD
(BACKEND_PASSWORD, ...) each service's.`,
		Example: "  companionctl database prepare --service backend --service banking",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			settings, err := databaseSettings(names, os.Getenv)
			if err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			if err := provision.Prepare(ctx, settings.adminURL, settings.migratorPassword, settings.services); err != nil {
				return err
			}
			fmt.Printf("the database is ready for %s\n", strings.Join(names, ", "))
			return nil
		},
	}
	prepare.Flags().StringSliceVar(&names, "service", nil, "a service that shall have a role and a schema (may be repeated)")
	cmd.AddCommand(prepare, loginCommand(), migrateCommand(), checkSumsCommand())
	return cmd
}

func loginCommand() *cobra.Command {
	var service, login string
	var end bool
	cmd := &cobra.Command{
		Use:   "login --service NAME --login NAME",
		Short: "Create a further role that a service may log in as, or end one",
		Long: `Create a role that logs in for a service and has the service's rights, or give it another
password: a service changes its password by changing the role that it logs in as. With
--end the role logs in no more, and its sessions end; create it again to undo that.

DATABASE_ADMIN_URL names the database and its administrator, as for ` + "`database prepare`" + `;
the password is in LOGIN_PASSWORD, whatever the role is called.`,
		Example: "  companionctl database login --service banking --login banking_2",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			adminURL, password := os.Getenv("DATABASE_ADMIN_URL"), os.Getenv("LOGIN_PASSWORD")
			if adminURL == "" || service == "" || login == "" || password == "" && !end {
				return fmt.Errorf("%w: set DATABASE_ADMIN_URL and LOGIN_PASSWORD, and name --service and --login", errUsage)
			}
			if end {
				if err := provision.EndLogin(ctx, adminURL, service, login); err != nil {
					return err
				}
				fmt.Printf("%s logs in no more\n", login)
				return nil
			}
			if err := provision.Login(ctx, adminURL, service, login, password); err != nil {
				return err
			}
			fmt.Printf("%s may log in as %s\n", service, login)
			return nil
		},
	}
	cmd.Flags().StringVar(&service, "service", "", "the service")
	cmd.Flags().StringVar(&login, "login", "", "the role that it logs in as")
	cmd.Flags().BoolVar(&end, "end", false, "have the role log in no more, and end its sessions")
	return cmd
}

func migrateCommand() *cobra.Command {
	var names []string
	cmd := &cobra.Command{
		Use:   "migrate --service NAME...",
		Short: "Bring the services' schemas up to date",
		Long: `Bring the services' schemas up to date, in the order given. It waits until PostgreSQL
answers, for as long as --timeout; two that run at once do each migration once.

MIGRATION_DATABASE_URL names the database as the role migrator reaches it, directly
and not through a pooler: migrations hold a lock of the session.`,
		Example: "  companionctl database migrate --service backend --service analytics",
		Args:    cobra.NoArgs,
	}
	timeout := cmd.Flags().Duration("timeout", 10*time.Minute, "how long all of it may take")
	cmd.Flags().StringSliceVar(&names, "service", nil, "a service whose schema is migrated (may be repeated)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		address := os.Getenv("MIGRATION_DATABASE_URL")
		if address == "" || len(names) == 0 {
			return fmt.Errorf("%w: set MIGRATION_DATABASE_URL and name the services with --service", errUsage)
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), *timeout)
		defer cancel()
		log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
		if err := provision.Migrate(ctx, address, names, log); err != nil {
			return err
		}
		fmt.Printf("the schemas of %s are up to date\n", strings.Join(names, ", "))
		return nil
	}
	return cmd
}

func checkSumsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check-sums",
		Short: "Compare kept balances and daily sums with the transactions that they add up",
		Long: `Compare each person's kept balances and daily sums with their transactions, and
list where they differ. None do, unless rows were changed by hand or triggers were
switched off. With --repair the sums of those who have differences are computed from
scratch; changes of transactions wait meanwhile. It changes nothing otherwise, and
exits with status 1 when it found a difference that it did not repair.

MIGRATION_DATABASE_URL names the database as for ` + "`database migrate`" + `.`,
		Example: "  companionctl database check-sums\n  companionctl database check-sums --repair",
		Args:    cobra.NoArgs,
	}
	repair := cmd.Flags().Bool("repair", false, "compute the sums that differ from scratch")
	timeout := cmd.Flags().Duration("timeout", time.Hour, "how long all of it may take")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		address := os.Getenv("MIGRATION_DATABASE_URL")
		if address == "" {
			return fmt.Errorf("%w: set MIGRATION_DATABASE_URL", errUsage)
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), *timeout)
		defer cancel()
		differences := 0
		people, err := provision.CheckSums(ctx, address, *repair, func(d provision.Difference) {
			differences++
			fmt.Printf("user %s, %s: kept is %s, the transactions add up to %s\n", d.User, d.What, d.Kept, d.Computed)
		})
		switch {
		case err != nil:
			return err
		case differences == 0:
			fmt.Printf("the sums of %d people are right\n", people)
			return nil
		case *repair:
			fmt.Printf("%d sums of %d people differed and were computed from scratch\n", differences, people)
			return nil
		}
		return fmt.Errorf("%d sums of %d people differ: run it with --repair, and find out what changed rows by hand", differences, people)
	}
	return cmd
}

// database is what `database prepare` reads from its environment.
type database struct {
	adminURL         string
	migratorPassword string
	services         []provision.Service
}

func databaseSettings(names []string, getenv func(string) string) (database, error) {
	var missing []error
	need := func(key string) string {
		value := getenv(key)
		if value == "" {
			missing = append(missing, fmt.Errorf("%s is not set", key))
		}
		return value
	}
	if len(names) == 0 {
		missing = append(missing, errors.New("name the services with --service"))
	}
	settings := database{adminURL: need("DATABASE_ADMIN_URL"), migratorPassword: need("MIGRATOR_PASSWORD")}
	for _, name := range names {
		password := need(strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_PASSWORD")
		settings.services = append(settings.services, provision.Service{Name: name, Password: password})
	}
	return settings, errors.Join(missing...)
}
