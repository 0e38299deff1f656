package admin

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/wealth-companion/companion/app/core/event"
)

// GroupState is a consumer group of the cluster.
type GroupState struct {
	Name    string `json:"group"`
	State   string `json:"state"`   // as Kafka says
	Members int    `json:"members"` // readers
	Service bool   `json:"service"` // it is a service's
}

// Groups lists every consumer group that there is.
func (k *Kafka) Groups() ([]GroupState, error) {
	listed, err := k.admin.ListConsumerGroups()
	if err != nil {
		return nil, fmt.Errorf("consumer groups: %w", err)
	}
	names := slices.Sorted(maps.Keys(listed))
	if len(names) == 0 {
		return nil, nil
	}
	described, err := k.admin.DescribeConsumerGroups(names)
	if err != nil {
		return nil, fmt.Errorf("consumer groups: %w", err)
	}
	var all []GroupState
	for _, one := range described {
		all = append(all, GroupState{one.GroupId, one.State, len(one.Members), slices.Contains(event.Services(), one.GroupId)})
	}
	slices.SortFunc(all, func(a, b GroupState) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all, nil
}

// Reset says where a group shall go on reading a topic.
type Reset struct {
	Group, Topic string
	Partition    int32     // -1: all of them
	Offset       int64     // where Time is zero: an offset, sarama.OffsetOldest or sarama.OffsetNewest
	Time         time.Time // the first message that the broker took then or later
}

// Where a topic begins, and where it ends.
const (
	Oldest = sarama.OffsetOldest
	Newest = sarama.OffsetNewest
)

// Move is what a reset does in a partition.
type Move struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from"` // -1: the group has read nothing yet, and begins with the oldest
	To        int64  `json:"to"`
	Again     int64  `json:"again"`   // messages that it reads again
	Skipped   int64  `json:"skipped"` // messages that it never reads
	// Forgotten tells that some of those that are read again are older than services remember to
	// have handled.
	Forgotten bool `json:"forgotten"`
}

// PlanReset looks what a reset would do; it changes nothing.
func (k *Kafka) PlanReset(r Reset, now time.Time) ([]Move, error) {
	partitions, err := k.client.Partitions(r.Topic)
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w (does `companionctl topics list` show it?)", r.Topic, err)
	}
	if r.Partition >= 0 {
		if !slices.Contains(partitions, r.Partition) {
			return nil, fmt.Errorf("%s has no partition %d: there are %d", r.Topic, r.Partition, len(partitions))
		}
		partitions = []int32{r.Partition}
	}
	var committed *sarama.OffsetFetchResponse
	if err := k.coordinated(r.Group, func() (err error) {
		committed, err = k.admin.ListConsumerGroupOffsets(r.Group, map[string][]int32{r.Topic: partitions})
		return err
	}); err != nil {
		return nil, fmt.Errorf("offsets of group %s: %w", r.Group, err)
	}
	var moves []Move
	for _, partition := range partitions {
		first, next, err := k.offsets(r.Topic, partition)
		if err != nil {
			return nil, err
		}
		move := Move{Topic: r.Topic, Partition: partition, From: -1}
		if block := committed.GetBlock(r.Topic, partition); block != nil {
			move.From = block.Offset
		}
		if move.To, err = k.target(r, partition, first, next); err != nil {
			return nil, err
		}
		at := max(first, move.From)
		move.Again, move.Skipped = max(0, at-move.To), max(0, move.To-at)
		if move.Again > 0 {
			old, err := k.client.GetOffset(r.Topic, partition, now.Add(-Remembered).UnixMilli())
			if err != nil && !errors.Is(err, sarama.ErrOffsetOutOfRange) {
				return nil, fmt.Errorf("offsets of %s/%d: %w", r.Topic, partition, err)
			}
			// -1: all of the topic is older.
			move.Forgotten = old < 0 || old > move.To
		}
		moves = append(moves, move)
	}
	return moves, nil
}

// target is the offset that a reset leads to, which lies within what is kept.
func (k *Kafka) target(r Reset, partition int32, first, next int64) (int64, error) {
	switch {
	case !r.Time.IsZero():
		offset, err := k.client.GetOffset(r.Topic, partition, r.Time.UnixMilli())
		if err != nil && !errors.Is(err, sarama.ErrOffsetOutOfRange) {
			return 0, fmt.Errorf("offsets of %s/%d: %w", r.Topic, partition, err)
		}
		if offset < 0 { // nothing is as young
			return next, nil
		}
		return offset, nil
	case r.Offset == Oldest:
		return first, nil
	case r.Offset == Newest:
		return next, nil
	case r.Offset < first || r.Offset > next:
		return 0, fmt.Errorf("%s/%d keeps the offsets from %d, and the next is %d: %d is none of them", r.Topic, partition, first, next, r.Offset)
	}
	return r.Offset, nil
}

// Reset has a group go on where the moves say. It refuses while the group has members: they hold
// their own offsets, and would commit them over it.
func (k *Kafka) Reset(group string, moves []Move) error {
	described, err := k.admin.DescribeConsumerGroups([]string{group})
	if err != nil {
		return fmt.Errorf("group %s: %w", group, err)
	}
	for _, one := range described {
		if len(one.Members) > 0 {
			return fmt.Errorf("group %s has %d members (%s), who would go on where they are: scale the service to 0 first", group, len(one.Members), one.State)
		}
	}
	for _, move := range moves {
		if move.From == move.To {
			continue
		}
		if err := k.commit(group, move.Topic, move.Partition, sarama.OffsetAndMetadata{Offset: move.To, LeaderEpoch: -1}); err != nil {
			if errors.Is(err, sarama.ErrUnknownMemberId) || errors.Is(err, sarama.ErrRebalanceInProgress) {
				return fmt.Errorf("group %s has got members meanwhile: scale the service to 0 first: %w", group, err)
			}
			return fmt.Errorf("reset group %s on %s/%d: %w", group, move.Topic, move.Partition, err)
		}
	}
	return nil
}
