package bus

import (
	"context"
	"fmt"

	"github.com/wealth-companion/companion/app/core/event"
)

// checked refuses an event that breaks its contract: too large, not JSON, not valid
// against the schema of its type, of a type that is not its topic's, or of a version
// that this program does not know.
func checked(next step) step {
	return func(ctx context.Context, d delivery) (string, error) {
		if err := check(d); err != nil {
			if d.event.Drill {
				return Drill, err
			}
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
	if d.schema != "" {
		return fmt.Errorf("the version %q of %s is not known to this program", d.schema, d.event.Type)
	}
	return nil
}
