package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/admin"
)

// lettersReplayCommand lets a person who has mended what was wrong have it handled.
func lettersReplayCommand() *cobra.Command {
	var to connection
	var meant lettersMeant
	var all bool
	var r admin.Replay
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Put dead letters back on their topic, once what they died of is mended",
		Long: `Put the events of dead letters back on their topic, oldest first: those that the flags
name, or --all of a topic.

Every consumer gets an event; those that have handled it do nothing, for they
remember it for 7 days. An event that is older is refused: whoever had handled it
would do so again, so that alerts and insights may come a second time. With
--accept-duplicates it is replayed nevertheless. What counts is the oldest time that
the letter shows: when the event was made, when it first failed, when the letter was
written. What breaks its contract is refused too, for it would die again; mend it and
use companionctl produce, or have it published as it came with --unchecked.

It may be interrupted at any point, and run again: a letter stays where it is, and which
ones were replayed is kept in Kafka (the offsets of the group ` + admin.ReplayGroup + `), so that the
next run leaves these out. Of a run that was killed up to 100 letters are replayed again,
which changes nothing.`,
		Example: `  companionctl dlq replay --topic finance.transaction.created --all --dry-run
  companionctl dlq replay --topic finance.transaction.created --reason "connection refused" --since 6h
  companionctl dlq replay --topic finance.transaction.created --at 0/17`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			topics, which, err := meant.selection()
			switch {
			case err != nil:
				return err
			case len(topics) != 1:
				return usage(cmd, "--topic says whose dead letters are meant")
			case all && !which.Empty():
				return usage(cmd, "--all is all of the topic's: leave it out, or what says which")
			case !all && which.Empty():
				return usage(cmd, "say which: --event, --at, --reason, --since, --until, or --all")
			case r.Limit < 0 || r.Rate < 0:
				return usage(cmd, "--limit and --rate are 0, which is without one, or more")
			}
			r.Topic, r.Selection = topics[0], which
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
				t := newTally(r.DryRun, time.Now())
				return t.end(kafka.Replay(ctx, r, time.Now(), t.add), cmd.Context().Err() != nil)
			})
		},
	}
	to.flagsFor(cmd, time.Hour)
	meant.flags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "every dead letter of the topic")
	cmd.Flags().IntVar(&r.Limit, "limit", 0, "replay at most that many; the next run goes on")
	cmd.Flags().Float64Var(&r.Rate, "rate", 100, "how many a second; 0 is as fast as the brokers take them")
	cmd.Flags().BoolVar(&r.DryRun, "dry-run", false, "say what would be replayed, and change nothing")
	cmd.Flags().BoolVar(&r.Again, "again", false, "also those that were replayed before")
	cmd.Flags().BoolVar(&r.Duplicates, "accept-duplicates", false, "also events that services no longer remember to have handled")
	cmd.Flags().BoolVar(&r.Unchecked, "unchecked", false, "also what breaks its contract, as it came")
	return cmd
}

// progressEvery is how often something that takes long says how far it is.
const progressEvery = 5 * time.Second

// tally counts what came of letters, and says so.
type tally struct {
	counts map[string]int
	dry    bool
	told   time.Time
}

func newTally(dry bool, now time.Time) *tally {
	return &tally{counts: map[string]int{}, dry: dry, told: now}
}

func (t *tally) add(o admin.Outcome) {
	t.counts[o.What]++
	name := o.Letter.Position().String()
	if o.Letter.Readable() {
		name += " " + printable(o.Letter.Event.Type+" "+o.Letter.Event.ID)
	}
	switch {
	case o.What == admin.Refused:
		fmt.Fprintf(os.Stderr, "not replayed: %s: %s\n", name, printable(o.Err.Error()))
	case o.What == admin.Replayed && t.dry:
		fmt.Println("would be replayed", name)
	case o.What == admin.Replayed:
		fmt.Println("replayed", name)
	case o.What == admin.SameAs:
		fmt.Println("the same event as before", name)
	}
	if now := time.Now(); now.Sub(t.told) > progressEvery {
		t.told = now
		fmt.Fprintln(os.Stderr, t.line())
	}
}

func (t *tally) line() string {
	verb := "replayed"
	if t.dry {
		verb = "would be replayed"
	}
	return fmt.Sprintf("%d %s, %d the same events, %d were replayed before, %d refused",
		t.counts[admin.Replayed], verb, t.counts[admin.SameAs], t.counts[admin.Before], t.counts[admin.Refused])
}

// end says how it ended: err is what ended it early.
func (t *tally) end(err error, interrupted bool) error {
	seen := 0
	for _, count := range t.counts {
		seen += count
	}
	if seen > 0 || err != nil {
		fmt.Println(t.line())
	}
	switch {
	case interrupted:
		return errors.New("interrupted: what was not replayed is as it was, and the same command goes on")
	case err != nil:
		return fmt.Errorf("%w; what was not replayed is as it was, and the same command goes on", err)
	case seen == 0:
		return errors.New("no dead letter is meant by that: `companionctl dlq list` shows which there are")
	case t.counts[admin.Refused] > 0:
		return fmt.Errorf("%d dead letters are not replayed", t.counts[admin.Refused])
	}
	return nil
}
