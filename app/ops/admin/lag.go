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
	// Committed is the offset of the first event that the group has not handled, and Next that of
	// the next one to be published.
	Committed int64 `json:"committed"`
	Next      int64 `json:"next"`
	// Waiting is how many events are behind the last one that the group has committed. On
	// compacted topics it is an upper bound: some are gone.
	Waiting int64 `json:"waiting"`
	// Oldest is when the first of them was published; nil: none waits, or it could not be
	// read.
	Oldest *time.Time `json:"oldest,omitempty"`
	// Rate is set by Rates.
	Rate *Rate `json:"rate,omitempty"`
}

// Rate is how fast a partition is worked off.
type Rate struct {
	Handled   float64 `json:"handledPerSecond"`
	Published float64 `json:"publishedPerSecond"`
	// Drained is in how many seconds nothing waits, if it goes on like that; nil: never.
	Drained *float64 `json:"drainedInSeconds,omitempty"`
}

// Rates compares two looks at the groups, and returns the later one with the rates between them.
func Rates(before, after []Group, between time.Duration) []Group {
	earlier := map[string]PartitionLag{}
	name := func(g Group, p PartitionLag) string { return fmt.Sprintf("%s %s/%d", g.Name, p.Topic, p.Partition) }
	for _, group := range before {
		for _, p := range group.Partitions {
			earlier[name(group, p)] = p
		}
	}
	for _, group := range after {
		for n, p := range group.Partitions {
			was, known := earlier[name(group, p)]
			if !known || between <= 0 {
				continue
			}
			rate := &Rate{Handled: max(0, float64(p.Committed-was.Committed)) / between.Seconds(), Published: max(0, float64(p.Next-was.Next)) / between.Seconds()}
			if left := rate.Handled - rate.Published; p.Waiting == 0 || left > 0 {
				in := 0.0
				if p.Waiting > 0 {
					in = float64(p.Waiting) / left
				}
				rate.Drained = &in
			}
			group.Partitions[n].Rate = rate
		}
	}
	return after
}

// Bounds of a look at the groups.
const (
	lagReaders  = 8
	lagReadTime = 5 * time.Second
)

// Lags looks how far each service has come in the topics that it consumes, and since when events
// wait, for which it reads the oldest of them.
func (k *Kafka) Lags(ctx context.Context) ([]Group, error) {
	groups, err := k.Progress()
	if err != nil {
		return nil, err
	}
	consumer, err := k.watcher()
	if err != nil {
		return nil, err
	}
	defer func() { _ = consumer.Close() }()
	// A consumer reads a partition at one place at a time: the groups that wait in it are looked
	// at in turn.
	type partition struct {
		topic string
		id    int32
	}
	waiting := map[partition][]*PartitionLag{}
	for _, group := range groups {
		for i := range group.Partitions {
			if p := &group.Partitions[i]; p.Waiting > 0 {
				at := partition{p.Topic, p.Partition}
				waiting[at] = append(waiting[at], p)
			}
		}
	}
	var readers errgroup.Group
	readers.SetLimit(lagReaders)
	for _, lags := range waiting {
		readers.Go(func() error {
			for _, p := range lags {
				limited, cancel := context.WithTimeout(ctx, lagReadTime)
				p.Oldest = publishedAt(limited, consumer, p.Topic, p.Partition, p.Committed)
				cancel()
			}
			return ctx.Err()
		})
	}
	return groups, readers.Wait()
}

// Progress looks how far each service has come in the topics that it consumes. It reads no event:
// who asks needs no more than to describe topics and groups.
func (k *Kafka) Progress() ([]Group, error) {
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
	var groups []Group
	for _, name := range names {
		group := Group{Name: name, State: "unknown"}
		if state := states[name]; state != nil {
			group.State, group.Members = state.State, len(state.Members)
		}
		if group.Partitions, err = k.progressOf(name); err != nil {
			return nil, fmt.Errorf("group %s: %w", name, err)
		}
		groups = append(groups, group)
	}
	return groups, nil
}

func (k *Kafka) progressOf(group string) ([]PartitionLag, error) {
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
			lags = append(lags, PartitionLag{Topic: topic.Name, Partition: partition, Committed: first, Next: next, Waiting: max(0, next-first)})
		}
	}
	return lags, nil
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
