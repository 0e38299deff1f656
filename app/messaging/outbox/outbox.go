// Package outbox publishes events that cannot be lost: an event is written in the
// database transaction of the change that it is about, and a relay publishes it
// afterwards, as often as it takes.
package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/store/db"
)

// Put writes an event for the relay in a transaction (or a pipeline of one, see
// db.Queue); it will be published if that is committed, and only then. Events of
// the same topic and key are published in the order of writing.
func Put(ctx context.Context, tx db.Querier, e event.CloudEvent, key string) error {
	if err := event.Check(e); err != nil {
		return fmt.Errorf("an event that breaks its contract is not published: %w", err)
	}
	topic, _ := event.OfType(e.Type) // Check knows it
	payload, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "INSERT INTO outbox (event_id, topic, key, payload) VALUES ($1, $2, $3, $4)", e.ID, topic.Name, key, payload); err != nil {
		return fmt.Errorf("write event %s: %w", e.ID, err)
	}
	db.AfterCommit(tx, func() { commits.announce(topic.Name) })
	return nil
}

// Forget removes the events of a key that are not published yet: they go with
// everything else that is kept of a user.
func Forget(ctx context.Context, tx db.Querier, key string) error {
	var topics []string
	for _, topic := range event.Catalogue() {
		topics = append(topics, topic.Name)
	}
	_, err := tx.Exec(ctx, "DELETE FROM outbox WHERE topic = ANY($1) AND key = $2", topics, key)
	return err
}

// commits announces committed events to the relays of this process. What one does
// not hear of, such as another replica's, it finds when it looks.
var commits announcer

type announcer struct {
	mu   sync.Mutex
	next int
	to   map[int]func(topic string)
}

func (a *announcer) announce(topic string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, hear := range a.to {
		hear(topic)
	}
}

// subscribe has hear called for each committed event until stop is. It must not wait.
func (a *announcer) subscribe(hear func(topic string)) (stop func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.to == nil {
		a.to = map[int]func(string){}
	}
	id := a.next
	a.next++
	a.to[id] = hear
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.to, id)
	}
}
