package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/store/db"
)

// Broker takes events. Its errors are *bus.RefusedError for what it will never
// take; any other means that it is unavailable. bus.Publisher is one.
type Broker interface {
	// Publish returns nil only when the broker has the event.
	Publish(ctx context.Context, topic, key string, payload []byte) error
	// PublishAll returns nil only when the broker has all of the events. After an
	// error it may have any of them.
	PublishAll(ctx context.Context, topic string, messages []bus.Message) error
	// DeadLetter publishes an event on the dead letters of died.Topic.
	DeadLetter(ctx context.Context, key string, payload []byte, died event.Death) error
}

// Observer receives what there is to know of a relay. It must not wait.
type Observer interface {
	// Waiting receives, every few seconds, how many events are not published yet, of
	// which no more than countMost are counted, and the age of the oldest.
	Waiting(events int, oldest time.Duration)
	// Blocked receives what of a topic is blocked, after each attempt to publish while
	// something is, and once when nothing is any more.
	Blocked(topic string, b Blocked)
	// Published is called for events that the broker took.
	Published(topic string, events int)
	// Refused is called for each refusal of an event or its topic.
	Refused(topic string)
	// DeadLettered is called for each event that went to the dead letters.
	DeadLettered(topic string)
}

// Blocked is what of a topic waits for another attempt after one that failed.
type Blocked struct {
	// Lanes is how many lanes wait, at most maxFailing.
	Lanes int
	// Longest is how long ago the first attempt failed of the lane that has waited
	// longest, and Topic the same of the topic as a whole; 0: it does not wait. Both
	// begin anew when another replica takes over.
	Longest, Topic time.Duration
}

// Relay publishes what Put wrote, and deletes it then. Of several replicas one works
// at a time, so that events keep their order; another takes over within seconds when
// it dies. At least once: when the relay dies between publishing and deleting, the
// event is published again under the same id.
//
// A lane is a topic and a key. Events of a lane are published one after the other;
// lanes take turns, so that one with many events does not hold up the others. A lane
// whose event cannot be published waits, longer each time, and no other lane with it.
// An event that the broker refuses for what it is goes to its topic's dead letters
// after some attempts. While the broker is unavailable nothing is given up.
type Relay struct {
	Pool     *pgxpool.Pool
	Service  string
	Broker   Broker
	Observer Observer
	Log      *slog.Logger
}

// How the relay goes about it.
const (
	// poll is how often the leader looks for events that it did not hear of. Each
	// look is one small query, and shows the server that the leader lives.
	poll = 200 * time.Millisecond
	// candidacy is how often another replica tries to become the leader.
	candidacy = 500 * time.Millisecond
	// silence is after how long the server ends the session of a leader that is not
	// heard of, and with it the lock that the others wait for.
	silence = 5 * time.Second
	// answerTime is how long the database may take: after a failover a connection
	// may be dead without a word.
	answerTime = 3 * time.Second
	// coalesced is how often at most a replica notifies the leader of its commits.
	coalesced = 20 * time.Millisecond
	// farewell is how long a relay that is asked to end goes on publishing.
	farewell = 3 * time.Second
	// census is how often waiting events are counted, and countMost how many at most.
	census    = 5 * time.Second
	countMost = 100_000

	firstPause = 200 * time.Millisecond
	longPause  = time.Second
	// channel is where replicas notify the leader of their commits.
	channel = "outbox"
)

// Run works until ctx ends, and then for as long as there is something to publish,
// farewell at most. It goes on when the database or the broker comes back.
func (r *Relay) Run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := r.serve(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > longPause {
			pause = firstPause
		}
		r.Log.WarnContext(ctx, "the outbox is not relayed by this replica", "error", err, "next_attempt_in", pause.String())
		_ = sleep(ctx, pause)
		pause = min(2*pause, longPause)
	}
}

// serve waits to be the one relay of the service and is it until something fails or
// ctx ends. The lock is the connection's and goes with it.
func (r *Relay) serve(ctx context.Context) error {
	var connection *pgxpool.Conn
	// The pool asks an idle connection whether it lives, and a dead one may not answer.
	if err := within(ctx, func(ctx context.Context) (err error) {
		connection, err = r.Pool.Acquire(ctx)
		return err
	}); err != nil {
		return err
	}
	// Neither the lock nor the listening may go back into the pool.
	own := connection.Hijack()
	defer func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
		defer cancel()
		_ = own.Close(limited)
	}()
	if err := within(ctx, func(ctx context.Context) error {
		_, err := own.Exec(ctx, fmt.Sprintf("SET idle_session_timeout = %d; SET enable_seqscan = off", silence.Milliseconds()))
		return err
	}); err != nil {
		return err
	}
	if err := r.standBy(ctx, own); err != nil {
		return err
	}
	return r.lead(ctx, own)
}

// standBy tries to become the leader until it is. Meanwhile it notifies the leader of
// this replica's commits: together, and not within them, for PostgreSQL serialises
// commits that notify.
func (r *Relay) standBy(ctx context.Context, own *pgx.Conn) error {
	heard := make(chan struct{}, 1)
	defer commits.subscribe(func(string) { signal(heard) })()
	for {
		var leads bool
		if err := within(ctx, func(ctx context.Context) error {
			return own.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", db.LockID("outbox:"+r.Service)).Scan(&leads)
		}); err != nil || leads {
			return err
		}
		for next := time.After(candidacy); next != nil; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-next:
				next = nil
			case <-heard:
				if err := within(ctx, func(ctx context.Context) error {
					// The schema tells services that share the database apart.
					_, err := own.Exec(ctx, "SELECT pg_notify($1, current_schema())", channel)
					return err
				}); err != nil {
					return err
				}
				if err := sleep(ctx, coalesced); err != nil {
					return err
				}
			}
		}
	}
}

// lead publishes until the connection fails, which holds the lock, or ctx ends.
func (r *Relay) lead(ctx context.Context, own *pgx.Conn) error {
	working, end := context.WithCancel(context.WithoutCancel(ctx))
	topics := &pipelines{relay: r, ctx: working, by: map[string]*pipeline{}}
	defer r.Observer.Waiting(0, 0) // another counts from now on
	defer topics.wait()
	defer end()
	for _, topic := range event.PublishedBy(r.Service) {
		topics.wake(topic.Name)
	}
	defer commits.subscribe(topics.wake)()
	// A query that is cancelled closes the connection, which leave still needs.
	asking := context.WithoutCancel(ctx)
	if err := within(asking, func(ctx context.Context) error {
		_, err := own.Exec(ctx, "LISTEN "+channel)
		return err
	}); err != nil {
		return err
	}
	r.Log.InfoContext(ctx, "the outbox is relayed by this replica")
	counted := time.Time{}
	for {
		var waiting []string
		if err := within(asking, func(ctx context.Context) (err error) {
			waiting, err = waitingTopics(ctx, own)
			return err
		}); err != nil {
			return r.leave(ctx, own, topics, err)
		}
		for _, topic := range waiting {
			topics.wake(topic)
		}
		if time.Since(counted) > census {
			counted = time.Now()
			if err := within(asking, func(ctx context.Context) error { return r.count(ctx, own) }); err != nil {
				return r.leave(ctx, own, topics, err)
			}
		}
		if err := listen(ctx, own); err != nil {
			return r.leave(ctx, own, topics, err)
		}
	}
}

// leave publishes what is left when the relay is asked to end: no other replica may be
// there to do it. err is why it leaves.
func (r *Relay) leave(ctx context.Context, own *pgx.Conn, topics *pipelines, err error) error {
	if ctx.Err() == nil || own.IsClosed() {
		return err
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	for limited.Err() == nil {
		waiting, failed := waitingTopics(limited, own)
		if failed != nil {
			break
		}
		for _, topic := range waiting {
			topics.wake(topic) // nobody else looks any more
		}
		if !topics.hopeful(waiting) {
			break
		}
		_ = sleep(limited, coalesced)
	}
	return err
}

// within bounds what is asked of the database.
func within(ctx context.Context, ask func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return ask(limited)
}

// sleep waits for d, or until ctx ends, which is its error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// signal has whoever waits on c go on, once for any number of signals.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// listen returns when another replica has committed something, or after poll.
func listen(ctx context.Context, own *pgx.Conn) error {
	limited, cancel := context.WithTimeout(ctx, poll)
	defer cancel()
	_, err := own.WaitForNotification(limited)
	if err != nil && errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil && !own.IsClosed() {
		return nil
	}
	return err
}

// waitingTopics lists the topics of the rows, by one look into the index for each.
func waitingTopics(ctx context.Context, own *pgx.Conn) ([]string, error) {
	rows, err := own.Query(ctx, `WITH RECURSIVE topics AS (
			(SELECT topic FROM outbox ORDER BY topic LIMIT 1)
			UNION ALL
			SELECT (SELECT o.topic FROM outbox o WHERE o.topic > t.topic ORDER BY o.topic LIMIT 1) FROM topics t WHERE t.topic IS NOT NULL
		) SELECT topic FROM topics WHERE topic IS NOT NULL`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (r *Relay) count(ctx context.Context, own *pgx.Conn) error {
	var events int
	var oldest float64
	if err := own.QueryRow(ctx, `SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS counted),
		coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at) FROM outbox ORDER BY id LIMIT 1), 0)::float8`, countMost).
		Scan(&events, &oldest); err != nil {
		return err
	}
	r.Observer.Waiting(events, time.Duration(max(0, oldest)*float64(time.Second)))
	return nil
}

// pipelines are those of the leader, one a topic.
type pipelines struct {
	relay *Relay
	ctx   context.Context
	group sync.WaitGroup

	mu sync.Mutex
	by map[string]*pipeline
}

// wake has the topic's pipeline look for events.
func (p *pipelines) wake(topic string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one, running := p.by[topic]
	if !running {
		if p.ctx.Err() != nil {
			return
		}
		one = newPipeline(p.relay, topic)
		p.by[topic] = one
		p.group.Go(func() { one.run(p.ctx) })
	}
	signal(one.awake)
}

// hopeful reports whether one of the topics is not held up.
func (p *pipelines) hopeful(topics []string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, topic := range topics {
		if one, running := p.by[topic]; running && !one.stuck.Load() {
			return true
		}
	}
	return false
}

func (p *pipelines) wait() { p.group.Wait() }
