package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/admin"
)

// maxEvent bounds what is read of an event.
const maxEvent = 1 << 20

func produceCommand() *cobra.Command {
	var to connection
	var dry bool
	cmd := &cobra.Command{
		Use:   "produce",
		Short: "Publish an event that is within its contract, from the standard input",
		Long: `Publish an event, a CloudEvent in JSON, from the standard input. Its type says on which topic,
and its key is the one that its publisher would give it. What breaks its contract is refused.
Consumers that have handled an event of its id do nothing.`,
		Example: `  companionctl produce < event.json
  companionctl produce --dry-run < event.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxEvent+1))
			if err != nil {
				return fmt.Errorf("read the standard input: %w", err)
			}
			if len(raw) > maxEvent {
				return fmt.Errorf("the event is larger than %d bytes, which no broker takes", maxEvent)
			}
			e, topic, err := admin.CheckEvent(raw)
			if err != nil {
				return err
			}
			if dry {
				fmt.Printf("event %s is within its contract, and would be published on %s\n", e.ID, topic.Name)
				return nil
			}
			return to.run(cmd.Context(), func(_ context.Context, kafka *admin.Kafka) error {
				at, err := kafka.PublishEvent(raw)
				if err != nil {
					return err
				}
				fmt.Printf("event %s is at %s\n", e.ID, at)
				return nil
			})
		},
	}
	to.flags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only check it")
	return cmd
}

// consumed is a message as it is shown.
type consumed struct {
	Message       string            `json:"message"` // TOPIC/PARTITION/OFFSET
	Time          time.Time         `json:"time"`
	Key           string            `json:"key,omitempty"`
	Event         *event.CloudEvent `json:"event,omitempty"`
	CorrelationID string            `json:"correlationId,omitempty"`
	TraceID       string            `json:"traceId,omitempty"`
	Breaks        string            `json:"breaks,omitempty"` // how it breaks its contract
}

func consumedOf(c admin.Consumed) consumed {
	s := consumed{Message: c.Position().String(), Time: c.Time, Key: c.Key, CorrelationID: c.Event.CorrelationID, TraceID: c.Trace()}
	if c.Event.Type != "" {
		s.Event = &c.Event
	}
	if c.Breaks != nil {
		s.Breaks = c.Breaks.Error()
	}
	return s
}

const consumedHeader = "MESSAGE\tTIME\tTYPE\tEVENT\tCORRELATION\tKEY\tCONTRACT"

func consumedRow(c consumed) string {
	kind, id, contract := "(no event)", "-", "kept"
	if c.Event != nil {
		kind, id = oneLine(c.Event.Type, 40), oneLine(c.Event.ID, 40)
	}
	if c.Breaks != "" {
		contract = "broken: " + oneLine(c.Breaks, 200)
	}
	return strings.Join([]string{c.Message, c.Time.Format(time.RFC3339), kind, id, oneLine(c.CorrelationID, 40), oneLine(c.Key, 40), contract}, "\t")
}

func consumeCommand() *cobra.Command {
	var to connection
	var topic, output string
	var since moment
	var limit int
	var follow bool
	cmd := &cobra.Command{
		Use:   "consume --topic TOPIC",
		Short: "Show the newest events of a topic, or what comes, and whether they are within their contract",
		Long: `Show the newest events of a topic, those since a time, or with --follow those that come until
--limit or --timeout. Nothing is taken from anybody: no group's offsets move. It exits with
status 1 when an event breaks its contract.`,
		Example: `  companionctl consume --topic finance.transaction.created --limit 5
  companionctl consume --topic ai.insight.generated --since 1h --output yaml
  companionctl consume --topic notification.alert.sent --follow --limit 1 --timeout 30s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, found := event.Find(topic); !found {
				return usage(cmd, "no topic %q: there are %s", topic, strings.Join(topicNames(), ", "))
			}
			if limit < 1 {
				return usage(cmd, "--limit is at least 1")
			}
			if follow && !since.IsZero() {
				return usage(cmd, "either --follow or --since")
			}
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
				var rows []consumed
				if follow && output == "table" { // each as it comes
					if err := kafka.Follow(ctx, topic, limit, func(c admin.Consumed) {
						rows = append(rows, consumedOf(c))
						fmt.Println(strings.ReplaceAll(consumedRow(rows[len(rows)-1]), "\t", "  "))
					}); err != nil {
						return err
					}
					return allKept(rows)
				}
				if follow {
					if err := kafka.Follow(ctx, topic, limit, func(c admin.Consumed) { rows = append(rows, consumedOf(c)) }); err != nil {
						return err
					}
				} else {
					found, err := kafka.Consume(ctx, topic, since.Time, limit)
					if err != nil {
						return err
					}
					for _, one := range found {
						rows = append(rows, consumedOf(one))
					}
				}
				if err := show(output, rows, consumedHeader, consumedRow); err != nil {
					return err
				}
				return allKept(rows)
			})
		},
	}
	to.flags(cmd)
	outputFlag(cmd, &output)
	cmd.Flags().StringVar(&topic, "topic", "", "the topic")
	cmd.Flags().Var(&since, "since", "from then on: 2026-11-28T03:00, or 6h ago as 6h")
	cmd.Flags().BoolVar(&follow, "follow", false, "what comes from now on, until --limit or --timeout")
	cmd.Flags().IntVar(&limit, "limit", 20, "at most that many")
	_ = cmd.MarkFlagRequired("topic")
	completeWith(cmd, "topic", topicNames())
	return cmd
}

// allKept returns an error when an event breaks its contract.
func allKept(rows []consumed) error {
	broken := 0
	for _, one := range rows {
		if one.Breaks != "" {
			broken++
		}
	}
	if broken == 0 {
		return nil
	}
	return errors.New(counted(broken, "event breaks its contract", "events break their contract"))
}

func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
