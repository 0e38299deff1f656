package admin

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/store/retention"
)

// Remembered is how old an event may be that is replayed: services remember for that
// long what they have handled (retention.Inbox), less the time that the replay itself
// takes to be handled.
const Remembered = retention.Inbox - time.Hour

// Replay says which dead letters are published on their topics again, and how.
type Replay struct {
	Topic string // whose dead letters
	Selection
	Again      bool    // also those that were replayed before
	Duplicates bool    // also events that services no longer remember to have handled
	Unchecked  bool    // also what breaks its contract
	DryRun     bool    // publish and note nothing
	Rate       float64 // letters a second; 0: as fast as the brokers take them
	Limit      int     // at most that many are replayed; 0: all
}

// What came of a letter.
const (
	Replayed = "replayed"
	Before   = "before"  // it was replayed already
	SameAs   = "same"    // the event was replayed with another letter of it
	Refused  = "refused" // Err says why
)

// Outcome is what came of a letter.
type Outcome struct {
	Letter Message
	What   string
	Err    error
}

// Between notes of what was replayed: so much is replayed once more, if a replay is killed.
const (
	noteEvery = 100
	noteAfter = time.Second
)

// noted collects what was replayed of a partition.
type noted struct {
	kafka     *Kafka
	topic     string
	partition int32
	replayed  []span
	last      time.Time
}

func (n *noted) add(offset int64) error {
	n.replayed = append(n.replayed, span{offset, offset})
	if len(n.replayed) < noteEvery && time.Since(n.last) < noteAfter {
		return nil
	}
	return n.flush()
}

func (n *noted) flush() error {
	if len(n.replayed) == 0 {
		return nil
	}
	if err := n.kafka.note(n.topic, n.partition, n.replayed); err != nil {
		return err
	}
	n.replayed, n.last = nil, time.Now()
	return nil
}

// errEnough ends a replay that has replayed its limit.
var errEnough = errors.New("enough")

// Replay publishes the events of dead letters on their topics again, as they first came, oldest
// first in each partition, and tells of each letter that is meant. Consumers that have handled
// an event do nothing. What breaks its contract is refused, for it would only die again, and
// what services no longer remember. Letters stay where they are, and the next replay leaves
// out those that were replayed: so one that was interrupted or that failed goes on. When ctx
// ends, it ends before the next letter.
func (k *Kafka) Replay(ctx context.Context, r Replay, now time.Time, tell func(Outcome)) error {
	producer, err := sarama.NewSyncProducerFromClient(k.client)
	if err != nil {
		return err
	}
	defer func() { _ = producer.Close() }()
	var turns <-chan time.Time
	if r.Rate > 0 && !r.DryRun {
		ticker := time.NewTicker(time.Duration(float64(time.Second) / r.Rate))
		defer ticker.Stop()
		turns = ticker.C
	}
	published := map[[sha256.Size]byte]bool{}
	count := 0
	return k.eachPartition(r.Topic, func(name string, partition int32, first, next int64, before offsetSet) (err error) {
		from, to, err := r.within(k, name, partition, first, next)
		if err != nil {
			return err
		}
		progress := &noted{kafka: k, topic: name, partition: partition, last: time.Now()}
		// What was replayed is noted also when it ends early.
		defer func() { err = errors.Join(err, progress.flush()) }()
		err = k.read(ctx, name, partition, from, to, func(m *sarama.ConsumerMessage) error {
			letter := read(m)
			if !r.Takes(letter) {
				return nil
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if before.has(letter.Offset) && !r.Again {
				tell(Outcome{letter, Before, nil})
				return nil
			}
			message, err := r.revive(letter, now)
			if err != nil {
				tell(Outcome{letter, Refused, err})
				return nil
			}
			// Several consumers may have failed at one event.
			content := identity(message)
			if published[content] {
				if !r.DryRun {
					if err := progress.add(letter.Offset); err != nil {
						return err
					}
				}
				tell(Outcome{letter, SameAs, nil})
				return nil
			}
			if r.Limit > 0 && count == r.Limit {
				return errEnough
			}
			if !r.DryRun {
				if turns != nil {
					select {
					case <-ctx.Done():
						return ctx.Err()
					case <-turns:
					}
				}
				if _, _, err := producer.SendMessage(message); err != nil {
					return fmt.Errorf("publish %s on %s: %w", letter.Position(), message.Topic, err)
				}
				if err := progress.add(letter.Offset); err != nil {
					return err
				}
			}
			published[content] = true
			count++
			tell(Outcome{letter, Replayed, nil})
			return nil
		})
		if errors.Is(err, errEnough) {
			return nil
		}
		return err
	})
}

// Replayable returns why a replay would refuse the letter, if it would.
func (m Message) Replayable(now time.Time) error {
	_, err := Replay{}.revive(m, now)
	return err
}

// revive is what a replay publishes of a letter, or why it does not.
func (r Replay) revive(letter Message, now time.Time) (*sarama.ProducerMessage, error) {
	topic, key, value, err := revive(letter, r.Unchecked)
	if err != nil {
		return nil, err
	}
	if age := now.Sub(letter.Since()); age > Remembered && !r.Duplicates {
		return nil, fmt.Errorf("it is %d hours old: services remember for %d hours what they have handled, so those that had handled it would do so again, "+
			"and alerts and insights may come twice; if that is better than to leave it, add --accept-duplicates", int(age.Hours()), int(Remembered.Hours()))
	}
	return &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(key), Value: sarama.ByteEncoder(value)}, nil
}

func identity(m *sarama.ProducerMessage) [sha256.Size]byte {
	value, _ := m.Value.Encode()
	return sha256.Sum256(value)
}

// Since is the oldest time that a dead letter shows, by which its event may have been
// handled by others. That the event names a later one, by a clock that is wrong or by
// whoever made it, does not make it younger than the broker and the service that failed
// at it know it to be.
func (m Message) Since() time.Time {
	since := m.Time
	times := []time.Time{m.Event.Time}
	if m.Death != nil {
		times = append(times, m.Death.First)
	}
	for _, at := range times {
		if !at.IsZero() && at.Before(since) {
			since = at
		}
	}
	return since
}

// revive is the event of a dead letter as it first came, under the key that it first had: dead
// letters of the sidecar's own have none. Unchecked, it may be anything, but whole.
func revive(letter Message, unchecked bool) (topic, key string, value []byte, err error) {
	topic = strings.TrimPrefix(letter.Topic, event.DeadLetter(""))
	if value, err = letter.Original(); err != nil {
		return "", "", nil, fmt.Errorf("what came is not known: %w", err)
	}
	e, err := contracted(topic, value)
	switch {
	case err == nil:
		return topic, event.Key(e), value, nil
	case unchecked:
		return topic, letter.Key, value, nil
	}
	return "", "", nil, fmt.Errorf("it would die again: %w", err)
}

// contracted reads an event that is within its contract and of the topic.
func contracted(topic string, value []byte) (event.CloudEvent, error) {
	var e event.CloudEvent
	if err := json.Unmarshal(value, &e); err != nil {
		return e, fmt.Errorf("it is no event: %w", err)
	}
	if err := event.Check(e); err != nil {
		return e, err
	}
	if carries, _ := event.OfType(e.Type); carries.Name != topic {
		return e, fmt.Errorf("%s carries no events of type %s", topic, e.Type)
	}
	return e, nil
}
