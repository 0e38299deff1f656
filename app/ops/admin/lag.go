package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/event"
)

// Group is a consumer group, which is a service, and how far it has come.
type Group struct {
	Name       string         `json:"group"`
	State      string         `json:"state"`   // as Kafka says: Stable, Empty (nobody reads), PreparingRebalance, ...
	Members    int            `json:"members"` // readers: sidecars with a subscription
	Partitions []PartitionLag `json:"partitions"`
}

// PartitionLag is how far a group has come in a partition.
type PartitionLag struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Waiting is how many events are behind the last one that the group has committed. On
	// compacted topics it is an upper bound: some are gone.
	Waiting int64 `json:"waiting"`
	// Oldest is when the first of them was published; nil: none waits, or it could not be
	// read.
	Oldest *time.Time `json:"oldest,omitempty"`
}

// Bounds of a look at the groups.
const (
	lagReaders  = 8
	lagReadTime = 5 * time.Second
)

// Lags looks how far each service has come in the topics that it consumes.
func (k *Kafka) Lags(ctx context.Context) ([]Group, error) {
	var names []string
	for _, service := range event.Services() {
		if len(event.ConsumedBy(service)) > 0 {
			names = append(names, service)
		}
	}
	described, err := k.admin.DescribeConsumerGroups(names)
	if err != nil {
		return nil, fmt.Errorf("consumer groups: %w", err)
	}
	states := map[string]*sarama.GroupDescription{}
	for _, one := range described {
		states[one.GroupId] = one
	}
	consumer, err := k.watcher()
	if err != nil {
		return nil, err
	}
	defer func() { _ = consumer.Close() }()
	var groups []Group
	for _, name := range names {
		group := Group{Name: name, State: "unknown"}
		if state := states[name]; state != nil {
			group.State, group.Members = state.State, len(state.Members)
		}
		if group.Partitions, err = k.lagsOf(ctx, consumer, name); err != nil {
			return nil, fmt.Errorf("group %s: %w", name, err)
		}
		groups = append(groups, group)
	}
	return groups, nil
}

func (k *Kafka) lagsOf(ctx context.Context, consumer sarama.Consumer, group string) ([]PartitionLag, error) {
	wanted := map[string][]int32{}
	for _, topic := range event.ConsumedBy(group) {
		partitions, err := k.client.Partitions(topic.Name)
		if err != nil {
			return nil, fmt.Errorf("topic %s: %w (does `companionctl topics list` show it?)", topic.Name, err)
		}
		wanted[topic.Name] = partitions
	}
	offsets, err := k.admin.ListConsumerGroupOffsets(group, wanted)
	if err != nil {
		return nil, err
	}
	var lags []PartitionLag
	var from []int64
	for _, topic := range event.ConsumedBy(group) {
		for _, partition := range wanted[topic.Name] {
			first, next, err := k.offsets(topic.Name, partition)
			if err != nil {
				return nil, err
			}
			// A group that has committed nothing begins with what is kept.
			if block := offsets.GetBlock(topic.Name, partition); block != nil {
				first = max(first, block.Offset)
			}
			lags = append(lags, PartitionLag{Topic: topic.Name, Partition: partition, Waiting: max(0, next-first)})
			from = append(from, first)
		}
	}
	var readers errgroup.Group
	readers.SetLimit(lagReaders)
	for i := range lags {
		if lags[i].Waiting == 0 {
			continue
		}
		readers.Go(func() error {
			limited, cancel := context.WithTimeout(ctx, lagReadTime)
			defer cancel()
			lags[i].Oldest = publishedAt(limited, consumer, lags[i].Topic, lags[i].Partition, from[i])
			return ctx.Err()
		})
	}
	return lags, readers.Wait()
}

// publishedAt is when the first message from an offset on was published; nil when none
// comes in time: compaction may have removed all of them.
func publishedAt(ctx context.Context, consumer sarama.Consumer, topic string, partition int32, from int64) *time.Time {
	stream, err := consumer.ConsumePartition(topic, partition, from)
	if err != nil {
		return nil
	}
	defer func() { _ = stream.Close() }()
	select {
	case <-ctx.Done():
		return nil
	case m, more := <-stream.Messages():
		if !more {
			return nil
		}
		at := m.Timestamp.UTC()
		return &at
	}
}
