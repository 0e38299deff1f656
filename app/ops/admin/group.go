package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// A broker that has just become a group's coordinator reads its offsets first, and while the
// coordinator is dead there is none.
const (
	coordinatorAttempts = 60
	coordinatorPause    = 250 * time.Millisecond
)

// coordinated does what a group's coordinator is asked for, and again while there is none.
func (k *Kafka) coordinated(group string, do func() error) error {
	for attempt := 1; ; attempt++ {
		err := do()
		// What is not of the protocol is a connection that broke.
		var code sarama.KError
		lasting := errors.As(err, &code) && code != sarama.ErrOffsetsLoadInProgress &&
			code != sarama.ErrConsumerCoordinatorNotAvailable && code != sarama.ErrNotCoordinatorForConsumer
		if err == nil || lasting || attempt == coordinatorAttempts {
			return err
		}
		time.Sleep(coordinatorPause)
		_ = k.client.RefreshCoordinator(group) // what is wrong with it, the next attempt says
	}
}

// commit sets how far a group without members has come in a partition.
func (k *Kafka) commit(group, topic string, partition int32, at sarama.OffsetAndMetadata) error {
	return k.coordinated(group, func() error {
		answer, err := k.admin.AlterConsumerGroupOffsets(group, map[string]map[int32]sarama.OffsetAndMetadata{topic: {partition: at}}, nil)
		if err != nil {
			return err
		}
		if code := answer.Errors[topic][partition]; code != sarama.ErrNoError {
			return code
		}
		return nil
	})
}

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
