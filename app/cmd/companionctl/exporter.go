package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/admin"
	"github.com/wealth-companion/companion/app/ops/exporter"
)

func exporterCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "exporter",
		Short: "Serve Prometheus how far consumers are behind, and the replicas of partitions",
		Long: `Serve Prometheus, until it is told to stop, how far each service is behind in the events that it
handles, and whether every partition has its replicas. It reaches Kafka from inside the cluster, by
KAFKA_BROKERS and the other variables, as a user that may describe topics and groups.`,
		Example: "  companionctl exporter --listen :8080",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := environment(os.Getenv, os.ReadFile); err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			return serve(cmd.Context(), listen)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", ":8080", "the address that /metrics and /healthz are served at")
	return cmd
}

// serve serves the metrics until ctx ends.
func serve(ctx context.Context, listen string) error {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	looks := exporter.New(connected, log)
	defer looks.Close()
	server := &http.Server{Addr: listen, Handler: looks.Handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 2 * exporter.Within}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	log.Info("serving metrics of Kafka", "address", listen)
	select {
	case err := <-failed:
		return fmt.Errorf("listen at %s: %w", listen, err)
	case <-ctx.Done():
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*exporter.Within)
		defer cancel()
		if err := server.Shutdown(ending); err != nil {
			return fmt.Errorf("scrapes that are not over: %w", err)
		}
		if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
}

// connected connects by what the environment says now: the file of the authority is read anew, for
// it changes when the brokers' certificates are renewed.
func connected(ctx context.Context) (exporter.Kafka, error) {
	settings, err := environment(os.Getenv, os.ReadFile)
	if err != nil {
		return nil, err
	}
	kafka, err := admin.Connect(ctx, settings, func(error) {})
	if err != nil {
		return nil, err
	}
	return kafka, nil
}
