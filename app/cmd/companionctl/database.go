package main

import (
	"context"
	"errors"
	"fmt"
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
		Short: "Make a role and a schema for each service, and set its password",
		Long: `Make a role and a schema for each service, and set its password.

DATABASE_ADMIN_URL names the database and an administrator who owns it and may
create roles; NAME_PASSWORD (BACKEND_PASSWORD, ...) holds each service's password.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			url, services, err := databaseSettings(names, os.Getenv)
			if err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			if err := provision.Prepare(ctx, url, services); err != nil {
				return err
			}
			fmt.Printf("the database is ready for %s\n", strings.Join(names, ", "))
			return nil
		},
	}
	prepare.Flags().StringSliceVar(&names, "service", nil, "a service that shall have a role and a schema (may be repeated)")
	cmd.AddCommand(prepare)
	return cmd
}

func databaseSettings(names []string, getenv func(string) string) (string, []provision.Service, error) {
	var missing []error
	if len(names) == 0 {
		missing = append(missing, errors.New("name the services with --service"))
	}
	url := getenv("DATABASE_ADMIN_URL")
	if url == "" {
		missing = append(missing, errors.New("DATABASE_ADMIN_URL is not set"))
	}
	var services []provision.Service
	for _, name := range names {
		key := strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_PASSWORD"
		password := getenv(key)
		if password == "" {
			missing = append(missing, fmt.Errorf("%s is not set", key))
		}
		services = append(services, provision.Service{Name: name, Password: password})
	}
	return url, services, errors.Join(missing...)
}
