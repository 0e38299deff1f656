package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/admin"
)

func topicsExportCommand() *cobra.Command {
	var to connection
	var file string
	var only []string
	cmd := &cobra.Command{
		Use:     "export --file FILE",
		Short:   "Write every message that the topics keep into a file, a line of JSON each",
		Example: "  companionctl topics export --file topics.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
				topics := only
				if len(topics) == 0 {
					for _, topic := range admin.Wanted(1) {
						topics = append(topics, topic.Name)
					}
				}
				return into(file, func(out *os.File) error {
					all := 0
					for _, topic := range topics {
						written, err := kafka.Export(ctx, topic, out)
						if err != nil {
							return err
						}
						fmt.Printf("%-40s %d\n", topic, written)
						all += written
					}
					fmt.Printf("%d messages of %d topics are in %s\n", all, len(topics), file)
					return nil
				})
			})
		},
	}
	to.flags(cmd)
	cmd.Flags().StringVar(&file, "file", "", "the file, which must not exist")
	cmd.Flags().StringSliceVar(&only, "topic", nil, "only these topics")
	completeWith(cmd, "topic", topicNames())
	_ = cmd.MarkFlagRequired("file")
	return cmd
}

func topicsImportCommand() *cobra.Command {
	var to connection
	var file string
	var duplicates bool
	cmd := &cobra.Command{
		Use:   "import --file FILE",
		Short: "Publish the messages of an export again, behind what the topics hold",
		Long: `Publish the messages of an export again, behind what the topics hold.

Services that have handled an event do nothing, for they remember it for 7 days. Older
ones are left out and counted: whoever had handled them would do so again. With
--accept-duplicates they are published nevertheless. States (compacted topics) are known
by their versions, however old they are.`,
		Example: "  companionctl topics import --file topics.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := os.Open(file)
			if err != nil {
				return fmt.Errorf("--file: %w", err)
			}
			defer func() { _ = in.Close() }()
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
				done, err := kafka.Restore(ctx, in, duplicates, time.Now())
				fmt.Printf("%d messages were published, %d left out that are older than services remember\n", done.Published, done.Forgotten)
				return err
			})
		},
	}
	to.flags(cmd)
	cmd.Flags().StringVar(&file, "file", "", "the file that `companionctl topics export` wrote")
	cmd.Flags().BoolVar(&duplicates, "accept-duplicates", false, "also events that services no longer remember to have handled")
	_ = cmd.MarkFlagRequired("file")
	return cmd
}
