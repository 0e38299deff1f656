package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"github.com/wealth-companion/companion/app/core/event"
)

// Topic is what a topic shall be.
type Topic struct {
	Name       string
	Partitions int32
	Config     map[string]string
}

// Wanted lists the topics of the catalogue and their dead letters, for a
// cluster that keeps that many replicas of each.
func Wanted(replication int16) []Topic {
	// One replica may be away without a write being refused.
	insync := strconv.Itoa(max(1, int(replication)-1))
	var topics []Topic
	for _, topic := range event.Catalogue() {
		config := map[string]string{"min.insync.replicas": insync, "cleanup.policy": "delete"}
		if topic.Compacted {
			config["cleanup.policy"] = "compact"
		} else {
			config["retention.ms"] = milliseconds(topic.Retention)
		}
		topics = append(topics,
			Topic{Name: topic.Name, Partitions: topic.Partitions, Config: config},
			Topic{Name: topic.DeadLetter(), Partitions: 1, Config: map[string]string{
				"min.insync.replicas": insync, "cleanup.policy": "delete", "retention.ms": milliseconds(event.DeadLetterRetention),
			}})
	}
	return topics
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Change is what Apply did to a topic.
type Change struct {
	Topic  string
	Action string // created, updated or unchanged
	Detail string
}

// plan is what has to be done to make a topic what it shall be.
type plan struct {
	create     bool
	partitions int32             // to raise to; 0: as it is
	config     map[string]string // to set
	detail     []string
}

func (p plan) empty() bool { return !p.create && p.partitions == 0 && len(p.config) == 0 }

// compare never lowers: partitions cannot be taken back, so a topic keeps those that it
// has beyond the catalogue's; and what else is set on a topic was somebody's decision.
func compare(want Topic, have *sarama.TopicDetail) plan {
	if have == nil {
		return plan{create: true, detail: []string{fmt.Sprintf("%d partitions", want.Partitions)}}
	}
	p := plan{config: map[string]string{}}
	if have.NumPartitions < want.Partitions {
		p.partitions = want.Partitions
		p.detail = append(p.detail, fmt.Sprintf("partitions %d -> %d", have.NumPartitions, want.Partitions))
	}
	for _, key := range slices.Sorted(maps.Keys(want.Config)) {
		old := ""
		if value := have.ConfigEntries[key]; value != nil {
			old = *value
		}
		if old != want.Config[key] {
			p.config[key] = want.Config[key]
			p.detail = append(p.detail, fmt.Sprintf("%s %s -> %s", key, old, want.Config[key]))
		}
	}
	return p
}

// Apply makes the topics what they shall be, in order, and reports each.
func (k *Kafka) Apply(ctx context.Context, topics []Topic, replication int16, tell func(Change)) error {
	have, err := k.described(topics)
	if err != nil {
		return err
	}
	for _, want := range topics {
		if err := ctx.Err(); err != nil {
			return err
		}
		detail, known := have[want.Name]
		var found *sarama.TopicDetail
		if known {
			found = &detail
		}
		p := compare(want, found)
		if err := k.carryOut(want, p, replication); err != nil {
			return fmt.Errorf("topic %s: %w", want.Name, err)
		}
		action := "updated"
		if p.create {
			action = "created"
		}
		if p.empty() {
			action = "unchanged"
		}
		tell(Change{Topic: want.Name, Action: action, Detail: strings.Join(p.detail, ", ")})
	}
	return nil
}

// described returns what the cluster has of the topics, with every setting's
// value in force.
func (k *Kafka) described(topics []Topic) (map[string]sarama.TopicDetail, error) {
	have, err := k.admin.ListTopics()
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	for _, want := range topics {
		detail, known := have[want.Name]
		if !known {
			continue
		}
		// ListTopics leaves out what equals a default.
		//nolint:staticcheck // one at a time has one error that names its topic
		entries, err := k.admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: want.Name})
		if err != nil {
			return nil, fmt.Errorf("settings of topic %s: %w", want.Name, err)
		}
		detail.ConfigEntries = map[string]*string{}
		for _, entry := range entries {
			detail.ConfigEntries[entry.Name] = &entry.Value
		}
		have[want.Name] = detail
	}
	return have, nil
}

func (k *Kafka) carryOut(want Topic, p plan, replication int16) error {
	if p.create {
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
	if p.partitions > 0 {
		if err := k.admin.CreatePartitions(want.Name, p.partitions, nil, false); err != nil {
			return err
		}
	}
	if len(p.config) == 0 {
		return nil
	}
	entries := map[string]sarama.IncrementalAlterConfigsEntry{}
	for key, value := range p.config {
		entries[key] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value}
	}
	return k.admin.IncrementalAlterConfig(sarama.TopicResource, want.Name, entries, false)
}

// Described is a topic as the cluster has it.
type Described struct {
	Name        string `json:"name"`
	Partitions  int32  `json:"partitions"`
	Replication int16  `json:"replication"`
	Messages    int64  `json:"messages"` // that are kept now; compaction leaves gaps, so at most
}

// Topics lists the catalogue's topics and their dead letters as they are; one
// that is missing has no partitions.
func (k *Kafka) Topics() ([]Described, error) {
	have, err := k.admin.ListTopics()
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	var all []Described
	for _, want := range Wanted(1) {
		one := Described{Name: want.Name}
		if detail, known := have[want.Name]; known {
			one.Partitions, one.Replication = detail.NumPartitions, detail.ReplicationFactor
			for partition := range detail.NumPartitions {
				first, next, err := k.offsets(want.Name, partition)
				if err != nil {
					return nil, err
				}
				one.Messages += next - first
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// offsets returns the first message that is kept and the next one to come.
func (k *Kafka) offsets(topic string, partition int32) (first, next int64, err error) {
	if first, err = k.client.GetOffset(topic, partition, sarama.OffsetOldest); err != nil {
		return 0, 0, fmt.Errorf("offsets of %s/%d: %w", topic, partition, err)
	}
	if next, err = k.client.GetOffset(topic, partition, sarama.OffsetNewest); err != nil {
		return 0, 0, fmt.Errorf("offsets of %s/%d: %w", topic, partition, err)
	}
	return first, next, nil
}
