package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/wealth-companion/companion/app/core/event"
)

// Message is one message of a topic. Event is the zero value where the message
// is none.
type Message struct {
	Topic     string           `json:"topic"`
	Partition int32            `json:"partition"`
	Offset    int64            `json:"offset"`
	Time      time.Time        `json:"time"` // when the broker took it
	Key       string           `json:"key,omitempty"`
	Event     event.CloudEvent `json:"event"`
	Death     *event.Death     `json:"death,omitempty"` // of a dead letter that a service wrote
	Value     []byte           `json:"-"`
	headers   []sarama.RecordHeader
}

// Position is where the message lies.
func (m Message) Position() Position { return Position{m.Topic, m.Partition, m.Offset} }

func read(m *sarama.ConsumerMessage) Message {
	message := Message{
		Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Time: m.Timestamp.UTC(), Key: string(m.Key), Value: m.Value,
	}
	for _, header := range m.Headers {
		message.headers = append(message.headers, *header)
	}
	_ = json.Unmarshal(m.Value, &message.Event) // what is no event is shown as none
	var died event.Death
	if json.Unmarshal(m.Value, &died) == nil && died.Reason != "" {
		message.Death = &died
	}
	return message
}

// eachOf reads a partition from one offset up to another, which is not read.
func eachOf(ctx context.Context, consumer sarama.Consumer, topic string, partition int32, from, to int64, do func(*sarama.ConsumerMessage) error) error {
	if from >= to {
		return nil
	}
	stream, err := consumer.ConsumePartition(topic, partition, from)
	if err != nil {
		return fmt.Errorf("read %s/%d: %w", topic, partition, err)
	}
	defer stream.AsyncClose()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("read %s/%d up to offset %d: %w", topic, partition, to, ctx.Err())
		case m, more := <-stream.Messages():
			if !more { // what was kept at this offset is kept no more
				return fmt.Errorf("read %s/%d from offset %d: it was deleted meanwhile; run this again", topic, partition, from)
			}
			if m.Offset >= to { // compaction took the last ones that were asked for
				return nil
			}
			if err := do(m); err != nil || m.Offset == to-1 {
				return err
			}
		}
	}
}
