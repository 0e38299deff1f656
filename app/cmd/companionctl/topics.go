package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/admin"
)

func topicsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "topics", Short: "Set up and show Kafka's topics"}
	cmd.AddCommand(topicsPlanCommand(), topicsApplyCommand(), topicsVerifyCommand(), topicsListCommand(), topicsExportCommand(), topicsImportCommand())
	return cmd
}

// topicsWanted are the flags that say what topics shall be.
type topicsWanted struct {
	replication int16
	reassign    bool
}

func (w *topicsWanted) flags(cmd *cobra.Command, reassign string) {
	cmd.Flags().Int16Var(&w.replication, "replication", 3, "how many brokers keep each message")
	cmd.Flags().BoolVar(&w.reassign, "reassign", false, reassign)
}

func (w *topicsWanted) check(cmd *cobra.Command) error {
	if w.replication < 1 {
		return usage(cmd, "--replication is at least 1")
	}
	return nil
}

func topicsPlanCommand() *cobra.Command {
	var to connection
	var wanted topicsWanted
	var output string
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show how the topics differ from the catalogue, and what apply would change",
		Long: `Show how the topics differ from the catalogue: + is created, ~ is changed, ! stays as it is and
is said why. It changes nothing.`,
		Example: "  companionctl topics plan\n  companionctl topics plan --reassign --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := wanted.check(cmd); err != nil {
				return err
			}
			return to.run(cmd.Context(), func(_ context.Context, kafka *admin.Kafka) error {
				drift, err := kafka.Drift(admin.Wanted(wanted.replication), wanted.replication, wanted.reassign)
				if err != nil {
					return err
				}
				return showDrift(output, drift)
			})
		},
	}
	to.flags(cmd)
	outputFlag(cmd, &output)
	wanted.flags(cmd, "as apply with --reassign would")
	return cmd
}

func topicsVerifyCommand() *cobra.Command {
	var to connection
	var wanted topicsWanted
	var output string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that the topics are as the catalogue says",
		Long: `Check that the topics are as the catalogue says: partitions, replicas and settings, and no topic
that it does not know. It exits with status 1 when they are not.`,
		Example: "  companionctl topics verify",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := wanted.check(cmd); err != nil {
				return err
			}
			return to.run(cmd.Context(), func(_ context.Context, kafka *admin.Kafka) error {
				drift, err := kafka.Drift(admin.Wanted(wanted.replication), wanted.replication, false)
				if err != nil {
					return err
				}
				if err := showDrift(output, drift); err != nil {
					return err
				}
				if count := drifted(drift); count > 0 {
					return fmt.Errorf("%d topics are not as the catalogue says: `companionctl topics apply` changes what it can", count)
				}
				return nil
			})
		},
	}
	to.flags(cmd)
	outputFlag(cmd, &output)
	cmd.Flags().Int16Var(&wanted.replication, "replication", 3, "how many brokers keep each message")
	return cmd
}

func drifted(all []admin.Drift) int {
	count := 0
	for _, one := range all {
		if one.State != admin.Same {
			count++
		}
	}
	return count
}

// showDrift prints the topics that differ as a diff, or all of them in another format.
func showDrift(output string, all []admin.Drift) error {
	if output != "table" {
		return showValue(output, all)
	}
	for _, line := range driftLines(all) {
		fmt.Println(line)
	}
	return nil
}

func driftLines(all []admin.Drift) []string {
	var lines []string
	for _, one := range all {
		mark := map[string]string{admin.Missing: "+", admin.Differs: "~", admin.Unknown: "!"}[one.State]
		if mark == "" {
			continue
		}
		lines = append(lines, mark+" "+one.Topic)
		for _, d := range one.Differences {
			mark := "~"
			switch {
			case !d.Applied:
				mark = "!"
			case one.State == admin.Missing:
				mark = "+"
			}
			from, to := d.Have, d.Want
			if from == "" {
				from = "(none)"
			}
			if to == "" {
				to = "(nothing)"
			}
			line := fmt.Sprintf("  %s %-20s %s -> %s", mark, d.What, from, to)
			if d.Note != "" {
				line += "   # " + d.Note
			}
			lines = append(lines, line)
		}
	}
	return append(lines, fmt.Sprintf("%d of %d topics differ", drifted(all), len(all)))
}

func topicsApplyCommand() *cobra.Command {
	var to connection
	var wanted topicsWanted
	var throttle int64
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Create what is missing of the topics and their dead letters, and bring their settings up to date",
		Long: `Create what is missing of the topics and their dead letters, and bring partitions and settings
up to date. Nothing is taken away: topics keep partitions that they have beyond the
catalogue's, and settings that it does not know.

More partitions have most keys move to another one: for a moment events of one key may be
handled out of order. With --reassign brokers copy messages until each topic has as many
replicas as --replication says; it may be interrupted, and run again to wait for the rest.`,
		Example: `  companionctl topics apply
  companionctl topics apply --reassign --throttle 10000000 --timeout 1h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := wanted.check(cmd); err != nil {
				return err
			}
			if throttle < 0 || throttle > 0 && !wanted.reassign {
				return usage(cmd, "--throttle is bytes a second of --reassign")
			}
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
				if err := kafka.AwaitBrokers(ctx, int(wanted.replication), func(err error) { fmt.Fprintln(os.Stderr, "waiting for brokers:", err) }); err != nil {
					return err
				}
				topics := admin.Wanted(wanted.replication)
				if !wanted.reassign {
					return kafka.Apply(ctx, topics, wanted.replication, tellChange)
				}
				return kafka.ApplyReplicas(ctx, topics, wanted.replication, admin.Reassignment{Throttle: throttle, Moving: moving()}, tellChange)
			})
		},
	}
	to.flags(cmd)
	wanted.flags(cmd, "have brokers copy messages where there are more or fewer replicas")
	cmd.Flags().Int64Var(&throttle, "throttle", 0, "with --reassign, how many bytes a second a broker sends and takes for it; 0 is without a bound")
	return cmd
}

func tellChange(c admin.Change) {
	fmt.Println(strings.TrimSpace(fmt.Sprintf("%-9s %-32s %s", c.Action, c.Topic, c.Detail)))
	for _, note := range c.Notes {
		fmt.Fprintln(os.Stderr, "note:", note)
	}
}

// moving says now and then how far a reassignment is.
func moving() func(topic string, left, all int) {
	var told time.Time
	return func(topic string, left, all int) {
		if now := time.Now(); left > 0 && now.Sub(told) > progressEvery {
			told = now
			fmt.Fprintf(os.Stderr, "%s: %d of %d partitions are moved\n", topic, all-left, all)
		}
	}
}

func topicsListCommand() *cobra.Command {
	var to connection
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Show the topics as they are",
		Example: "  companionctl topics list\n  companionctl topics list --output yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return to.run(cmd.Context(), func(_ context.Context, kafka *admin.Kafka) error {
				topics, err := kafka.Topics()
				if err != nil {
					return err
				}
				return show(output, topics, "TOPIC\tPARTITIONS\tREPLICATION\tMESSAGES", func(t admin.Described) string {
					if t.Partitions == 0 {
						return t.Name + "\tmissing: run `companionctl topics apply`"
					}
					return fmt.Sprintf("%s\t%d\t%d\t%d", t.Name, t.Partitions, t.Replication, t.Messages)
				})
			})
		},
	}
	to.flags(cmd)
	outputFlag(cmd, &output)
	return cmd
}
