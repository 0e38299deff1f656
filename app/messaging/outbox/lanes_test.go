//go:build integration

package outbox

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/store/db"
)

const created = "finance.transaction.created"

// many writes n events of a key on a topic, which need not exist.
func many(t *testing.T, pool *pgxpool.Pool, topic, key string, n int) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `INSERT INTO outbox (event_id, topic, key, payload)
		SELECT id, $1, $2, json_build_object('id', id) FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $3)) ids`, topic, key, n)
	require.NoError(t, err)
}

func left(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM outbox").Scan(&n))
	return n
}

func (b *broker) positionOf(key string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, one := range b.events {
		if one.key == key {
			return i
		}
	}
	return -1
}

func TestOnesImportDoesNotHoldUpAnothersEvent(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{took: time.Millisecond}
	many(t, pool, created, "importer", 5000)
	relay(t, pool, b)
	eventually(t, "the import has begun", func() bool { return len(b.of("importer")) > 0 })
	_, before := b.seen()
	putFor(t, pool, "another")
	eventually(t, "the other's event", func() bool { return b.positionOf("another") >= 0 })
	require.Less(t, b.positionOf("another")-before, 1000, "it has its turn among the import's")
}

func TestLanesBeyondAPageHaveTheirTurn(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{}
	for lane := range pageLanes + 50 {
		many(t, pool, created, fmt.Sprintf("key-%03d", lane), depth+2)
	}
	relay(t, pool, b)
	eventually(t, "all of them", func() bool { return left(t, pool) == 0 })
	ids, _ := b.seen()
	require.Len(t, ids, (pageLanes+50)*(depth+2), "each once")
}

// Refusals and unknown failures alike are their own lane's.
func TestBadKeysDoNotStopOthers(t *testing.T) {
	for name, err := range map[string]error{
		"refused":            &bus.RefusedError{Err: fmt.Errorf("Message was too large")},
		"for unknown reason": errAway,
	} {
		t.Run(name, func(t *testing.T) {
			pool := pgtest.Pool(t, event.Backend)
			b := &broker{before: func(_, key string) error {
				if strings.HasPrefix(key, "bad") {
					return err
				}
				return nil
			}}
			for i := range 100 {
				many(t, pool, created, fmt.Sprintf("bad-%d", i), 2)
			}
			relay(t, pool, b)
			eventually(t, "attempts", func() bool { _, attempts := b.seen(); return attempts >= 10 })
			for i := range 5 {
				key := fmt.Sprintf("good-%d", i)
				began := time.Now()
				want := []string{putFor(t, pool, key), putFor(t, pool, key)}
				eventually(t, "the good one's", func() bool { return len(b.of(key)) == 2 })
				require.Equal(t, want, b.of(key))
				require.Less(t, time.Since(began), 10*time.Second)
			}
		})
	}
}

func TestARefusedTopicDoesNotStopOthersAndWaits(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	refuse := true
	b := &broker{before: func(topic, _ string) error {
		if refuse && strings.Contains(topic, "goal") {
			return &bus.RefusedError{Topic: true, Err: errAway}
		}
		return nil
	}}
	for i := range 100 {
		many(t, pool, "finance.goal.changed", fmt.Sprintf("goal-%d", i), 1)
	}
	many(t, pool, "topic.that.nobody.knows", "x", 3)
	relay(t, pool, b)
	want := put(t, pool)
	eventually(t, "the other topic's", func() bool { return len(b.of("key")) == 1 })
	require.Equal(t, []string{want}, b.of("key"))
	eventually(t, "an unknown topic is no reason to stop either", func() bool { return len(b.of("x")) == 3 })
	// What is published is deleted soon after.
	eventually(t, "its rights may be on their way", func() bool { return left(t, pool) == 100 })
	require.Empty(t, b.buried())
	b.mu.Lock()
	refuse = false
	b.mu.Unlock()
	eventually(t, "all of them", func() bool { return left(t, pool) == 0 })
}

// blockedObserver keeps what it was last told of each topic.
type blockedObserver struct {
	noObserver
	mu   sync.Mutex
	last map[string]Blocked
}

func (o *blockedObserver) Blocked(topic string, b Blocked) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last[topic] = b
}

func (o *blockedObserver) of(topic string) Blocked {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last[topic]
}

// An operator must see what stands still, and for how long, though everything else
// goes on.
func TestWhatIsBlockedIsCounted(t *testing.T) {
	const goals = "finance.goal.changed"
	pool := pgtest.Pool(t, event.Backend)
	refuse := true
	b := &broker{before: func(topic, key string) error {
		switch {
		case refuse && topic == goals:
			return &bus.RefusedError{Topic: true, Err: errAway}
		case refuse && strings.HasPrefix(key, "bad"):
			return errAway
		default:
			return nil
		}
	}}
	for i := range 3 {
		many(t, pool, created, fmt.Sprintf("bad-%d", i), 2)
		many(t, pool, created, fmt.Sprintf("good-%d", i), 2)
	}
	many(t, pool, goals, "goal", 1)
	o := &blockedObserver{last: map[string]Blocked{}}
	stop := observed(t, pool, b, o)
	eventually(t, "three lanes are blocked, and longer and longer", func() bool {
		its := o.of(created)
		return its.Lanes == 3 && its.Longest > 500*time.Millisecond
	})
	eventually(t, "a topic is blocked", func() bool { return o.of(goals).Topic > 500*time.Millisecond })
	require.Zero(t, o.of(goals).Lanes)
	b.mu.Lock()
	refuse = false
	b.mu.Unlock()
	eventually(t, "nothing is blocked any more", func() bool {
		return o.of(created) == Blocked{} && o.of(goals) == Blocked{} && left(t, pool) == 0
	})

	b.mu.Lock()
	refuse = true
	b.mu.Unlock()
	many(t, pool, created, "bad-9", 1)
	many(t, pool, created, "good-9", 1)
	eventually(t, "a lane is blocked", func() bool { return o.of(created).Lanes == 1 })
	stop()
	require.Zero(t, o.of(created), "a replica that relays no more counts nothing")
}

// A defect of one event must not cost its key's later ones, nor be forgotten.
func TestARefusedEventIsDeadLetteredAndItsKeyGoesOn(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	refusals, letters := 0, 0
	b := &broker{}
	b.before = func(topic, key string) error {
		switch {
		case topic == event.DeadLetter(created):
			if letters++; letters == 1 {
				return errAway // the event stays until its dead letter is taken
			}
		case key == "key" && refusals < maxAttempts+1:
			refusals++
			return &bus.RefusedError{Err: fmt.Errorf("Message was too large")}
		}
		return nil
	}
	put(t, pool)
	want := put(t, pool)
	relay(t, pool, b)
	eventually(t, "the next of its key", func() bool { return len(b.of("key")) == 1 })
	require.Equal(t, []string{want}, b.of("key"))
	eventually(t, "nothing is left", func() bool { return left(t, pool) == 0 })
	require.Len(t, b.buried(), 1)
	died := b.buried()[0]
	require.Equal(t, created, died.Topic)
	require.Equal(t, event.Backend, died.Handler)
	require.Contains(t, died.Reason, "Message was too large")
	require.GreaterOrEqual(t, died.Tries, maxAttempts)
	require.True(t, died.Last.After(died.First))
}

func TestAnOutageDeadLettersNothing(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{away: true}
	var want []string
	for range 3 {
		want = append(want, put(t, pool))
	}
	relay(t, pool, b)
	eventually(t, "attempts", func() bool { _, attempts := b.seen(); return attempts > 2*maxAttempts })
	require.Empty(t, b.buried())
	b.set(false)
	eventually(t, "all of them", func() bool { return left(t, pool) == 0 })
	require.Equal(t, want, b.of("key"))
}

func TestTheEndWaitsForWhatWasWritten(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{took: 5 * time.Millisecond}
	stop := relay(t, pool, b)
	put(t, pool)
	eventually(t, "it leads", func() bool { ids, _ := b.seen(); return len(ids) == 1 })
	many(t, pool, created, "late", 50)
	stop()
	require.Zero(t, left(t, pool))
	ids, _ := b.seen()
	require.Len(t, ids, 51, "each once")
}

// The relay is told to end while the database has not answered yet.
func TestTheEndWaitsForAnAnswerOfTheDatabase(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{}
	stop := relay(t, pool, b)
	put(t, pool)
	eventually(t, "it leads, and has removed what it published", func() bool { ids, _ := b.seen(); return len(ids) == 1 && left(t, pool) == 0 })
	// The pool's connections may all come to wait for the table.
	watching, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer watching.Release()
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }()
	_, err = tx.Exec(t.Context(), "LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `INSERT INTO outbox (event_id, topic, key, payload)
		SELECT id, $1, 'late', json_build_object('id', id) FROM (SELECT gen_random_uuid() AS id) ids`, created)
	require.NoError(t, err)
	eventually(t, "the relay has begun to wait for the table", func() bool {
		var waits bool
		require.NoError(t, watching.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%RECURSIVE topics%'
				AND query_start > clock_timestamp() - interval '1 second')`).Scan(&waits))
		return waits
	})
	ended := make(chan struct{})
	go func() { defer close(ended); stop() }()
	select {
	case <-ended:
		require.Fail(t, "it ended without an answer")
	case <-time.After(300 * time.Millisecond):
	}
	require.NoError(t, tx.Commit(t.Context()))
	<-ended
	require.Zero(t, left(t, pool))
	require.Len(t, b.of("late"), 1)
}

func TestTheEndDoesNotWaitForABrokerThatIsAway(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{away: true}
	put(t, pool)
	stop := relay(t, pool, b)
	eventually(t, "attempts", func() bool { _, attempts := b.seen(); return attempts > 3 })
	began := time.Now()
	stop()
	require.Less(t, time.Since(began), farewell)
	require.Equal(t, 1, left(t, pool))
}

// What is removed while it fails is not waited for.
func TestForgetRemovesWhatFails(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	b := &broker{away: true}
	putFor(t, pool, "gone")
	relay(t, pool, b)
	eventually(t, "attempts", func() bool { _, attempts := b.seen(); return attempts > 1 })
	require.NoError(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error { return Forget(t.Context(), tx, "gone") }))
	b.set(false)
	put(t, pool)
	eventually(t, "the others", func() bool { return len(b.of("key")) == 1 })
	require.Empty(t, b.of("gone"))
}

// The query of a page must not read more of the table for its length.
func TestAPageIsReadByTheIndex(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	many(t, pool, created, "a", 20000)
	many(t, pool, created, "b", 20000)
	_, err := pool.Exec(t.Context(), "ANALYZE outbox")
	require.NoError(t, err)
	p := newPipeline(&Relay{Pool: pool}, created)
	lanes, err := p.load(context.Background())
	require.NoError(t, err)
	require.Len(t, lanes, 2)
	require.Len(t, lanes[0], depth)
	rows, err := pool.Query(t.Context(), "EXPLAIN (ANALYZE, BUFFERS) "+pageQuery, created, "", pageLanes, depth)
	require.NoError(t, err)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotContains(t, strings.Join(plan, "\n"), "Seq Scan on outbox")
}

func TestASuccessfulLaneIsNotRememberedAsFailing(t *testing.T) {
	p := newPipeline(&Relay{}, created)
	p.lane("gone").cycle = p.cycle
	p.cycle++
	p.lane("there")
	p.seen([][]row{{{key: "there"}}})
	p.forget()
	require.Len(t, p.lanes, 1)
	require.Contains(t, p.lanes, "there")
}
