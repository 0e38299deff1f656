package admin

import (
	"fmt"
	"strconv"
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
