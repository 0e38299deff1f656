package admin

import (
	"fmt"
	"slices"

	"github.com/IBM/sarama"
)

// Replicas is how many brokers keep a partition, and how many of them have all of it.
type Replicas struct {
	Topic     string
	Partition int32
	Wanted    int
	InSync    int
}

// Replicas lists those of every partition that there is, Kafka's own topics included, by topic
// and partition.
func (k *Kafka) Replicas() ([]Replicas, error) {
	topics, err := k.admin.ListTopics()
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	var names []string
	for name := range topics {
		names = append(names, name)
	}
	slices.Sort(names)
	described, err := k.admin.DescribeTopics(names)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	var all []Replicas
	for _, topic := range described {
		// One that was deleted meanwhile has nothing to tell.
		if topic.Err != sarama.ErrNoError && topic.Err != sarama.ErrUnknownTopicOrPartition {
			return nil, fmt.Errorf("topic %s: %w", topic.Name, topic.Err)
		}
		slices.SortFunc(topic.Partitions, func(a, b *sarama.PartitionMetadata) int { return int(a.ID - b.ID) })
		for _, p := range topic.Partitions {
			all = append(all, Replicas{Topic: topic.Name, Partition: p.ID, Wanted: len(p.Replicas), InSync: len(p.Isr)})
		}
	}
	return all, nil
}
