package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

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

// DeadLetters reads the newest dead letters of a topic, at most limit, oldest first.
func (k *Kafka) DeadLetters(ctx context.Context, topic string, limit int) ([]Message, error) {
	name := event.DeadLetter(topic)
	consumer, err := sarama.NewConsumerFromClient(k.client)
	if err != nil {
		return nil, err
	}
	defer func() { _ = consumer.Close() }()
	partitions, err := k.client.Partitions(name)
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w (does `companionctl topics list` show it?)", name, err)
	}
	var found []Message
	for _, partition := range partitions {
		first, next, err := k.offsets(name, partition)
		if err != nil {
			return nil, err
		}
		messages, err := readRange(ctx, consumer, name, partition, max(first, next-int64(limit)), next)
		if err != nil {
			return nil, err
		}
		found = append(found, messages...)
	}
	return found[max(0, len(found)-limit):], nil
}

func readRange(ctx context.Context, consumer sarama.Consumer, topic string, partition int32, from, to int64) ([]Message, error) {
	var found []Message
	err := eachOf(ctx, consumer, topic, partition, from, to, func(m *sarama.ConsumerMessage) error {
		found = append(found, read(m))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
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
		case m := <-stream.Messages():
			if m.Offset >= to { // compaction took the last ones that were asked for
				return nil
			}
			if err := do(m); err != nil || m.Offset == to-1 {
				return err
			}
		}
	}
}

// Watch collects what comes on topics from the moment of its making.
type Watch struct {
	consumer sarama.Consumer

	mu   sync.Mutex
	seen []Seen
	more chan struct{} // closed and made anew whenever something was seen
}

// Seen is a message, and when it came by this machine's clock.
type Seen struct {
	Message
	At time.Time
}

// Watch begins to collect; what is published after it returned is seen.
func (k *Kafka) Watch(topics ...string) (*Watch, error) {
	consumer, err := k.watcher()
	if err != nil {
		return nil, err
	}
	w := &Watch{consumer: consumer, more: make(chan struct{})}
	var group errgroup.Group
	for _, topic := range topics {
		partitions, err := k.client.Partitions(topic)
		if err != nil {
			_ = w.Close()
			return nil, fmt.Errorf("topic %s: %w", topic, err)
		}
		for _, partition := range partitions {
			group.Go(func() error {
				stream, err := consumer.ConsumePartition(topic, partition, sarama.OffsetNewest)
				if err != nil {
					return fmt.Errorf("watch %s/%d: %w", topic, partition, err)
				}
				go w.take(stream)
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		_ = w.Close()
		return nil, err
	}
	return w, nil
}

// watcher is a consumer with connections of its own: on others, requests would
// queue behind its fetches, which wait for something to come.
func (k *Kafka) watcher() (sarama.Consumer, error) {
	config := *k.client.Config()
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	var addresses []string
	for _, broker := range k.client.Brokers() {
		addresses = append(addresses, broker.Addr())
	}
	return sarama.NewConsumer(addresses, &config)
}

func (w *Watch) take(stream sarama.PartitionConsumer) {
	for m := range stream.Messages() {
		w.mu.Lock()
		w.seen = append(w.seen, Seen{Message: read(m), At: time.Now()})
		close(w.more)
		w.more = make(chan struct{})
		w.mu.Unlock()
	}
}

// Await returns the first message, old or new, that is wanted. what names it
// in the error when ctx ends first.
func (w *Watch) Await(ctx context.Context, what string, wanted func(Message) bool) (Seen, error) {
	for {
		w.mu.Lock()
		more := w.more
		for _, seen := range w.seen {
			if wanted(seen.Message) {
				w.mu.Unlock()
				return seen, nil
			}
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return Seen{}, fmt.Errorf("%s did not come: %w", what, ctx.Err())
		case <-more:
		}
	}
}

// Count tells how many messages so far are wanted.
func (w *Watch) Count(wanted func(Message) bool) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	count := 0
	for _, seen := range w.seen {
		if wanted(seen.Message) {
			count++
		}
	}
	return count
}

// Close ends the watch.
func (w *Watch) Close() error { return w.consumer.Close() }

// Publish puts a message on a topic, past every service: for rehearsing what
// must not harm them.
func (k *Kafka) Publish(topic, key string, value []byte) error {
	return k.produce(&sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(key), Value: sarama.ByteEncoder(value)})
}

// Again publishes the very same message once more.
func (k *Kafka) Again(m Message) error {
	return k.produce(&sarama.ProducerMessage{
		Topic: m.Topic, Key: sarama.StringEncoder(m.Key), Value: sarama.ByteEncoder(m.Value), Headers: m.headers,
	})
}

func (k *Kafka) produce(message *sarama.ProducerMessage) error {
	producer, err := sarama.NewSyncProducerFromClient(k.client)
	if err != nil {
		return err
	}
	defer func() { _ = producer.Close() }()
	if _, _, err := producer.SendMessage(message); err != nil {
		return fmt.Errorf("publish on %s: %w", message.Topic, err)
	}
	return nil
}
