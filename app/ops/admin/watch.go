package admin

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"
)

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
