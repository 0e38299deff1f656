package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/admin"
)

func groupsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "groups", Short: "Show the consumer groups, and set where one goes on"}
	cmd.AddCommand(groupsListCommand(), groupsResetCommand())
	return cmd
}

func groupsListCommand() *cobra.Command {
	var to connection
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Show every consumer group: the services', and others",
		Example: "  companionctl groups list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return to.run(cmd.Context(), func(_ context.Context, kafka *admin.Kafka) error {
				groups, err := kafka.Groups()
				if err != nil {
					return err
				}
				return show(output, groups, "GROUP\tSTATE\tMEMBERS\tOF", groupRow)
			})
		},
	}
	to.flags(cmd)
	outputFlag(cmd, &output)
	return cmd
}

func groupRow(g admin.GroupState) string {
	of := "(another program)"
	switch {
	case g.Service:
		of = "the service"
	case g.Name == admin.ReplayGroup:
		of = "dlq replay: what was replayed"
	}
	return fmt.Sprintf("%s\t%s\t%d\t%s", g.Name, g.State, g.Members, of)
}

func groupsResetCommand() *cobra.Command {
	var to connection
	var output, where string
	var dry, yes bool
	r := admin.Reset{}
	cmd := &cobra.Command{
		Use:   "reset --group GROUP --topic TOPIC --to WHERE",
		Short: "Set where a service goes on reading a topic",
		Long: `Set where a service goes on reading a topic: at the oldest or the newest message, at an
offset, or at the first message from a time on (2026-11-28T03:00, or 6h ago as 6h).

What is read again has no second effect within the 7 days that services remember; what is
skipped they never handle. It says both for each partition, and changes it with --yes. It
refuses while the group has members: scale the service to 0 first.`,
		Example: `  companionctl groups reset --group analytics --topic finance.transaction.created --to 6h --dry-run
  companionctl groups reset --group analytics --topic finance.transaction.created --partition 1 --to 4711 --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			topic, found := event.Find(r.Topic)
			if !found {
				return usage(cmd, "no topic %q: there are %s", r.Topic, strings.Join(topicNames(), ", "))
			}
			if !slices.Contains(topic.Consumers, r.Group) {
				return usage(cmd, "%q does not consume %s: %s do", r.Group, r.Topic, strings.Join(topic.Consumers, ", "))
			}
			if r.Partition < -1 {
				return usage(cmd, "--partition is 0 or more")
			}
			if dry && yes {
				return usage(cmd, "either --dry-run or --yes")
			}
			if err := resetTo(where, &r); err != nil {
				return usage(cmd, "--to %q: %w", where, err)
			}
			return to.run(cmd.Context(), func(_ context.Context, kafka *admin.Kafka) error {
				moves, err := kafka.PlanReset(r, time.Now())
				if err != nil {
					return err
				}
				if err := show(output, moves, "TOPIC\tPARTITION\tFROM\tTO\tREAD AGAIN\tSKIPPED\tNOTE", moveRow); err != nil {
					return err
				}
				if dry {
					return nil
				}
				if !yes {
					return errors.New("nothing was changed: add --yes")
				}
				return kafka.Reset(r.Group, moves)
			})
		},
	}
	to.flags(cmd)
	outputFlag(cmd, &output)
	cmd.Flags().StringVar(&r.Group, "group", "", "the service")
	cmd.Flags().StringVar(&r.Topic, "topic", "", "the topic")
	cmd.Flags().Int32Var(&r.Partition, "partition", -1, "only this partition; -1 is all of them")
	cmd.Flags().StringVar(&where, "to", "", "oldest, newest, an offset, or a time")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would change, and change nothing")
	cmd.Flags().BoolVar(&yes, "yes", false, "change it")
	for _, name := range []string{"group", "topic", "to"} {
		_ = cmd.MarkFlagRequired(name)
	}
	completeWith(cmd, "group", event.Services())
	completeWith(cmd, "topic", topicNames())
	completeWith(cmd, "to", []string{"oldest", "newest"})
	return cmd
}

// resetTo reads where a group shall go on.
func resetTo(text string, r *admin.Reset) error {
	switch text {
	case "oldest":
		r.Offset = admin.Oldest
		return nil
	case "newest":
		r.Offset = admin.Newest
		return nil
	}
	if offset, err := strconv.ParseInt(text, 10, 64); err == nil {
		if offset < 0 {
			return errors.New("an offset is 0 or more")
		}
		r.Offset = offset
		return nil
	}
	var at moment
	if err := at.Set(text); err != nil {
		return fmt.Errorf("oldest, newest, an offset, or a time: %w", err)
	}
	r.Time = at.Time
	return nil
}

func moveRow(m admin.Move) string {
	from, note := strconv.FormatInt(m.From, 10), "-"
	if m.From < 0 {
		from = "(nothing read)"
	}
	switch {
	case m.Forgotten:
		note = "some are older than services remember: they have their effect again"
	case m.Skipped > 0:
		note = "what is skipped is never handled"
	}
	return fmt.Sprintf("%s\t%d\t%s\t%d\t%d\t%d\t%s", m.Topic, m.Partition, from, m.To, m.Again, m.Skipped, note)
}
