// Command companionctl is the operators' tool: it prepares the database, sets
// up Kafka's topics, says what is unhealthy, shows lag and dead letters, and validates
// the event flow.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
)

// errUsage marks what a look at --help puts right.
var errUsage = errors.New("usage")

func main() {
	// client-go logs a connection that a forwarded port ends; our errors say it.
	klog.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	switch {
	case err == nil:
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "companionctl",
		Short: "Operate the Wealth Companion",
		Long: `Operate the Wealth Companion: its database, its topics, its event flow.

Kafka is reached in one of two ways: from inside the cluster by KAFKA_BROKERS,
KAFKA_USERNAME, KAFKA_PASSWORD and KAFKA_CA_FILE, or from outside by --kubeconfig,
which forwards ports to the brokers and reads the user "admin" from its Secret (validate: "smoke").

It ends with 0 when all is well, 1 when something failed, 2 when it was called wrongly.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%w: no command %q (see `companionctl --help`)", errUsage, args[0])
			}
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: %w (see `%s --help`)", errUsage, err, cmd.CommandPath())
	})
	root.AddCommand(databaseCommand(), topicsCommand(), deadLettersCommand(), lagCommand(), validateCommand(), certificateCommand(), authorityCommand(), sidecarAuthorityCommand(), targetsCommand(), dashboardsCommand(), alertsCommand(), statusCommand(), exporterCommand(), drillCommand())
	return root
}
