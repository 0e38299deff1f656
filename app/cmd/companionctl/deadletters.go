package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/admin"
)

func deadLettersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "Look at what the services could not handle, and have it handled",
		Long: `Look at what the services could not handle, and have it handled.

A dead letter is named by where it lies, TOPIC/PARTITION/OFFSET, and by its event's id where
it has one. It stays there for 14 days, also when it was replayed, unless it is purged.`,
	}
	cmd.AddCommand(lettersListCommand(), lettersShowCommand(), lettersReplayCommand(), lettersExportCommand(), lettersPurgeCommand())
	return cmd
}

// lettersMeant are the flags that say which dead letters are meant.
type lettersMeant struct {
	topic         string
	event, reason string
	at            []string
	since, until  moment
}

func (l *lettersMeant) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.topic, "topic", "", "only of this topic")
	cmd.Flags().StringVar(&l.event, "event", "", "only of the event of this id")
	cmd.Flags().StringSliceVar(&l.at, "at", nil, "only the letter at this place, PARTITION/OFFSET with --topic or TOPIC/PARTITION/OFFSET (may be repeated)")
	cmd.Flags().StringVar(&l.reason, "reason", "", "only those whose reason has this part")
	cmd.Flags().Var(&l.since, "since", "only those from then on: 2026-11-28, 2026-11-28T03:00, with a zone, or 6h ago as 6h")
	cmd.Flags().Var(&l.until, "until", "only those before then")
	completeWith(cmd, "topic", topicNames())
}

// selection reads the flags: whose dead letters are meant, and which of them.
func (l *lettersMeant) selection() ([]string, admin.Selection, error) {
	meant := admin.Selection{Event: l.event, Reason: l.reason, Since: l.since.Time, Until: l.until.Time}
	topics, err := deadLetterTopics(l.topic)
	if err != nil {
		return nil, meant, fmt.Errorf("%w: --topic: %w", errUsage, err)
	}
	named := map[string]bool{}
	for _, text := range l.at {
		at, err := admin.ParsePosition(text)
		if err == nil && at.Topic == "" && l.topic == "" {
			err = errors.New("its topic is missing: add --topic, or write TOPIC/PARTITION/OFFSET")
		}
		if err != nil {
			return nil, meant, fmt.Errorf("%w: --at %q: %w", errUsage, text, err)
		}
		of := topics
		if at.Topic != "" {
			if of, err = deadLetterTopics(at.Topic); err != nil {
				return nil, meant, fmt.Errorf("%w: --at %q: %w", errUsage, text, err)
			}
		}
		if l.topic != "" && of[0] != topics[0] {
			return nil, meant, fmt.Errorf("%w: --at %q is not of --topic %s", errUsage, text, l.topic)
		}
		named[of[0]] = true
		at.Topic = event.DeadLetter(of[0])
		meant.At = append(meant.At, at)
	}
	if len(named) > 0 {
		var fewer []string
		for _, topic := range topics {
			if named[topic] {
				fewer = append(fewer, topic)
			}
		}
		topics = fewer
	}
	if !meant.Since.IsZero() && !meant.Until.IsZero() && !meant.Since.Before(meant.Until) {
		return nil, meant, fmt.Errorf("%w: --since is not before --until", errUsage)
	}
	return topics, meant, nil
}

// moment is a flag's point in time: an instant, or how long ago.
type moment struct {
	time.Time
	text string
}

func (m *moment) String() string { return m.text }
func (m *moment) Type() string   { return "time" }

func (m *moment) Set(text string) error {
	m.text = text
	if ago, err := time.ParseDuration(text); err == nil {
		if ago < 0 {
			return errors.New("it is how long ago: without a sign")
		}
		m.Time = time.Now().Add(-ago)
		return nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil { // without a zone it is UTC, as all that is shown
			m.Time = at
			return nil
		}
	}
	return errors.New("it is a time as 2026-11-28, 2026-11-28T03:00 (UTC) or 2026-11-28T03:00:00+01:00, or how long ago, as 6h")
}

// deadLetterTopics returns whose dead letters are meant.
func deadLetterTopics(name string) ([]string, error) {
	if name == "" {
		return topicNames(), nil
	}
	name = strings.TrimPrefix(name, event.DeadLetter(""))
	if _, found := event.Find(name); !found {
		return nil, fmt.Errorf("no topic %q: there are %s", name, strings.Join(topicNames(), ", "))
	}
	return []string{name}, nil
}

// letter is a dead letter as it is shown.
type letter struct {
	Letter        string            `json:"letter"` // TOPIC/PARTITION/OFFSET
	Topic         string            `json:"topic"`
	Partition     int32             `json:"partition"`
	Offset        int64             `json:"offset"`
	Time          time.Time         `json:"time"` // when the broker took it
	Key           string            `json:"key,omitempty"`
	Event         *event.CloudEvent `json:"event,omitempty"` // none: what came is no event
	Reason        string            `json:"reason"`
	Death         *event.Death      `json:"death,omitempty"` // of one that a service wrote
	CorrelationID string            `json:"correlationId,omitempty"`
	TraceID       string            `json:"traceId,omitempty"`
	Replayed      bool              `json:"replayed"`
	Text          string            `json:"text,omitempty"`  // what came, where it is no event
	Bytes         []byte            `json:"bytes,omitempty"` // what came, where it is no text either
}

func shown(l admin.Letter) letter {
	s := letter{
		Letter: l.Position().String(), Topic: l.Topic, Partition: l.Partition, Offset: l.Offset, Time: l.Time, Key: l.Key,
		Reason: l.Reason(), Death: l.Death, CorrelationID: l.Event.CorrelationID, TraceID: l.Trace(), Replayed: l.Replayed,
	}
	if l.Readable() {
		s.Event = &l.Event
		return s
	}
	came, _ := l.Original()
	if utf8.Valid(came) {
		s.Text = string(came)
		return s
	}
	s.Bytes = came
	return s
}

// previewed is how much of what is no event a line shows.
const previewed = 60

func letterRow(l letter) string {
	kind, id, handler, tries, replayed, reason := "(no event)", "-", "(sidecar)", "-", "no", oneLine(l.Reason, 200)
	if l.Event != nil {
		kind, id = oneLine(l.Event.Type, 40), oneLine(l.Event.ID, 40)
	}
	if id == "" {
		id = "-"
	}
	if l.Death != nil {
		handler, tries = l.Death.Handler, fmt.Sprint(l.Death.Tries)
	}
	if l.Replayed {
		replayed = "yes"
	}
	switch {
	case l.Text != "":
		reason += ": " + oneLine(l.Text, previewed)
	case len(l.Bytes) > 0:
		reason += fmt.Sprintf(": %d bytes, %x…", len(l.Bytes), l.Bytes[:min(16, len(l.Bytes))])
	}
	correlation := oneLine(l.CorrelationID, 40)
	if correlation == "" {
		correlation = "-"
	}
	return strings.Join([]string{l.Letter, l.Time.Format(time.RFC3339), kind, id, correlation, oneLine(handler, 40), tries, replayed, reason}, "\t")
}

func lettersListCommand() *cobra.Command {
	var to connection
	var meant lettersMeant
	var output string
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the newest dead letters, of every topic or of one",
		Example: `  companionctl dlq list
  companionctl dlq list --topic finance.transaction.created --since 6h --reason schema
  companionctl dlq list --event 01934d6c-8f2e-7b1a-9c3d-5e6f7a8b9c0d --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			topics, which, err := meant.selection()
			if err != nil {
				return err
			}
			if limit < 1 {
				return fmt.Errorf("%w: --limit is at least 1", errUsage)
			}
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
				var rows []letter
				all := int64(0)
				for _, topic := range topics {
					found, count, err := kafka.Letters(ctx, topic, which, limit)
					if err != nil {
						return err
					}
					for _, one := range found {
						rows = append(rows, shown(one))
					}
					all += count
				}
				err := show(output, rows, "LETTER\tTIME\tTYPE\tEVENT\tCORRELATION\tSERVICE\tTRIES\tREPLAYED\tREASON", letterRow)
				if more := all - int64(len(rows)); err == nil && more > 0 {
					fmt.Fprintf(os.Stderr, "%d more that are older: --limit shows more of each topic\n", more)
				}
				return err
			})
		},
	}
	to.flags(cmd)
	meant.flags(cmd)
	outputFlag(cmd, &output)
	cmd.Flags().IntVar(&limit, "limit", 50, "how many of each topic, the newest")
	return cmd
}

func lettersShowCommand() *cobra.Command {
	var to connection
	var meant lettersMeant
	var output string
	cmd := &cobra.Command{
		Use:   "show [TOPIC/PARTITION/OFFSET | EVENT]",
		Short: "Show all of a dead letter: why, what came, its trace, and whether it can be replayed",
		Example: `  companionctl dlq show dlq.finance.transaction.created/0/17
  companionctl dlq show 01934d6c-8f2e-7b1a-9c3d-5e6f7a8b9c0d
  companionctl dlq show --topic finance.transaction.created --at 0/17 --output yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				if _, err := admin.ParsePosition(name); err == nil {
					meant.at = append(meant.at, name)
					continue
				}
				if strings.Contains(name, "/") || meant.event != "" {
					return usage(cmd, "%q is neither TOPIC/PARTITION/OFFSET nor an event's id", name)
				}
				meant.event = name
			}
			topics, which, err := meant.selection()
			if err != nil {
				return err
			}
			if which.Empty() {
				return usage(cmd, "say which letter: TOPIC/PARTITION/OFFSET or its event's id, as `companionctl dlq list` shows them")
			}
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
				var found []admin.Letter
				for _, topic := range topics {
					some, _, err := kafka.Letters(ctx, topic, which, shownAtOnce)
					if err != nil {
						return err
					}
					found = append(found, some...)
				}
				if len(found) == 0 {
					return errors.New("there is no such dead letter: `companionctl dlq list` shows which there are; they are kept for 14 days")
				}
				if output != "table" {
					var rows []letter
					for _, one := range found {
						rows = append(rows, shown(one))
					}
					return showValue(output, rows)
				}
				for n, one := range found {
					if n > 0 {
						fmt.Println()
					}
					fmt.Print(letterPage(one, time.Now()))
				}
				return nil
			})
		},
	}
	to.flags(cmd)
	meant.flags(cmd)
	outputFlag(cmd, &output)
	return cmd
}

// shownAtOnce bounds how many letters of a topic are shown in full.
const shownAtOnce = 20

// letterPage is all of a dead letter for a person.
func letterPage(l admin.Letter, now time.Time) string {
	var page strings.Builder
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&page, "%-12s %s\n", name, strings.ReplaceAll(printable(text), "\n", "\n             "))
		}
	}
	s := shown(l)
	line("letter", s.Letter)
	line("time", s.Time.Format(time.RFC3339Nano))
	if s.Event != nil {
		line("event", s.Event.ID)
		line("type", s.Event.Type)
		line("source", s.Event.Source)
	} else {
		line("event", "none: what came is no event")
	}
	if s.Death != nil {
		line("service", s.Death.Handler)
		line("tries", fmt.Sprintf("%d, from %s to %s", s.Death.Tries, s.Death.First.Format(time.RFC3339), s.Death.Last.Format(time.RFC3339)))
	}
	line("reason", s.Reason)
	line("correlation", s.CorrelationID)
	line("trace", s.TraceID)
	line("key", s.Key)
	if l.Replayed {
		line("replayed", "yes")
	} else if err := l.Replayable(now); err != nil {
		line("replayed", "no, and would be refused: "+err.Error())
	} else {
		line("replayed", "no")
	}
	came, err := l.Original()
	if err != nil {
		line("came", err.Error())
	}
	var object any
	switch {
	case json.Unmarshal(came, &object) == nil:
		pretty, _ := json.MarshalIndent(object, "", "  ")
		line("came", string(pretty))
	case utf8.Valid(came):
		line("came", string(came))
	default:
		line("came", strings.TrimRight(hex.Dump(came[:min(len(came), 4096)]), "\n"))
	}
	return page.String()
}
