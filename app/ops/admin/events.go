package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/wealth-companion/companion/app/core/event"
)

// CheckEvent reads an event, and returns the topic that carries it, or how it breaks its contract.
func CheckEvent(raw []byte) (event.CloudEvent, event.Topic, error) {
	var e event.CloudEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, event.Topic{}, fmt.Errorf("it is no event: %w", err)
	}
	if err := event.Check(e); err != nil {
		return e, event.Topic{}, err
	}
	topic, _ := event.OfType(e.Type)
	return e, topic, nil
}

// PublishEvent publishes an event that is within its contract on its topic, as its publisher would.
func (k *Kafka) PublishEvent(raw []byte) (Position, error) {
	e, topic, err := CheckEvent(raw)
	if err != nil {
		return Position{}, err
	}
	var value bytes.Buffer
	if err := json.Compact(&value, raw); err != nil {
		return Position{}, err
	}
	producer, err := sarama.NewSyncProducerFromClient(k.client)
	if err != nil {
		return Position{}, err
	}
	defer func() { _ = producer.Close() }()
	partition, offset, err := producer.SendMessage(&sarama.ProducerMessage{
		Topic: topic.Name, Key: sarama.StringEncoder(event.Key(e)), Value: sarama.ByteEncoder(value.Bytes()),
	})
	if err != nil {
		return Position{}, fmt.Errorf("publish on %s: %w", topic.Name, err)
	}
	return Position{topic.Name, partition, offset}, nil
}

// Consumed is a message, and how it breaks its topic's contract, if it does.
type Consumed struct {
	Message
	Breaks error
}

// Consume reads the messages of a topic since a time, or the newest if that is zero, at most
// limit, ordered as their brokers took them. No group moves.
func (k *Kafka) Consume(ctx context.Context, topic string, since time.Time, limit int) ([]Consumed, error) {
	partitions, err := k.client.Partitions(topic)
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w (does `companionctl topics list` show it?)", topic, err)
	}
	var found []Consumed
	for _, partition := range partitions {
		first, next, err := k.offsets(topic, partition)
		if err != nil {
			return nil, err
		}
		meant := Selection{Since: since}
		from, to, err := meant.within(k, topic, partition, first, next)
		if err != nil {
			return nil, err
		}
		if since.IsZero() {
			from = max(from, to-int64(limit))
		} else {
			to = min(to, from+int64(limit))
		}
		if err := k.read(ctx, topic, partition, from, to, func(m *sarama.ConsumerMessage) error {
			found = append(found, checked(topic, m))
			return nil
		}); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(found, func(a, b Consumed) int { return a.Time.Compare(b.Time) })
	if since.IsZero() {
		return found[max(0, len(found)-limit):], nil
	}
	return found[:min(len(found), limit)], nil
}

func checked(topic string, m *sarama.ConsumerMessage) Consumed {
	c := Consumed{Message: read(m)}
	_, c.Breaks = contracted(topic, m.Value)
	return c
}

// Follow reads what comes on a topic from now on, until it has read so many or ctx ends, which is
// no error.
func (k *Kafka) Follow(ctx context.Context, topic string, limit int, tell func(Consumed)) error {
	watch, err := k.Watch(topic)
	if err != nil {
		return err
	}
	defer func() { _ = watch.Close() }()
	seen := map[Position]bool{}
	for len(seen) < limit {
		one, err := watch.Await(ctx, "a message", func(m Message) bool { return !seen[m.Position()] })
		if err != nil {
			return nil
		}
		seen[one.Position()] = true
		c := Consumed{Message: one.Message}
		_, c.Breaks = contracted(topic, one.Value)
		tell(c)
	}
	return nil
}
