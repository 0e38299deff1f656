package bus

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/wealth-companion/companion/app/core/event"
)

// checked refuses an event that is not what the contract says: too large, not
// JSON, not as the schema of its type says, of a type that is not its topic's, or
// of a version that this program does not know.
func checked(next step) step {
	return func(ctx context.Context, d delivery) (string, error) {
		if err := check(d); err != nil {
			return Refused, err
		}
		return next(ctx, d)
	}
}

func check(d delivery) error {
	if d.unread != nil {
		return fmt.Errorf("not a CloudEvent: %w", d.unread)
	}
	if err := event.Check(d.event); err != nil {
		return err
	}
	if topic, known := event.Find(d.topic); known && topic.Type != d.event.Type {
		return fmt.Errorf("events of type %q are not for this topic", d.event.Type)
	}
	// The first version of every type names no schema. What names one was written
	// by a later program.
	var its struct {
		DataSchema string `json:"dataschema"`
	}
	if err := json.Unmarshal(d.raw, &its); err != nil {
		return fmt.Errorf("not a CloudEvent: %w", err)
	}
	if its.DataSchema != "" {
		return fmt.Errorf("the version %q of %s is not known to this program", its.DataSchema, d.event.Type)
	}
	return nil
}
