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

func lettersExportCommand() *cobra.Command {
	var to connection
	var meant lettersMeant
	var file string
	cmd := &cobra.Command{
		Use:   "export --file FILE",
		Short: "Write dead letters into a file, a line of JSON each, byte for byte",
		Long: `Write dead letters into a file, a line of JSON each, byte for byte: keys and values are
base64. It holds what people spend. companionctl topics import publishes them again as dead
letters; companionctl dlq purge takes the file as proof that nothing is lost.`,
		Example: `  companionctl dlq export --file letters.jsonl
  companionctl dlq export --topic finance.transaction.created --until 7h --file letters.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			topics, which, err := meant.selection()
			if err != nil {
				return err
			}
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
				return into(file, func(out *os.File) error {
					all := 0
					for _, topic := range topics {
						written, err := kafka.ExportLetters(ctx, topic, which, out)
						if err != nil {
							return err
						}
						all += written
					}
					fmt.Printf("%d dead letters are in %s\n", all, file)
					return nil
				})
			})
		},
	}
	to.flags(cmd)
	meant.flags(cmd)
	cmd.Flags().StringVar(&file, "file", "", "the file, which must not exist")
	_ = cmd.MarkFlagRequired("file")
	return cmd
}

// into writes a file that does not exist yet, which others cannot read: what people spend is in
// it. What is not whole is removed.
func into(file string, write func(*os.File) error) error {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--file: %w", err)
	}
	if err = errors.Join(write(out), out.Close()); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return nil
}

func lettersPurgeCommand() *cobra.Command {
	var to connection
	var topic, at, file string
	var yes bool
	cmd := &cobra.Command{
		Use:   "purge --at TOPIC/PARTITION/OFFSET",
		Short: "Delete a dead letter and all before it, once they are replayed or exported",
		Long: `Delete a dead letter and all that lie before it in its partition: Kafka deletes up to an
offset, and no other way. Dead letters go by themselves after 14 days, so this is for what
must not be kept that long.

It says what would go, and deletes it with --yes. It refuses while a letter among them is
neither replayed nor in the file of --exported, byte for byte.`,
		Example: `  companionctl dlq purge --at dlq.finance.transaction.created/0/17
  companionctl dlq purge --topic finance.transaction.created --at 0/17 --exported letters.jsonl --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			meant := lettersMeant{topic: topic, at: []string{at}}
			_, which, err := meant.selection()
			if err != nil {
				return err
			}
			exported, err := exportedIn(file)
			if err != nil {
				return err
			}
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
				plan, err := kafka.PlanPurge(ctx, which.At[0], exported)
				if err != nil {
					return err
				}
				fmt.Printf("%d dead letters up to %s, of %s to %s: %d replayed, %d exported, %d neither\n", plan.Letters, plan.Last,
					plan.From.Format(time.RFC3339), plan.Until.Format(time.RFC3339), plan.Replayed, plan.Exported, len(plan.Unsaved)+plan.Rest)
				for _, one := range plan.Unsaved {
					fmt.Println("  neither:", one.Position(), oneLine(one.Reason(), 120))
				}
				if plan.Rest > 0 {
					fmt.Printf("  and %d more\n", plan.Rest)
				}
				switch {
				case len(plan.Unsaved) > 0:
					return errors.New("nothing was deleted: replay these letters, or export them and name the file with --exported")
				case !yes:
					return errors.New("nothing was deleted: add --yes")
				}
				if err := kafka.Purge(plan); err != nil {
					return err
				}
				fmt.Printf("%d dead letters are deleted\n", plan.Letters)
				return nil
			})
		},
	}
	to.flags(cmd)
	cmd.Flags().StringVar(&topic, "topic", "", "the topic")
	cmd.Flags().StringVar(&at, "at", "", "the last letter that goes, PARTITION/OFFSET with --topic or TOPIC/PARTITION/OFFSET")
	cmd.Flags().StringVar(&file, "exported", "", "a file that companionctl dlq export wrote")
	cmd.Flags().BoolVar(&yes, "yes", false, "delete them")
	_ = cmd.MarkFlagRequired("at")
	completeWith(cmd, "topic", topicNames())
	return cmd
}

func exportedIn(file string) (map[admin.Position]admin.Record, error) {
	if file == "" {
		return nil, nil
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("--exported: %w", err)
	}
	defer func() { _ = in.Close() }()
	return admin.Exported(in)
}
