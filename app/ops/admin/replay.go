package admin

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/store/retention"
)

// Replay publishes a dead letter's event on its topic again, as it first came.
// Consumers that have handled it do nothing. What breaks its contract is
// refused: it would only die again.
func (k *Kafka) Replay(letter Message) error {
	topic, key, value, err := revive(letter)
	if err != nil {
		return fmt.Errorf("dead letter %s/%d/%d: %w", letter.Topic, letter.Partition, letter.Offset, err)
	}
	return k.Publish(topic, key, value)
}

// Remembered is how old an event may be that is replayed: services remember for that
// long what they have handled (retention.Inbox), less the time that the replay itself
// takes to be handled.
const Remembered = retention.Inbox - time.Hour

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

// revive is the event of a dead letter without what its death added, under the
// key that it first had: dead letters of the sidecar's own have none.
func revive(letter Message) (topic, key string, value []byte, err error) {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(letter.Value, &fields); err != nil {
		return "", "", nil, fmt.Errorf("it is no event: %w", err)
	}
	for field := range fields {
		if strings.HasPrefix(field, "dlq") {
			delete(fields, field)
		}
	}
	if value, err = json.Marshal(fields); err != nil {
		return "", "", nil, err
	}
	var e event.CloudEvent
	if err := json.Unmarshal(value, &e); err != nil {
		return "", "", nil, fmt.Errorf("it is no event: %w", err)
	}
	if err := event.Check(e); err != nil {
		return "", "", nil, fmt.Errorf("it would die again: %w", err)
	}
	topic = strings.TrimPrefix(letter.Topic, event.DeadLetter(""))
	if carries, _ := event.OfType(e.Type); carries.Name != topic {
		return "", "", nil, fmt.Errorf("it would die again: %s carries no events of type %s", topic, e.Type)
	}
	return topic, event.Key(e), value, nil
}
