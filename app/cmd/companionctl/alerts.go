package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/cluster"
	"github.com/wealth-companion/companion/app/ops/prometheus"
	"github.com/wealth-companion/companion/app/ops/status"
)

func alertsCommand() *cobra.Command {
	var at metrics
	var output string
	cmd := &cobra.Command{
		Use:   "alerts",
		Short: "Show the alerts that fire or are about to, and which entry of the runbook to read",
		Long: `Show the alerts that fire or are about to (pending), since when their condition holds, and
which entry of the runbook to read: pages first, and of those what began first.

It exits with status 1 when an alert fires that nobody has silenced.`,
		Example: "  companionctl alerts",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return at.ask(cmd.Context(), func(ctx context.Context, _ *cluster.Cluster, client *prometheus.Client) error {
				alerts, err := client.Alerts(ctx)
				if err != nil {
					return err
				}
				silent := client.MarkSilenced(ctx, alerts)
				now := time.Now()
				if err := show(output, alerts, "STATE\tSEVERITY\tALERT\tSERVICE\tSINCE\tSUMMARY\tRUNBOOK", func(a prometheus.Alert) string { return alertRow(a, now) }); err != nil {
					return err
				}
				if silent != nil {
					return fmt.Errorf("nobody is told of alerts: %w", silent)
				}
				return noneFires(alerts)
			})
		},
	}
	at.flags(cmd, time.Minute)
	outputFlag(cmd, &output)
	return cmd
}

func alertRow(a prometheus.Alert, now time.Time) string {
	entry := "-"
	if a.Entry() != "" {
		entry = "docs/runbook.md#" + a.Entry()
	}
	return strings.Join([]string{a.State, a.Severity, a.Name, cmp.Or(a.Labels["service"], "-"), status.Ago(a.Since, now), a.Summary, entry}, "\t")
}

// noneFires returns an error that names every alert that fires.
func noneFires(alerts []prometheus.Alert) error {
	var names []string
	for _, a := range alerts {
		if a.State == prometheus.Firing {
			names = append(names, a.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("alerts fire: %s", strings.Join(names, ", "))
}
