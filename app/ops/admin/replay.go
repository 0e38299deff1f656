package admin

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/wealth-companion/companion/app/core/event"
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
