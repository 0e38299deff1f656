package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/drill"
)

func drillCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drill",
		Short: "Make parts of a running stack fail, and see that nothing is lost",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%w: no command %q (see `companionctl drill --help`)", errUsage, args[0])
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(drillListCommand(), drillRunCommand())
	return cmd
}

func drillListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Show what can be made to fail, and within what time everything must work again",
		Example: `  companionctl drill list`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return show(output, drill.All(), "DRILL\tGOAL\tFROM\tWHAT HAPPENS", func(d drill.Drill) string {
				from := "its beginning"
				if d.FromHealing {
					from = "its end"
				}
				return strings.Join([]string{d.Name, d.Goal.String(), from, d.About}, "\t")
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// mostDrills is how long all drills may take together.
const mostDrills = 2 * time.Hour

func drillRunCommand() *cobra.Command {
	var kubeconfig, authority, output, junit string
	var resolve []string
	var timeout time.Duration
	options := drill.Options{Report: func(step string) { fmt.Fprintln(os.Stderr, "…", step) }}
	cmd := &cobra.Command{
		Use:   "run NAME...|all --url URL --kubeconfig FILE",
		Short: "Carry out drills, one after the other",
		Long: `Carry out drills, one after the other, on a stack that allows them (companion:drills).

Four people enter two transactions a second, each of which has an alert come of it. Once that
works, something is made to fail, and put right again; when everything has worked again for a
while, what was accepted is compared with what is stored and what came of it. A drill that is
interrupted puts right what it has made fail; one that was ended by force leaves that to the next
run.

It exits with status 1 when a drill did not meet its goal, or anything was lost or doubled.`,
		Example: `  companionctl drill run broker-killed --url https://app.example.com --kubeconfig kubeconfig
  companionctl drill run all --url https://app.example.com --kubeconfig kubeconfig --junit drills.xml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%w: name a drill, or all (`companionctl drill list` shows which there are)", errUsage)
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			names := []string{"all"}
			for _, one := range drill.All() {
				names = append(names, one.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			drills, err := drill.Named(args)
			switch {
			case err != nil:
				return fmt.Errorf("%w: %w", errUsage, err)
			case !strings.HasPrefix(options.URL, "https://"):
				return fmt.Errorf("%w: --url is the application's https:// address (the stack's output `url`)", errUsage)
			}
			if options.Resolve, err = resolutions(resolve); err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			if authority != "" {
				if options.Authority, err = os.ReadFile(authority); err != nil {
					return fmt.Errorf("--ca-file: %w", err)
				}
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			inside, err := openCluster(kubeconfig)
			if err != nil {
				return err
			}
			defer inside.Close()
			options.Cluster = inside.Client()
			watcher, err := monitored(ctx, inside)
			if err != nil {
				return err
			}
			options.Watcher = watcher
			results, err := drill.Run(ctx, drills, options)
			if len(results) > 0 {
				err = errors.Join(err, show(output, results, drill.Header, drill.Result.Row), writeJUnit(junit, results))
			}
			return errors.Join(err, drill.Err(results))
		},
	}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "the cluster's, or KUBECONFIG, of one who may delete pods, evict them and change Deployments")
	cmd.Flags().StringVar(&options.URL, "url", "", "the application's address")
	cmd.Flags().StringVar(&authority, "ca-file", "", "an authority to trust beside the system's (PEM)")
	cmd.Flags().StringSliceVar(&resolve, "resolve", nil, "connect elsewhere, as curl does: HOST:PORT:ADDRESS:PORT")
	cmd.Flags().StringVar(&junit, "junit", "", "write the results to this file too, as JUnit's XML")
	cmd.Flags().DurationVar(&timeout, "timeout", mostDrills, "give up after this time, and put right what fails then")
	outputFlag(cmd, &output)
	return cmd
}

func writeJUnit(path string, results []drill.Result) error {
	if path == "" {
		return nil
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("--junit: %w", err)
	}
	return errors.Join(drill.WriteJUnit(file, results), file.Close())
}
