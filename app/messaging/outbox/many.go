package outbox

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/store/db"
)

// Many are events of one type and key, checked and written out before a database
// transaction has to wait for that.
type Many struct {
	topic, key    string
	ids, payloads []string
}

// NewMany prepares events of one type and key. There must be one at least.
func NewMany(events []event.CloudEvent, key string) (Many, error) {
	topic, _ := event.OfType(events[0].Type)
	m := Many{topic: topic.Name, key: key}
	for _, e := range events {
		if err := event.Check(e); err != nil {
			return m, fmt.Errorf("an event that breaks its contract is not published: %w", err)
		}
		payload, err := json.Marshal(e)
		if err != nil {
			return m, err
		}
		m.ids, m.payloads = append(m.ids, e.ID), append(m.payloads, string(payload))
	}
	return m, nil
}

// Put writes the events in one statement, in their order; see the function Put.
func (m Many) Put(ctx context.Context, tx db.Querier) error {
	if _, err := tx.Exec(ctx, `INSERT INTO outbox (event_id, topic, key, payload)
		SELECT id::uuid, $1, $2, payload::jsonb FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS events (id, payload, place) ORDER BY place`,
		m.topic, m.key, m.ids, m.payloads); err != nil {
		return fmt.Errorf("write %d events: %w", len(m.ids), err)
	}
	db.AfterCommit(tx, func() { commits.announce(m.topic) })
	return nil
}
