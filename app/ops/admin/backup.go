package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/IBM/sarama"

	"github.com/wealth-companion/companion/app/core/event"
)

// Record is a message as a backup keeps it, a line of JSON each. Key and Value are bytes
// (base64); a Value that is null is the end of a key on a compacted topic.
type Record struct {
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Time      time.Time `json:"time"`
	Key       []byte    `json:"key"`
	Value     []byte    `json:"value"`
	Headers   []Header  `json:"headers,omitempty"`
}

// Header is one of a message's headers; its value is bytes (base64).
type Header struct {
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

// Export writes every message that a topic keeps when it is called, partition by partition
// and in order within each, and returns how many. What is published meanwhile is not in it.
func (k *Kafka) Export(ctx context.Context, topic string, to io.Writer) (int, error) {
	consumer, err := k.watcher()
	if err != nil {
		return 0, err
	}
	defer func() { _ = consumer.Close() }()
	partitions, err := k.client.Partitions(topic)
	if err != nil {
		return 0, fmt.Errorf("topic %s: %w (does `companionctl topics list` show it?)", topic, err)
	}
	written, lines := 0, json.NewEncoder(to)
	for _, partition := range partitions {
		first, next, err := k.offsets(topic, partition)
		if err != nil {
			return written, err
		}
		if err := eachOf(ctx, consumer, topic, partition, first, next, func(m *sarama.ConsumerMessage) error {
			written++
			return lines.Encode(recordOf(m))
		}); err != nil {
			return written, err
		}
	}
	return written, nil
}

func recordOf(m *sarama.ConsumerMessage) Record {
	r := Record{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Time: m.Timestamp.UTC(), Key: m.Key, Value: m.Value}
	for _, header := range m.Headers {
		r.Headers = append(r.Headers, Header{Key: string(header.Key), Value: header.Value})
	}
	return r
}

// Restored is what came of a backup.
type Restored struct {
	Published int `json:"published"`
	// Forgotten are those that were left out, since services do not remember for as long
	// whether they have handled them.
	Forgotten int `json:"forgotten"`
}

// restoreBatch is how many messages are published at once.
const restoreBatch = 500

// Restore publishes a backup's messages again, as they were and in their order, behind what
// their topics hold. Services that have handled one do nothing. Messages of topics that keep
// events, older than Remembered, are left out unless duplicates are accepted; compacted
// topics hold states, which are known by their versions however old they are. A line that
// is no record, or of a topic that is not the catalogue's, ends it before anything of it
// is published.
func (k *Kafka) Restore(ctx context.Context, from io.ReadSeeker, duplicates bool, now time.Time) (Restored, error) {
	if err := Records(from, func(Record) error { return nil }); err != nil {
		return Restored{}, err
	}
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return Restored{}, err
	}
	producer, err := sarama.NewSyncProducerFromClient(k.client)
	if err != nil {
		return Restored{}, err
	}
	defer func() { _ = producer.Close() }()
	var done Restored
	var batch []*sarama.ProducerMessage
	flush := func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := producer.SendMessages(batch); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		done.Published += len(batch)
		batch = nil
		return nil
	}
	err = Records(from, func(r Record) error {
		topic, letters := topicOf(r.Topic)
		if !topic.Compacted && !letters && !duplicates && now.Sub(r.Time) > Remembered {
			done.Forgotten++
			return nil
		}
		if batch = append(batch, messageOf(r)); len(batch) < restoreBatch {
			return nil
		}
		return flush()
	})
	if err == nil && len(batch) > 0 {
		err = flush()
	}
	return done, err
}

func messageOf(r Record) *sarama.ProducerMessage {
	m := &sarama.ProducerMessage{Topic: r.Topic, Timestamp: r.Time}
	if r.Key != nil {
		m.Key = sarama.ByteEncoder(r.Key)
	}
	if r.Value != nil {
		m.Value = sarama.ByteEncoder(r.Value)
	}
	for _, header := range r.Headers {
		m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(header.Key), Value: header.Value})
	}
	return m
}

// topicOf finds a topic of the catalogue by its name or by that of its dead letters.
func topicOf(name string) (topic event.Topic, letters bool) {
	for _, one := range event.Catalogue() {
		if one.Name == name || one.DeadLetter() == name {
			return one, one.DeadLetter() == name
		}
	}
	return event.Topic{}, false
}

// Records reads a backup; do is called for each record in its order.
func Records(from io.Reader, do func(Record) error) error {
	lines := json.NewDecoder(from)
	lines.DisallowUnknownFields()
	for n := 1; ; n++ {
		var r Record
		err := lines.Decode(&r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("record %d of the backup: %w", n, err)
		}
		if topic, _ := topicOf(r.Topic); topic.Name == "" {
			return fmt.Errorf("record %d of the backup is of the topic %q, which is none of the catalogue's", n, r.Topic)
		}
		if err := do(r); err != nil {
			return err
		}
	}
}
