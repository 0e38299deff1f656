package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/admin"
	"github.com/wealth-companion/companion/app/ops/cluster"
)

// The names that infra gives to Kafka's parts.
const (
	kafkaNamespace = "kafka"
	kafkaBootstrap = "events-kafka-bootstrap.kafka.svc:9093"
	kafkaCASecret  = "events-cluster-ca-cert"
	kafkaAdmin     = "admin"
	kafkaSmoke     = "smoke" // may send a transaction all the way, and nothing else
)

// connection is how a command reaches Kafka.
type connection struct {
	kubeconfig string
	user       string // with kubeconfig; kafkaAdmin when empty
	timeout    time.Duration
}

func (c *connection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.kubeconfig, "kubeconfig", "", "reach Kafka from outside the cluster, through this cluster's API server")
	cmd.Flags().DurationVar(&c.timeout, "timeout", 2*time.Minute, "give up after this time")
}

// open connects; the caller calls what it returns when it needs Kafka no more.
func (c *connection) open(ctx context.Context) (*admin.Kafka, func(), error) {
	settings, leave, err := c.settings(ctx)
	if err != nil {
		return nil, nil, err
	}
	kafka, err := admin.Connect(ctx, settings, func(err error) { fmt.Fprintln(os.Stderr, "waiting for Kafka:", err) })
	if err != nil {
		leave()
		return nil, nil, err
	}
	return kafka, func() { _ = kafka.Close(); leave() }, nil
}

// run does something with Kafka, within the time that the flags allow.
func (c *connection) run(parent context.Context, do func(context.Context, *admin.Kafka) error) error {
	ctx, cancel := context.WithTimeout(parent, c.timeout)
	defer cancel()
	kafka, done, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer done()
	return do(ctx, kafka)
}

func (c *connection) settings(ctx context.Context) (admin.Config, func(), error) {
	if c.kubeconfig == "" {
		settings, err := environment(os.Getenv, os.ReadFile)
		if err != nil {
			err = fmt.Errorf("%w: %w", errUsage, err)
		}
		return settings, func() {}, err
	}
	inside, err := cluster.Open(c.kubeconfig)
	if err != nil {
		return admin.Config{}, nil, err
	}
	user := cmp.Or(c.user, kafkaAdmin)
	password, err := inside.Secret(ctx, kafkaNamespace, user, "password")
	if err != nil {
		return admin.Config{}, nil, err
	}
	authority, err := inside.Secret(ctx, kafkaNamespace, kafkaCASecret, "ca.crt")
	if err != nil {
		return admin.Config{}, nil, err
	}
	return admin.Config{
		Brokers: []string{kafkaBootstrap}, Username: user, Password: string(password), CA: authority, Dialer: inside,
	}, inside.Close, nil
}

// environment reads the settings of a program inside the cluster.
func environment(getenv func(string) string, readFile func(string) ([]byte, error)) (admin.Config, error) {
	if getenv("KAFKA_BROKERS") == "" {
		return admin.Config{}, errors.New("KAFKA_BROKERS is not set; from outside the cluster, use --kubeconfig")
	}
	settings := admin.Config{
		Brokers:  strings.Split(getenv("KAFKA_BROKERS"), ","),
		Username: getenv("KAFKA_USERNAME"), Password: getenv("KAFKA_PASSWORD"),
	}
	if file := getenv("KAFKA_CA_FILE"); file != "" {
		authority, err := readFile(file)
		if err != nil {
			return admin.Config{}, fmt.Errorf("KAFKA_CA_FILE: %w", err)
		}
		settings.CA = authority
	}
	return settings, nil
}

func topicsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "topics", Short: "Set up and show Kafka's topics"}
	cmd.AddCommand(topicsApplyCommand(), topicsListCommand(), topicsExportCommand(), topicsImportCommand())
	return cmd
}

func topicsApplyCommand() *cobra.Command {
	var to connection
	var replication int16
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Create what is missing of the topics and their dead letters, and bring their settings up to date",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if replication < 1 {
				return fmt.Errorf("%w: --replication is at least 1", errUsage)
			}
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
				if err := kafka.AwaitBrokers(ctx, int(replication), func(err error) { fmt.Fprintln(os.Stderr, "waiting for brokers:", err) }); err != nil {
					return err
				}
				return kafka.Apply(ctx, admin.Wanted(replication), replication, func(c admin.Change) {
					fmt.Println(strings.TrimSpace(fmt.Sprintf("%-9s %-32s %s", c.Action, c.Topic, c.Detail)))
				})
			})
		},
	}
	to.flags(cmd)
	cmd.Flags().Int16Var(&replication, "replication", 3, "how many brokers keep each message")
	return cmd
}

func topicsListCommand() *cobra.Command {
	var to connection
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the topics as they are",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
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

func deadLettersCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "dlq", Short: "Look at what the services could not handle"}
	var to connection
	var output, topic string
	var limit int
	list := &cobra.Command{
		Use:   "list",
		Short: "Show the newest dead letters, of every topic or of one",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			topics, err := deadLetterTopics(topic)
			if err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			if limit < 1 {
				return fmt.Errorf("%w: --limit is at least 1", errUsage)
			}
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
				letters := []admin.Message{}
				for _, topic := range topics {
					found, err := kafka.DeadLetters(ctx, topic, limit)
					if err != nil {
						return err
					}
					letters = append(letters, found...)
				}
				return show(output, letters, "TOPIC\tPARTITION/OFFSET\tTIME\tTYPE\tEVENT\tSERVICE\tTRIES\tREASON", func(m admin.Message) string {
					died := event.Death{Handler: "(sidecar)", Reason: "it is no event"}
					if m.Death != nil {
						died = *m.Death
					}
					reason, _, _ := strings.Cut(died.Reason, "\n")
					return fmt.Sprintf("%s\t%d/%d\t%s\t%s\t%s\t%s\t%d\t%s", m.Topic, m.Partition, m.Offset, m.Time.Format(time.RFC3339),
						known(m.Event.Type), known(m.Event.ID), died.Handler, died.Tries, reason)
				})
			})
		},
	}
	to.flags(list)
	outputFlag(list, &output)
	list.Flags().StringVar(&topic, "topic", "", "only of this topic")
	list.Flags().IntVar(&limit, "limit", 50, "how many of each topic")
	cmd.AddCommand(list, replayCommand())
	return cmd
}

// replayCommand lets a person who has mended what was wrong have it handled.
func replayCommand() *cobra.Command {
	var to connection
	var topic, id string
	var all, duplicates bool
	var limit int
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Put dead letters back on their topic, once what they died of is mended",
		Long: `Put dead letters back on their topic: one by its event's id, or all of a topic.

Every consumer gets the event; those that have handled it do nothing, for they
remember it for 7 days. An event that is older is refused: whoever had handled it
would do so again, so that alerts and insights may come a second time. With
--accept-duplicates it is replayed nevertheless. What counts is the oldest time that
the letter shows: when the event was made, when it first failed, when the letter was
written. A dead letter stays where it is for 14 days.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			topics, err := deadLetterTopics(topic)
			switch {
			case err != nil:
				return fmt.Errorf("%w: %w", errUsage, err)
			case topic == "":
				return fmt.Errorf("%w: --topic says whose dead letters are meant", errUsage)
			case all == (id != ""):
				return fmt.Errorf("%w: give either --event ID or --all", errUsage)
			case limit < 1:
				return fmt.Errorf("%w: --limit is at least 1", errUsage)
			}
			return to.run(cmd.Context(), func(ctx context.Context, kafka *admin.Kafka) error {
				letters, err := kafka.DeadLetters(ctx, topics[0], limit)
				if err != nil {
					return err
				}
				return replay(remembered(kafka.Replay, duplicates, time.Now()), letters, id)
			})
		},
	}
	to.flags(cmd)
	cmd.Flags().StringVar(&topic, "topic", "", "the topic")
	cmd.Flags().StringVar(&id, "event", "", "only the event of this id")
	cmd.Flags().BoolVar(&all, "all", false, "every one of the newest dead letters")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many of the newest are looked at")
	cmd.Flags().BoolVar(&duplicates, "accept-duplicates", false, "also events that services no longer remember to have handled")
	return cmd
}

// remembered has only letters replayed whose events the services still know to have
// handled, unless duplicates are accepted.
func remembered(one func(admin.Message) error, duplicates bool, now time.Time) func(admin.Message) error {
	return func(letter admin.Message) error {
		if age := now.Sub(letter.Since()); age > admin.Remembered && !duplicates {
			return fmt.Errorf("event %s is %d hours old: services remember for %d hours what they have handled, so those that had handled it would do so again, "+
				"and alerts and insights may come twice; if that is better than to leave it, add --accept-duplicates", letter.Event.ID, int(age.Hours()), int(admin.Remembered.Hours()))
		}
		return one(letter)
	}
}

// replay reports for each letter what came of it. One that cannot be replayed does
// not keep the others.
func replay(one func(admin.Message) error, letters []admin.Message, id string) error {
	var meant, failed int
	seen := map[string]bool{} // several consumers may have failed at one event
	for _, letter := range letters {
		if (id != "" && letter.Event.ID != id) || seen[letter.Event.ID] {
			continue
		}
		seen[letter.Event.ID] = true
		meant++
		if err := one(letter); err != nil {
			failed++
			fmt.Fprintln(os.Stderr, "not replayed:", err)
			continue
		}
		fmt.Println("replayed", letter.Event.Type, letter.Event.ID)
	}
	switch {
	case meant == 0 && id != "":
		return fmt.Errorf("no dead letter of event %s among the newest: `companionctl dlq list` shows them, --limit looks further back", id)
	case failed > 0:
		return fmt.Errorf("%d of %d dead letters are not replayed", failed, meant)
	default:
		return nil
	}
}

func known(text string) string {
	if text == "" {
		return "(no event)"
	}
	return text
}

// deadLetterTopics returns whose dead letters are meant.
func deadLetterTopics(name string) ([]string, error) {
	var all []string
	for _, topic := range event.Catalogue() {
		all = append(all, topic.Name)
	}
	if name == "" {
		return all, nil
	}
	name = strings.TrimPrefix(name, event.DeadLetter(""))
	if _, found := event.Find(name); !found {
		return nil, fmt.Errorf("no topic %q: there are %s", name, strings.Join(all, ", "))
	}
	return []string{name}, nil
}

func outputFlag(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", "table", "table or json")
}

// show prints rows as a table, or as JSON.
func show[T any](output string, rows []T, header string, line func(T) string) error {
	switch output {
	case "json":
		return showJSON(rows)
	case "table":
		table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(table, header)
		for _, row := range rows {
			fmt.Fprintln(table, line(row))
		}
		return table.Flush()
	default:
		return errOutput(output)
	}
}

func showJSON(value any) error {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func errOutput(output string) error {
	return fmt.Errorf("%w: --output is table or json, not %q", errUsage, output)
}
