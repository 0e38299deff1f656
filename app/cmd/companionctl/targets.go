package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/cluster"
	"github.com/wealth-companion/companion/app/ops/prometheus"
)

func targetsCommand() *cobra.Command {
	var at metrics
	var output string
	cmd := &cobra.Command{
		Use:   "targets",
		Short: "Show where Prometheus reads metrics, and whether it can",
		Long: `Show where Prometheus reads metrics, and whether it can: one line for each target.

It exits with status 1 when a target is not up, or when there is none.`,
		Example: "  companionctl targets",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return at.ask(cmd.Context(), func(ctx context.Context, _ *cluster.Cluster, client *prometheus.Client) error {
				targets, err := client.Targets(ctx)
				if err != nil {
					return err
				}
				now := time.Now()
				if err := show(output, targets, "JOB\tPOD\tADDRESS\tHEALTH\tREAD\tERROR", func(t prometheus.Target) string { return targetRow(t, now) }); err != nil {
					return err
				}
				return allUp(targets)
			})
		},
	}
	at.flags(cmd, time.Minute)
	outputFlag(cmd, &output)
	return cmd
}

func targetRow(t prometheus.Target, now time.Time) string {
	read := "never"
	if !t.LastRead.IsZero() {
		read = max(0, now.Sub(t.LastRead)).Round(time.Second).String() + " ago"
	}
	return strings.TrimRight(strings.Join([]string{t.Job, t.Pod, t.URL, t.Health, read, t.Error}, "\t"), "\t ")
}

// allUp returns an error that names every target that is not up.
func allUp(targets []prometheus.Target) error {
	if len(targets) == 0 {
		return errors.New("Prometheus reads nothing: kubectl -n observability get podmonitors,servicemonitors") //nolint:staticcheck // a name
	}
	var wrong []string
	for _, t := range targets {
		if t.Health != "up" {
			wrong = append(wrong, strings.TrimSpace(fmt.Sprintf("%s %s (%s) is %s %s", t.Job, t.Pod, t.URL, t.Health, t.Error)))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(wrong, "\n  "))
}
