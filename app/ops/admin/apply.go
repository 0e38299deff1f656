package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// Change is what Apply did to a topic.
type Change struct {
	Topic  string
	Action string // created, updated or unchanged
	Detail string
	// Notes say what a change means, or why one was not made.
	Notes []string
}

// Apply makes the topics what they shall be, in order, and reports each. How many replicas a
// topic has that is there already stays.
func (k *Kafka) Apply(ctx context.Context, topics []Topic, replication int16, tell func(Change)) error {
	return k.apply(ctx, topics, replication, nil, tell)
}

// ApplyReplicas does what Apply does, and has brokers copy messages where there are more or fewer
// replicas than there shall be.
func (k *Kafka) ApplyReplicas(ctx context.Context, topics []Topic, replication int16, r Reassignment, tell func(Change)) error {
	return k.apply(ctx, topics, replication, &r, tell)
}

func (k *Kafka) apply(ctx context.Context, topics []Topic, replication int16, reassign *Reassignment, tell func(Change)) error {
	have, err := k.existing(topics)
	if err != nil {
		return err
	}
	var created []string
	for _, want := range topics {
		if err := ctx.Err(); err != nil {
			return err
		}
		d := compare(want, replication, have[want.Name], reassign != nil)
		if err := k.carryOut(ctx, want, d, replication, have[want.Name], reassign); err != nil {
			return fmt.Errorf("topic %s: %w", want.Name, err)
		}
		if d.State == Missing {
			created = append(created, want.Name)
		}
		tell(d.change())
	}
	return k.awaitListed(ctx, created)
}

// awaitListed waits until a broker lists the topics: what was created the controller knows first.
func (k *Kafka) awaitListed(ctx context.Context, topics []string) error {
	for len(topics) > 0 {
		listed, err := k.admin.ListTopics()
		if err != nil {
			return fmt.Errorf("list topics: %w", err)
		}
		topics = slices.DeleteFunc(topics, func(name string) bool { _, is := listed[name]; return is })
		if len(topics) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("brokers have not heard yet of the new topics %s: %w", strings.Join(topics, ", "), ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// change is what Apply does about the differences.
func (d Drift) change() Change {
	c := Change{Topic: d.Topic, Action: "unchanged"}
	var details []string
	for _, one := range d.Differences {
		if one.Note != "" {
			c.Notes = append(c.Notes, fmt.Sprintf("%s %s: %s", d.Topic, one.What, one.Note))
		}
		if !one.Applied {
			continue
		}
		c.Action = "updated"
		details = append(details, fmt.Sprintf("%s %s -> %s", one.What, one.Have, one.Want))
	}
	if d.State == Missing {
		c.Action, details = "created", []string{d.Differences[0].Want + " partitions"}
	}
	c.Detail = strings.Join(details, ", ")
	return c
}

// carryOut changes what differs. Settings count on replicas: they come after those that are
// added, and before those that are taken away.
func (k *Kafka) carryOut(ctx context.Context, want Topic, d Drift, replication int16, have *existing, reassign *Reassignment) error {
	if d.State == Missing {
		return k.create(want, replication)
	}
	settings := map[string]sarama.IncrementalAlterConfigsEntry{}
	partitions, replicas := func() error { return nil }, func() error { return nil }
	for _, one := range d.Differences {
		switch {
		case !one.Applied:
		case one.What == partitionsProperty:
			partitions = func() error { return k.admin.CreatePartitions(want.Name, want.Partitions, nil, false) }
		case one.What == replicationProperty:
			replicas = func() error { return k.reassign(ctx, want.Name, have, replication, *reassign) }
		default:
			settings[one.What] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &one.Want}
		}
	}
	set := func() error {
		if len(settings) == 0 {
			return nil
		}
		return k.admin.IncrementalAlterConfig(sarama.TopicResource, want.Name, settings, false)
	}
	steps := []func() error{partitions, replicas, set}
	if have.replication() > int(replication) {
		steps = []func() error{partitions, set, replicas}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (k *Kafka) create(want Topic, replication int16) error {
	entries := map[string]*string{}
	for key, value := range want.Config {
		entries[key] = &value
	}
	err := k.admin.CreateTopic(want.Name, &sarama.TopicDetail{
		NumPartitions: want.Partitions, ReplicationFactor: replication, ConfigEntries: entries,
	}, false)
	if errors.Is(err, sarama.ErrTopicAlreadyExists) {
		return errors.New("it was created by somebody else meanwhile: run this again")
	}
	return err
}
