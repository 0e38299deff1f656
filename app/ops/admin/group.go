package admin

import (
	"context"
	"fmt"
	"time"
)

// Taken tells whether the consumer group has taken the message: it has
// committed an offset behind it.
func (k *Kafka) Taken(group string, m Message) (bool, error) {
	offsets, err := k.admin.ListConsumerGroupOffsets(group, map[string][]int32{m.Topic: {m.Partition}})
	if err != nil {
		return false, fmt.Errorf("offsets of group %s: %w", group, err)
	}
	block := offsets.GetBlock(m.Topic, m.Partition)
	return block != nil && block.Offset > m.Offset, nil
}

// AwaitTaken waits until the group has taken the message, or ctx ends.
func (k *Kafka) AwaitTaken(ctx context.Context, group string, m Message) error {
	for {
		taken, err := k.Taken(group, m)
		if err != nil || taken {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("group %s has not taken message %d of %s/%d: %w", group, m.Offset, m.Topic, m.Partition, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
