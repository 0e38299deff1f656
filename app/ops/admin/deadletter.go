package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/IBM/sarama"

	"github.com/wealth-companion/companion/app/core/event"
)

// Letter is a dead letter, and whether it was replayed, as far as is known.
type Letter struct {
	Message
	Replayed bool
}

// Readable tells whether the message is a JSON object that names its type, as events do. What a
// service could not read is none, though its dead letter is an object.
func (m Message) Readable() bool { return m.Event.Type != "" && !m.unreadable() }

// unreadable tells whether a service kept what it could not read as a text.
func (m Message) unreadable() bool { return m.Death != nil && m.Event.Type == event.TypeUnreadable }

// Reason is why the message is a dead letter, as far as that is known.
func (m Message) Reason() string {
	switch {
	case m.Death != nil:
		return m.Death.Reason
	case m.Readable():
		return "not known: the sidecar dead-lettered it, since the service did not take it"
	}
	return "it is no event: the sidecar dead-lettered it"
}

// Trace returns the id of the trace that the event continues; empty: it names none.
func (m Message) Trace() string {
	if parts := strings.Split(m.Event.TraceParent, "-"); len(parts) >= 3 {
		return parts[1]
	}
	return ""
}

// Original returns the message as it was before it died: without what its death added, and of
// what could not be read the bytes that came. An error says why these are not known.
func (m Message) Original() ([]byte, error) {
	if m.unreadable() {
		var came string
		if err := json.Unmarshal(m.Event.Data, &came); err != nil {
			return nil, fmt.Errorf("its data is no text: %w", err)
		}
		if len(came) >= event.MaxUnreadable {
			return []byte(came), fmt.Errorf("only the first %d bytes of it were kept", len(came))
		}
		if strings.ContainsRune(came, utf8.RuneError) {
			return []byte(came), errors.New("it held bytes that are no text, which were not kept")
		}
		return []byte(came), nil
	}
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(m.Value, &fields) != nil || fields == nil || m.Death == nil {
		return m.Value, nil
	}
	for field := range fields {
		if strings.HasPrefix(field, "dlq") {
			delete(fields, field)
		}
	}
	return json.Marshal(fields)
}

// Selection says which dead letters are meant; the zero value is all of them.
type Selection struct {
	Event        string     // whose event has this id
	At           []Position // that lie at one of these; an empty topic is any
	Reason       string     // whose reason has this part, in upper or lower case
	Since, Until time.Time  // that the broker took then
}

// Empty tells whether all letters are meant.
func (s Selection) Empty() bool {
	return s.Event == "" && len(s.At) == 0 && s.Reason == "" && s.Since.IsZero() && s.Until.IsZero()
}

// Takes tells whether the letter is meant.
func (s Selection) Takes(m Message) bool {
	at := m.Position()
	switch {
	case s.Event != "" && m.Event.ID != s.Event,
		!s.Since.IsZero() && m.Time.Before(s.Since),
		!s.Until.IsZero() && !m.Time.Before(s.Until),
		s.Reason != "" && !strings.Contains(strings.ToLower(m.Reason()), strings.ToLower(s.Reason)):
		return false
	}
	return len(s.At) == 0 || slices.ContainsFunc(s.At, func(p Position) bool {
		return p.Partition == at.Partition && p.Offset == at.Offset && (p.Topic == "" || p.Topic == at.Topic)
	})
}

// within narrows what has to be read of a partition.
func (s Selection) within(k *Kafka, topic string, partition int32, first, next int64) (from, to int64, err error) {
	from, to = first, next
	if len(s.At) > 0 {
		from, to = next, first
		for _, p := range s.At {
			if p.Partition == partition && (p.Topic == "" || p.Topic == topic) && p.Offset >= first && p.Offset < next {
				from, to = min(from, p.Offset), max(to, p.Offset+1)
			}
		}
	}
	if s.Since.IsZero() || from >= to {
		return from, to, nil
	}
	// A time after the last letter's has no offset.
	offset, err := k.client.GetOffset(topic, partition, s.Since.UnixMilli())
	if err != nil && !errors.Is(err, sarama.ErrOffsetOutOfRange) {
		return 0, 0, fmt.Errorf("offsets of %s/%d: %w", topic, partition, err)
	}
	if offset < 0 {
		return to, to, nil
	}
	return max(from, offset), to, nil
}

// DeadLetters reads the newest dead letters of a topic, at most limit, oldest first.
func (k *Kafka) DeadLetters(ctx context.Context, topic string, limit int) ([]Message, error) {
	letters, _, err := k.Letters(ctx, topic, Selection{}, limit)
	var found []Message
	for _, letter := range letters {
		found = append(found, letter.Message)
	}
	return found, err
}

// Letters reads the newest dead letters of a topic that are meant, at most limit, oldest first
// in each partition, and counts all of them.
func (k *Kafka) Letters(ctx context.Context, topic string, meant Selection, limit int) (found []Letter, all int64, err error) {
	err = k.eachPartition(topic, func(name string, partition int32, first, next int64, replayed offsetSet) error {
		from, to, err := meant.within(k, name, partition, first, next)
		if err != nil {
			return err
		}
		if meant.Empty() {
			all += to - from
			from = max(from, to-int64(limit))
		}
		return k.read(ctx, name, partition, from, to, func(m *sarama.ConsumerMessage) error {
			letter := Letter{read(m), replayed.has(m.Offset)}
			if !meant.Takes(letter.Message) {
				return nil
			}
			if !meant.Empty() {
				all++
			}
			if found = append(found, letter); len(found) >= 2*limit {
				found = slices.Clone(found[len(found)-limit:])
			}
			return nil
		})
	})
	return found[max(0, len(found)-limit):], all, err
}

// ExportLetters writes the dead letters of a topic that are meant, a Record each, and returns
// how many.
func (k *Kafka) ExportLetters(ctx context.Context, topic string, meant Selection, to io.Writer) (int, error) {
	written, lines := 0, json.NewEncoder(to)
	err := k.eachPartition(topic, func(name string, partition int32, first, next int64, _ offsetSet) error {
		from, until, err := meant.within(k, name, partition, first, next)
		if err != nil {
			return err
		}
		return k.read(ctx, name, partition, from, until, func(m *sarama.ConsumerMessage) error {
			if !meant.Takes(read(m)) {
				return nil
			}
			written++
			return lines.Encode(recordOf(m))
		})
	})
	return written, err
}

// eachPartition calls do for each partition of a topic's dead letters, with the offsets that it
// keeps and those of the letters that were replayed.
func (k *Kafka) eachPartition(topic string, do func(name string, partition int32, first, next int64, replayed offsetSet) error) error {
	name := event.DeadLetter(topic)
	partitions, err := k.client.Partitions(name)
	if err != nil {
		return fmt.Errorf("topic %s: %w (does `companionctl topics list` show it?)", name, err)
	}
	replayed, err := k.replayed(name, partitions)
	if err != nil {
		return err
	}
	for _, partition := range partitions {
		first, next, err := k.offsets(name, partition)
		if err != nil {
			return err
		}
		if err := do(name, partition, first, next, replayed[partition]); err != nil {
			return err
		}
	}
	return nil
}

// read calls do for each message of a partition from one offset up to another, which is not read.
func (k *Kafka) read(ctx context.Context, topic string, partition int32, from, to int64, do func(*sarama.ConsumerMessage) error) error {
	if from >= to {
		return nil
	}
	consumer, err := k.watcher()
	if err != nil {
		return err
	}
	defer func() { _ = consumer.Close() }()
	return eachOf(ctx, consumer, topic, partition, from, to, do)
}

// same tells whether a record is the message, to the byte.
func (r Record) same(m *sarama.ConsumerMessage) bool {
	return r.Topic == m.Topic && r.Partition == m.Partition && r.Offset == m.Offset && bytes.Equal(r.Key, m.Key) && bytes.Equal(r.Value, m.Value)
}
