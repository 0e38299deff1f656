//go:build integration

package systemtest

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/stack"
	"github.com/wealth-companion/companion/app/messaging/bus/conformance"
)

// unrestSetUp has every transaction in which a service notes an event as handled meet what
// unrest.present says, as it notes the event or as it commits: a deadlock with another
// session, a serialization failure, the end of its session, or a defect of its own.
//
// The other session, which works alone, locks 2 and then 1, counts and commits, again and
// again. A sequence tells its turns to those who see an old state of the tables.
const unrestSetUp = `
CREATE SCHEMA unrest;
CREATE TABLE unrest.present (how text NOT NULL, place text NOT NULL, other int NOT NULL);
INSERT INTO unrest.present VALUES ('', '', 0);
CREATE TABLE unrest.contended (n bigint NOT NULL);
INSERT INTO unrest.contended VALUES (0);
CREATE SEQUENCE unrest.turns;
CREATE FUNCTION unrest.disturb() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET deadlock_timeout = '10ms' AS $$
DECLARE
	present unrest.present;
	began bigint;
BEGIN
	SELECT * INTO present FROM unrest.present;
	IF present.place = TG_ARGV[0] THEN
		CASE present.how
		WHEN 'deadlock' THEN
			PERFORM pg_advisory_xact_lock(1);
			WHILE NOT pg_backend_pid() = ANY (pg_blocking_pids(present.other)) LOOP PERFORM pg_sleep(0.002); END LOOP;
			PERFORM pg_advisory_xact_lock(2); -- it looks for a circle first, and is the one that is ended
		WHEN 'serialization failure' THEN
			SELECT last_value INTO began FROM unrest.turns;
			WHILE (SELECT last_value FROM unrest.turns) < began + 2 LOOP PERFORM pg_sleep(0.002); END LOOP;
			UPDATE unrest.contended SET n = n + 1;
		WHEN 'session ended' THEN
			PERFORM pg_terminate_backend(pg_backend_pid());
			PERFORM pg_sleep(10);
		WHEN 'defect' THEN
			PERFORM 1 / (present.other - present.other);
		END CASE;
	END IF;
	RETURN NEW;
END $$;`

// unrestOf is what unrestSetUp needs of each service's schema.
const unrestOf = `
CREATE TRIGGER disturb BEFORE INSERT ON SERVICE.inbox FOR EACH ROW EXECUTE FUNCTION unrest.disturb('note');
CREATE CONSTRAINT TRIGGER disturb_commit AFTER INSERT ON SERVICE.inbox DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION unrest.disturb('commit');`

// unrest is what unrestSetUp made, with the other session at work.
type unrest struct{ b books }

func newUnrest(t *testing.T, s *stack.Stack, b books) unrest {
	t.Helper()
	run := func(query string) {
		_, err := b.pool.Exec(t.Context(), query)
		require.NoError(t, err)
	}
	run(unrestSetUp)
	for _, service := range stack.Services() {
		run(strings.ReplaceAll(unrestOf, "SERVICE", service))
	}
	// A serialization failure needs transactions that see one state of the database.
	isolated := func(level string) {
		run("ALTER DATABASE companion SET default_transaction_isolation = '" + level + "'")
		run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> 'admin' AND datname = 'companion'")
	}
	isolated("repeatable read")
	other, err := pgx.Connect(t.Context(), s.DatabaseURL("admin", "companion"))
	require.NoError(t, err)
	u := unrest{b}
	_, err = b.pool.Exec(t.Context(), "UPDATE unrest.present SET other = $1", other.PgConn().PID())
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var working sync.WaitGroup
	working.Go(func() {
		defer func() { _ = other.Close(context.WithoutCancel(ctx)) }()
		_, err := other.Exec(ctx, "SET deadlock_timeout = '1min'")
		for err == nil && ctx.Err() == nil {
			_, err = other.Exec(ctx, `BEGIN; SELECT pg_advisory_xact_lock(2), pg_sleep(0.002); SELECT pg_advisory_xact_lock(1);
				UPDATE unrest.contended SET n = n + 1; COMMIT; SELECT nextval('unrest.turns')`)
		}
		if ctx.Err() == nil {
			t.Errorf("the other session: %v", err)
		}
	})
	t.Cleanup(func() {
		stop()
		working.Wait()
		_, err := b.pool.Exec(context.WithoutCancel(ctx), "DROP SCHEMA unrest CASCADE; ALTER DATABASE companion RESET default_transaction_isolation")
		if err != nil {
			t.Error(err)
		}
	})
	return u
}

// begin has transactions meet that from now on; "": nothing.
func (u unrest) begin(t *testing.T, how, place string) {
	t.Helper()
	_, err := u.b.pool.Exec(t.Context(), "UPDATE unrest.present SET how = $1, place = $2", how, place)
	require.NoError(t, err)
}

// receipt is an event at one of its consumers.
type receipt struct{ service, topic, event string }

// publishOne publishes an event of every type and returns where each is to be handled.
func publishOne(t *testing.T, s *stack.Stack, user uuid.UUID) []receipt {
	t.Helper()
	last := map[string]event.CloudEvent{} // by topic
	for _, e := range conformance.Samples(t, user) {
		topic, _ := event.OfType(e.Type)
		last[topic.Name] = e
	}
	left := uuid.New() // somebody else, for nothing is handled of who is gone
	e, err := event.New(t.Context(), event.Backend, event.TypeUserDeleted, left.String(), event.UserDeleted{UserID: left, DeletedAt: time.Now().UTC()})
	require.NoError(t, err)
	topic, _ := event.OfType(e.Type)
	last[topic.Name] = e
	require.Len(t, last, len(event.Catalogue()), "an event of every type")
	var receipts []receipt
	for _, name := range slices.Sorted(maps.Keys(last)) {
		e := last[name]
		raw, err := json.Marshal(e)
		require.NoError(t, err)
		require.NoError(t, s.Kafka.Publish(name, event.Key(e), raw))
		topic, _ := event.Find(name)
		for _, consumer := range topic.Consumers {
			receipts = append(receipts, receipt{consumer, name, e.ID})
		}
	}
	return receipts
}

// outcomes counts what came of the deliveries of events, by the services' logs. Those that
// were handled are "".
func outcomes(t *testing.T, s *stack.Stack) map[receipt]map[string]int {
	t.Helper()
	found := map[receipt]map[string]int{}
	for _, service := range stack.Services() {
		raw, err := os.ReadFile(s.Log(service))
		require.NoError(t, err)
		for line := range bytes.Lines(raw) {
			var its struct {
				Msg, Topic, Outcome string
				Event               string `json:"event_id"`
			}
			if json.Unmarshal(line, &its) != nil || its.Event == "" || its.Outcome == "" {
				continue
			}
			r := receipt{service, its.Topic, its.Event}
			if found[r] == nil {
				found[r] = map[string]int{}
			}
			found[r][its.Outcome]++
		}
	}
	return found
}

// inVain is more often than a handler may fail at an event.
const inVain = 4

// postponed waits until each of the events was delivered more often than a handler may fail.
func postponed(t *testing.T, s *stack.Stack, receipts []receipt) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		seen := outcomes(t, s)
		for _, r := range receipts {
			assert.GreaterOrEqual(c, seen[r]["postponed"], inVain, "%v: %v", r, seen[r])
		}
	}, time.Minute, 200*time.Millisecond)
}

// What PostgreSQL breaks, and that it is away, says nothing of an event: none of the agents and
// of the backend's consumers counts it as an attempt, none is dead-lettered, and each event is
// handled once as soon as it can be.
func transient(t *testing.T, s *stack.Stack, b books) {
	c := newPerson(t, s)
	b.settle(t, 30*time.Second)
	u := newUnrest(t, s, b)
	for _, phase := range []struct{ how, place string }{
		{"deadlock", "note"},
		{"serialization failure", "commit"},
		{"session ended", "commit"},
		{"PostgreSQL away", ""},
	} {
		if phase.place == "" {
			s.Refuse(stack.PostgreSQL)
		} else {
			u.begin(t, phase.how, phase.place)
		}
		receipts := publishOne(t, s, c.User)
		postponed(t, s, receipts)
		if phase.place == "" {
			s.Heal(stack.PostgreSQL)
		} else {
			u.begin(t, "", "")
		}
		var seen map[receipt]map[string]int
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			seen = outcomes(t, s)
			for _, r := range receipts {
				assert.Positive(c, seen[r]["handled"], "%v: %v", r, seen[r])
			}
		}, time.Minute, 200*time.Millisecond)
		most := 0
		for _, r := range receipts {
			most = max(most, seen[r]["postponed"])
			require.Equal(t, map[string]int{"postponed": seen[r]["postponed"], "handled": 1}, seen[r], "%s: %v", phase.how, r)
			require.Equal(t, 1, one[int](t, b, "SELECT count(*) FROM "+r.service+".inbox WHERE event_id = $1", r.event), "%v", r)
		}
		t.Logf("%s: %d events at %d consumers, %d to %d deliveries each before they were handled", phase.how, len(event.Catalogue()), len(receipts), inVain, most)
		for _, id := range deadLetters(t, s) {
			require.False(t, slices.ContainsFunc(receipts, func(r receipt) bool { return r.event == id }), "%s: event %s is dead-lettered", phase.how, id)
		}
	}

	// Attempts are counted from the first failure that is the event's own.
	u.begin(t, "deadlock", "commit")
	receipts := publishOne(t, s, c.User)
	postponed(t, s, receipts)
	u.begin(t, "defect", "note")
	changed := time.Now()
	died := map[receipt]event.Death{}
	require.Eventually(t, func() bool {
		for _, topic := range event.Catalogue() {
			letters, err := s.Kafka.DeadLetters(t.Context(), topic.Name, 1000)
			require.NoError(t, err)
			for _, letter := range letters {
				died[receipt{letter.Death.Handler, topic.Name, letter.Event.ID}] = *letter.Death
			}
		}
		return !slices.ContainsFunc(receipts, func(r receipt) bool { return died[r].Topic == "" })
	}, time.Minute, 200*time.Millisecond)
	for _, r := range receipts {
		require.Equal(t, 3, died[r].Tries, "%v", r)
		require.False(t, died[r].First.Before(changed.Add(-time.Second)), "%v", r)
		require.Contains(t, died[r].Reason, "22012", "%v", r)
	}
}
