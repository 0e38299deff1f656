// Command operator is what the rehearsal's image quay.io/strimzi/operator runs:
// `operator cluster-operator` and `operator user-operator`.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/wealth-companion/companion/rehearsal/strimzi"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		slog.Error("the operator ends", "error", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	level := slog.LevelInfo
	if text := os.Getenv("STRIMZI_LOG_LEVEL"); text != "" {
		if err := level.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("STRIMZI_LOG_LEVEL: %w", err)
		}
	}
	handler := slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: level})
	slog.SetDefault(slog.New(handler))
	logger := logr.FromSlogHandler(handler)
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)

	if len(args) != 1 {
		return fmt.Errorf("say `cluster-operator` or `user-operator`, not %q", args)
	}
	cluster, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the API server: %w", err)
	}
	switch args[0] {
	case "cluster-operator":
		options, err := strimzi.OptionsFromEnvironment(os.Getenv)
		if err != nil {
			return err
		}
		return strimzi.RunClusterOperator(ctx, cluster, options)
	case "user-operator":
		settings, err := strimzi.UserSettingsFromEnvironment(os.Getenv)
		if err != nil {
			return err
		}
		return strimzi.RunUserOperator(ctx, cluster, settings, strimzi.DialKafka(nil), ":8081")
	}
	return fmt.Errorf("unknown operator %q: say `cluster-operator` or `user-operator`", args[0])
}
