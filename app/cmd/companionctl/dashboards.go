package main

import (
	"bytes"
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
	var at metrics
	var html string
	var since time.Duration
	cmd := &cobra.Command{
		Use:   "dashboards",
		Short: "Run every query of the dashboards, and draw them as one page",
		Long: `Run every query of the dashboards that are in the cluster, and draw them as one page
of HTML that needs nothing else.

It exits with status 1 when a query fails, or when a panel has no data that always has some.`,
		Example: "  companionctl dashboards --html dashboards.html --since 6h",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if since < time.Minute {
				return fmt.Errorf("%w: --since is a minute or more", errUsage)
			}
			return at.ask(cmd.Context(), func(ctx context.Context, inside *cluster.Cluster, client *prometheus.Client) error {
				files, err := inside.ConfigMaps(ctx, dashboardNamespace, dashboardLabel)
				if err != nil {
					return err
				}
				// The file is written when the page is whole, also one that has faults.
				var page bytes.Buffer
				err = drawDashboards(ctx, files, client, dashboards.Span{To: time.Now(), Since: since}, &page)
				if html != "" && page.Len() > 0 {
					err = errors.Join(err, os.WriteFile(html, page.Bytes(), 0o644))
				}
				return err
			})
		},
	}
	at.flags(cmd, 2*time.Minute)
	cmd.Flags().StringVar(&html, "html", "", "the file that the page is written to")
	cmd.Flags().DurationVar(&since, "since", time.Hour, "how much of the past is shown")
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
