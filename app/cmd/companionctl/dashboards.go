package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/cluster"
	"github.com/wealth-companion/companion/app/ops/dashboards"
	"github.com/wealth-companion/companion/app/ops/prometheus"
)

// Where infra lays dashboards, and the label by which Grafana finds them.
const (
	dashboardNamespace = "observability"
	dashboardLabel     = "grafana_dashboard=1"
)

func dashboardsCommand() *cobra.Command {
	var kubeconfig, html string
	var since, timeout time.Duration
	cmd := &cobra.Command{
		Use:   "dashboards",
		Short: "Run every query of the dashboards, and draw them as one page",
		Long: `Run every query of the dashboards that are in the cluster, and draw them as one page
of HTML that needs nothing else.

It exits with status 1 when a query fails, or when a panel has no data that always has some.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if kubeconfig == "" {
				return fmt.Errorf("%w: --kubeconfig is missing", errUsage)
			}
			if since < time.Minute {
				return fmt.Errorf("%w: --since is a minute or more", errUsage)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			inside, err := cluster.Open(kubeconfig)
			if err != nil {
				return err
			}
			defer inside.Close()
			files, err := inside.ConfigMaps(ctx, dashboardNamespace, dashboardLabel)
			if err != nil {
				return err
			}
			client, err := prometheus.New(prometheus.Address, inside)
			if err != nil {
				return err
			}
			page := io.Discard
			if html != "" {
				file, err := os.Create(html)
				if err != nil {
					return err
				}
				defer file.Close()
				page = file
			}
			return drawDashboards(ctx, files, client, dashboards.Span{To: time.Now(), Since: since}, page)
		},
	}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "the cluster's: Prometheus is reached through its API server")
	cmd.Flags().StringVar(&html, "html", "", "the file that the page is written to")
	cmd.Flags().DurationVar(&since, "since", time.Hour, "how much of the past is shown")
	cmd.Flags().DurationVar(&timeout, "timeout", 2*time.Minute, "give up after this time")
	return cmd
}

// drawDashboards runs the queries of the dashboards in files, writes the page, prints what each
// dashboard has, and returns an error that names every fault.
func drawDashboards(ctx context.Context, files map[string]string, source dashboards.Source, span dashboards.Span, page io.Writer) error {
	if len(files) == 0 {
		return errors.New("there are no dashboards: kubectl -n observability get configmaps -l " + dashboardLabel)
	}
	all, err := dashboards.Parse(files)
	if err != nil {
		return err
	}
	shown, err := dashboards.Run(ctx, source, span, all)
	if err != nil {
		return err
	}
	if err := dashboards.Page(page, span, shown); err != nil {
		return err
	}
	if err := show("table", shown, "DASHBOARD\tPANELS\tWITH DATA", dashboardRow); err != nil {
		return err
	}
	if faults := dashboards.Faults(shown); len(faults) > 0 {
		return errors.New(strings.Join(faults, "\n  "))
	}
	return nil
}

func dashboardRow(d dashboards.Shown) string {
	panels, filled := 0, 0
	for _, p := range d.Panels {
		if len(p.Queries) > 0 {
			panels++
			filled += min(1, len(p.Series))
		}
	}
	return fmt.Sprintf("%s\t%d\t%d", d.Name, panels, filled)
}
