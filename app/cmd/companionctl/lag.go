package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/admin"
)

func lagCommand() *cobra.Command {
	var to connection
	var output string
	var all bool
	var over time.Duration
	var bounds lagBounds
	cmd := &cobra.Command{
		Use:   "lag",
		Short: "Show how far each service has come in the events that it handles",
		Long: `Show how far each service has come in the events that it handles: per topic and
partition how many events wait, and since when the oldest does. A service that nothing
waits for has one line. Events of transactions that were just made wait for a moment, as
they should. Where events wait, it looks twice, --over apart, and says how many are handled
and published a second, and when none will wait if that goes on.

It exits with status 1 when an event waits for longer than --max-age, when more than
--max-waiting wait in a partition, or when events wait for a service that nobody reads for.`,
		Example: "  companionctl lag\n  companionctl lag --all --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if bounds.age <= 0 || bounds.waiting < 0 || over < 0 {
				return usage(cmd, "--max-age is more than 0, --max-waiting and --over are 0 or more")
			}
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
				groups, err := lags(ctx, kafka, over)
				if err != nil {
					return err
				}
				now := time.Now()
				if output != "table" {
					if err := showValue(output, groups); err != nil {
						return err
					}
				} else if err := show(output, lagRows(groups, all, now), "SERVICE\tREADERS\tTOPIC\tPARTITION\tWAITING\tOLDEST WAITS FOR\tHANDLED\tPUBLISHED\tNONE WAITS", func(row string) string { return row }); err != nil {
					return err
				}
				return bounds.check(groups, now)
			})
		},
	}
	to.flags(cmd)
	outputFlag(cmd, &output)
	cmd.Flags().BoolVar(&all, "all", false, "every partition, also those in which nothing waits")
	cmd.Flags().DurationVar(&over, "over", 5*time.Second, "between the two looks; 0 looks once")
	cmd.Flags().DurationVar(&bounds.age, "max-age", time.Minute, "how long an event may wait")
	cmd.Flags().Int64Var(&bounds.waiting, "max-waiting", 10_000, "how many events may wait in a partition")
	return cmd
}

// lags looks how far the services have come, and where events wait how fast they come on.
func lags(ctx context.Context, kafka *admin.Kafka, over time.Duration) ([]admin.Group, error) {
	began := time.Now()
	before, err := kafka.Lags(ctx)
	if err != nil || over == 0 || !anyWaits(before) {
		return before, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(over):
	}
	again := time.Now()
	after, err := kafka.Lags(ctx)
	if err != nil {
		return nil, err
	}
	return admin.Rates(before, after, again.Sub(began)), nil
}

func anyWaits(groups []admin.Group) bool {
	for _, group := range groups {
		for _, p := range group.Partitions {
			if p.Waiting > 0 {
				return true
			}
		}
	}
	return false
}

// pace says how fast a partition is worked off.
func pace(p admin.PartitionLag) string {
	if p.Rate == nil {
		return "-\t-\t-"
	}
	drained := "never, at this pace"
	switch {
	case p.Waiting == 0:
		drained = "now"
	case p.Rate.Drained != nil:
		drained = "in " + time.Duration(*p.Rate.Drained*float64(time.Second)).Round(time.Second).String()
	}
	return fmt.Sprintf("%.1f/s\t%.1f/s\t%s", p.Rate.Handled, p.Rate.Published, drained)
}

// lagRows are the lines of the table.
func lagRows(groups []admin.Group, all bool, now time.Time) []string {
	var rows []string
	for _, group := range groups {
		readers := fmt.Sprintf("%s\t%d", group.Name, group.Members)
		shown := 0
		for _, p := range group.Partitions {
			if p.Waiting == 0 && !all {
				continue
			}
			shown++
			rows = append(rows, fmt.Sprintf("%s\t%s\t%d\t%s\t%s\t%s", readers, p.Topic, p.Partition, events(p.Waiting), waited(p, now), pace(p)))
		}
		if shown == 0 {
			rows = append(rows, readers+"\t(all)\t-\t"+events(0)+"\t-\t-\t-\t-")
		}
	}
	return rows
}

func events(n int64) string {
	if n == 1 {
		return "1 event"
	}
	return fmt.Sprintf("%d events", n)
}

// waited is for how long the oldest event of a partition has waited.
func waited(p admin.PartitionLag, now time.Time) string {
	switch {
	case p.Waiting == 0:
		return "-"
	case p.Oldest == nil:
		return "not known"
	}
	return max(0, now.Sub(*p.Oldest)).Round(time.Second).String()
}

// lagBounds are what is still in order.
type lagBounds struct {
	age     time.Duration
	waiting int64
}

// check returns an error that names all that is out of order.
func (b lagBounds) check(groups []admin.Group, now time.Time) error {
	var wrong []string
	for _, group := range groups {
		waiting := int64(0)
		for _, p := range group.Partitions {
			waiting += p.Waiting
			where := fmt.Sprintf("%s: %s/%d", group.Name, p.Topic, p.Partition)
			switch {
			case p.Oldest != nil && now.Sub(*p.Oldest) > b.age:
				wrong = append(wrong, fmt.Sprintf("%s stands at an event of %s ago", where, waited(p, now)))
			case p.Waiting > b.waiting:
				wrong = append(wrong, fmt.Sprintf("%s has %s waiting", where, events(p.Waiting)))
			}
		}
		if group.Members == 0 && waiting > 0 {
			wrong = append(wrong, fmt.Sprintf("%s: nobody reads (%s), and %s", group.Name, group.State, events(waiting)+" wait"))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(append(wrong, "what to do is in docs/runbook.md, \"Events stand still\""), "\n  "))
}
