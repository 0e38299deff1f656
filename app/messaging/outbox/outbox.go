// Package outbox publishes events that cannot be lost: an event is written in
// the database transaction of the change it tells of, and a relay publishes it
// afterwards, as often as it takes.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/store/db"
)

// channel is where PostgreSQL tells the relay that there is something to do.
const channel = "outbox"

// Put writes an event for the relay in a transaction (or a pipeline of one, see
// db.Queue); it will be published if that is committed, and only then. Events of
// the same key are published in the order of writing.
func Put(ctx context.Context, tx db.Querier, e event.CloudEvent, key string) error {
	if err := event.Check(e); err != nil {
		return fmt.Errorf("an event that breaks its contract is not published: %w", err)
	}
	topic, _ := event.OfType(e.Type) // Check knows it
	payload, err := json.Marshal(e)
	if err != nil {
		return err
	}
	// The notification is sent when tx is committed, once for all of its events.
	// Payload: the schema, which tells services that share the database apart.
	if _, err := tx.Exec(ctx, `WITH written AS (INSERT INTO outbox (event_id, topic, key, payload) VALUES ($1, $2, $3, $4))
		SELECT pg_notify($5, current_schema())`, e.ID, topic.Name, key, payload, channel); err != nil {
		return fmt.Errorf("write event %s: %w", e.ID, err)
	}
	return nil
}

// Publish sends an event to its topic. It returns nil only when the broker has it.
type Publish func(ctx context.Context, topic, key string, payload []byte) error

// Relay publishes what Put wrote. Of several replicas one works at a time, so
// that events keep their order. At least once: when the relay dies between
// publishing and noting it, the event is published again under the same id.
type Relay struct {
	Pool    *pgxpool.Pool
	Service string
	Publish Publish
	Log     *slog.Logger
	// Waiting is told how many events wait, and Published of each that does no more.
	Waiting   func(int)
	Published func(topic string)
}

// How the relay goes about it.
const (
	batch = 100
	// poll finds what a notification did not tell of, such as events from
	// before the relay listened.
	poll       = 2 * time.Second
	firstPause = 200 * time.Millisecond
	longPause  = time.Second
	// lanes is how many keys are published for at a time.
	lanes = 8
	// answerTime is how long the database may take: after a failover a connection
	// may be dead without a word, and the relay must not wait for it.
	answerTime = 10 * time.Second
	// silence is after how long PostgreSQL ends the session of a relay that is
	// not heard of, and with it the lock that keeps others waiting.
	silence = "30s"
	// keep is how long published events are kept, to be looked at.
	keep = 7 * 24 * time.Hour
)

// Run works until ctx ends. It goes on when the database or the broker comes back.
func (r *Relay) Run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		err := r.lead(ctx, func() { pause = firstPause })
		if ctx.Err() != nil {
			return
		}
		r.Log.WarnContext(ctx, "events wait", "error", err, "next_try_in", pause.String())
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longPause)
	}
}

// lead waits to be the one relay of the service, and publishes until something
// fails. The lock is the connection's and goes with it.
func (r *Relay) lead(ctx context.Context, worked func()) error {
	connection, err := r.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	// Neither the lock nor the listening may go back into the pool.
	own := connection.Hijack()
	defer func() { _ = own.Close(context.WithoutCancel(ctx)) }()
	if err := within(ctx, func(ctx context.Context) error {
		_, err := own.Exec(ctx, "SET idle_session_timeout = '"+silence+"'; LISTEN "+channel)
		return err
	}); err != nil {
		return err
	}
	for {
		var leads bool
		if err := within(ctx, func(ctx context.Context) error {
			return own.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", db.LockID("outbox:"+r.Service)).Scan(&leads)
		}); err != nil {
			return err
		}
		if leads {
			break
		}
		if err := sleep(ctx, poll); err != nil {
			return err
		}
	}
	pruned := time.Time{}
	for {
		published, err := r.publishBatch(ctx, own)
		if published > 0 {
			worked()
		}
		if err != nil {
			return err
		}
		if published == batch {
			continue
		}
		if time.Since(pruned) > time.Hour {
			if err := within(ctx, func(ctx context.Context) error { return prune(ctx, own) }); err != nil {
				return err
			}
			pruned = time.Now()
		}
		if err := wait(ctx, own); err != nil {
			return err
		}
	}
}

// within bounds what is asked of the database.
func within(ctx context.Context, ask func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return ask(limited)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// wait returns when there may be something to do.
func wait(ctx context.Context, own *pgx.Conn) error {
	limited, cancel := context.WithTimeout(ctx, poll)
	defer cancel()
	_, err := own.WaitForNotification(limited)
	if err != nil && errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}

type row struct {
	id      int64
	topic   string
	key     string
	payload []byte
}

// publishBatch publishes the oldest events: those of a key in order, up to the
// first that fails, since one that follows must not overtake it; those of
// several keys side by side.
func (r *Relay) publishBatch(ctx context.Context, own *pgx.Conn) (int, error) {
	var waiting int
	var events []row
	if err := within(ctx, func(ctx context.Context) (err error) {
		waiting, events, err = oldest(ctx, own)
		return err
	}); err != nil {
		return 0, err
	}
	r.Waiting(waiting)
	if len(events) == 0 {
		return 0, nil
	}
	done, failed := r.publishAll(ctx, events)
	if len(done) > 0 {
		// Even when the service ends now, what was published is noted.
		if err := within(context.WithoutCancel(ctx), func(ctx context.Context) error {
			_, err := own.Exec(ctx, "UPDATE outbox SET published_at = now() WHERE id = ANY($1)", done)
			return err
		}); err != nil {
			return 0, errors.Join(failed, err)
		}
		r.Waiting(waiting - len(done))
	}
	return len(done), failed
}

// oldest returns how many events wait, and the oldest of them.
func oldest(ctx context.Context, own *pgx.Conn) (waiting int, events []row, err error) {
	if err := own.QueryRow(ctx, "SELECT count(*) FROM outbox WHERE published_at IS NULL").Scan(&waiting); err != nil || waiting == 0 {
		return 0, nil, err
	}
	rows, err := own.Query(ctx, "SELECT id, topic, key, payload FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1", batch)
	if err != nil {
		return 0, nil, err
	}
	events, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (row, error) {
		var one row
		return one, r.Scan(&one.id, &one.topic, &one.key, &one.payload)
	})
	return waiting, events, err
}

// publishAll publishes events and returns the ids of those that the broker has,
// and the first failure. After one, no other key is begun with: most likely the
// broker is away, and each would wait for it.
func (r *Relay) publishAll(ctx context.Context, events []row) ([]int64, error) {
	var keys []string
	byKey := map[string][]row{}
	for _, one := range events {
		if _, known := byKey[one.key]; !known {
			keys = append(keys, one.key)
		}
		byKey[one.key] = append(byKey[one.key], one)
	}
	var mu sync.Mutex
	var done []int64
	var failed error
	var group errgroup.Group
	group.SetLimit(lanes)
	for _, key := range keys {
		group.Go(func() error {
			for _, one := range byKey[key] {
				mu.Lock()
				stop := failed != nil
				mu.Unlock()
				if stop {
					return nil
				}
				err := r.Publish(ctx, one.topic, one.key, one.payload)
				mu.Lock()
				if err == nil {
					done = append(done, one.id)
				} else if failed == nil {
					failed = fmt.Errorf("publish on %s: %w", one.topic, err)
				}
				mu.Unlock()
				if err != nil {
					return nil
				}
				r.Published(one.topic)
			}
			return nil
		})
	}
	_ = group.Wait() // failures are in failed
	return done, failed
}

func prune(ctx context.Context, own *pgx.Conn) error {
	_, err := own.Exec(ctx, `DELETE FROM outbox WHERE id IN
		(SELECT id FROM outbox WHERE published_at < now() - $1::interval LIMIT 10000)`, keep)
	return err
}
