// Package conformance tests that a service's handlers hold to what package bus
// asks of them, against a real database: each event has its effect once, however
// often, in whatever order and through whatever crash it comes, and what is none
// of theirs harms nobody.
package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/store/db"
)

// Subject is a service, with a database that holds nothing but what its events
// need to be there.
type Subject struct {
	Service  string
	Pool     *pgxpool.Pool
	Handlers map[string]bus.Handler // by topic
	Batches  map[string]bus.BatchHandler
	User     uuid.UUID // whom the events are about
	// State are queries whose rows must not depend on the order of events. They
	// select what was heard, not ids and times that are made anew.
	State []string
	// Delete removes the user, where no event does; nil: one does.
	Delete func(t *testing.T)
}

// Run tests subjects that begin makes, each on a database of its own.
func Run(t *testing.T, begin func(t *testing.T) Subject) {
	for name, test := range map[string]func(*testing.T, *bench){
		"every topic has a handler and a sample":   everyTopic,
		"a duplicate changes nothing":              duplicates,
		"of several deliveries at once one counts": atOnce,
		"the order does not matter":                reordering,
		"what breaks its contract is set aside":    poison,
		"a version not known is set aside":         unknownVersion,
		"what is too large is set aside":           oversized,
		"a crash before the commit loses nothing":  crashBeforeCommit,
		"a crash before the ack doubles nothing":   crashBeforeAck,
		"users who are gone leave nothing":         goneUser,
		"a batch does what its events do":          batches,
		"a batch with duplicates counts each once": duplicatesInBatches,
		"one that fails fails alone in a batch":    poisonInBatches,
		"batches at once count each event once":    batchesAtOnce,
	} {
		t.Run(name, func(t *testing.T) { test(t, newBench(t, begin)) })
	}
}

// bench delivers events to a subject as its sidecar does.
type bench struct {
	t       *testing.T
	subject Subject
	begin   func(*testing.T) Subject
	events  []event.CloudEvent

	mu       sync.Mutex
	outcomes []string
	letters  [][]byte
}

func newBench(t *testing.T, begin func(*testing.T) Subject) *bench {
	b := &bench{t: t, subject: begin(t), begin: begin}
	b.events = slices.DeleteFunc(Samples(t, b.subject.User), func(e event.CloudEvent) bool {
		topic, _ := event.OfType(e.Type)
		return !slices.Contains(topic.Consumers, b.subject.Service)
	})
	return b
}

// receiver is the service's, with handlers that may be changed.
func (b *bench) receiver(around func(bus.Handler) bus.Handler) http.Handler {
	handlers := map[string]bus.Handler{}
	for topic, handle := range b.subject.Handlers {
		handlers[topic] = around(handle)
	}
	together := map[string]bus.BatchHandler{}
	for topic, handle := range b.subject.Batches {
		together[topic] = wrapped(handle, around)
	}
	return (&bus.Receiver{
		Service: b.subject.Service, Handlers: handlers, Batches: together, Log: slog.New(slog.DiscardHandler),
		Outage: func(_ context.Context, err error) bool { return db.Transient(err) },
		Outcome: func(_, outcome string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.outcomes = append(b.outcomes, outcome)
		},
		DeadLetter: func(_ context.Context, _, _ string, payload []byte) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.letters = append(b.letters, payload)
			return nil
		},
	}).Handler()
}

// wrapped is a batch handler that is called as a handler is around it, once for all
// of its events.
func wrapped(handle bus.BatchHandler, around func(bus.Handler) bus.Handler) bus.BatchHandler {
	return func(ctx context.Context, events []event.CloudEvent) (first []bool, err error) {
		_, failed := around(func(ctx context.Context, _ event.CloudEvent) (bool, error) {
			first, err = handle(ctx, events)
			return true, err
		})(ctx, events[0])
		return first, failed
	}
}

func asItIs(handle bus.Handler) bus.Handler { return handle }

// deliver delivers events in this order and returns the outcomes.
func (b *bench) deliver(to http.Handler, events ...event.CloudEvent) []string {
	b.t.Helper()
	b.outcomes = nil
	for _, e := range events {
		raw, err := json.Marshal(e)
		require.NoError(b.t, err)
		b.post(to, e.Type, raw)
	}
	return b.outcomes
}

func (b *bench) post(to http.Handler, kind string, raw []byte) int {
	topic, known := event.OfType(kind)
	require.True(b.t, known)
	recorder := httptest.NewRecorder()
	to.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/events/"+topic.Name, bytes.NewReader(raw)))
	return recorder.Code
}

func all(outcome string, n int) []string { return slices.Repeat([]string{outcome}, n) }

// dump is everything in the subject's tables but the notes of migrations.
func dump(t *testing.T, pool *pgxpool.Pool, except ...string) string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	var text strings.Builder
	for _, table := range tables {
		if table == "goose_db_version" || slices.Contains(except, table) {
			continue
		}
		text.WriteString(query(t, pool, "SELECT to_jsonb(x)::text FROM "+pgx.Identifier{table}.Sanitize()+" x ORDER BY 1", table))
	}
	return text.String()
}

func query(t *testing.T, pool *pgxpool.Pool, sql, name string) string {
	t.Helper()
	rows, err := pool.Query(t.Context(), sql)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	var text strings.Builder
	for _, row := range found {
		text.WriteString(name + ": " + row + "\n")
	}
	return text.String()
}

func state(t *testing.T, s Subject) string {
	t.Helper()
	var text strings.Builder
	for _, sql := range s.State {
		text.WriteString(query(t, s.Pool, "SELECT to_jsonb(x)::text FROM ("+sql+") x", sql))
	}
	require.NotEmpty(t, text.String(), "the queries show nothing")
	return text.String()
}

func everyTopic(t *testing.T, b *bench) {
	for _, topic := range event.ConsumedBy(b.subject.Service) {
		require.Contains(t, b.subject.Handlers, topic.Name)
		if topic.Type != event.TypeUserDeleted {
			require.True(t, slices.ContainsFunc(b.events, func(e event.CloudEvent) bool { return e.Type == topic.Type }), topic.Type)
		}
	}
}

func duplicates(t *testing.T, b *bench) {
	to := b.receiver(asItIs)
	require.Equal(t, all(bus.Handled, len(b.events)), b.deliver(to, b.events...))
	before := dump(t, b.subject.Pool)
	for range 2 {
		require.Equal(t, all(bus.Duplicate, len(b.events)), b.deliver(to, b.events...))
		require.Equal(t, before, dump(t, b.subject.Pool))
	}
}

func atOnce(t *testing.T, b *bench) {
	to := b.receiver(asItIs)
	for _, e := range b.events {
		raw, err := json.Marshal(e)
		require.NoError(t, err)
		b.outcomes = nil
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() { b.post(to, e.Type, raw) })
		}
		wait.Wait()
		require.ElementsMatch(t, append(all(bus.Duplicate, 3), bus.Handled), b.outcomes, e.Type)
	}
}

func reordering(t *testing.T, b *bench) {
	b.deliver(b.receiver(asItIs), b.events...)
	want := state(t, b.subject)
	first := b.subject
	for seed := range uint64(6) {
		b.subject = b.begin(t)
		// The same events, of another user on another database.
		shuffled := make([]event.CloudEvent, len(b.events))
		for i, e := range b.events {
			e.Data = bytes.ReplaceAll(e.Data, []byte(first.User.String()), []byte(b.subject.User.String()))
			shuffled[i] = e
		}
		rand.New(rand.NewPCG(seed, 7)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		to := b.receiver(asItIs)
		require.Equal(t, all(bus.Handled, len(shuffled)), b.deliver(to, shuffled...))
		b.deliver(to, shuffled...)
		got := strings.ReplaceAll(state(t, b.subject), b.subject.User.String(), first.User.String())
		require.Equal(t, want, got, "shuffled by %d", seed)
	}
}

// setAside delivers each event as change makes it, and expects a dead letter and
// no trace of it; what comes behind it is handled.
func setAside(t *testing.T, b *bench, change func(event.CloudEvent, []byte) []byte) {
	to := b.receiver(asItIs)
	before := dump(t, b.subject.Pool)
	for i, e := range b.events {
		raw, err := json.Marshal(e)
		require.NoError(t, err)
		b.outcomes = nil
		require.Equal(t, http.StatusOK, b.post(to, e.Type, change(e, raw)), e.Type)
		require.Equal(t, []string{bus.Refused}, b.outcomes, e.Type)
		require.Len(t, b.letters, i+1)
		var letter event.Death
		require.NoError(t, json.Unmarshal(b.letters[i], &letter))
		require.NotEmpty(t, letter.Reason)
		require.Equal(t, b.subject.Service, letter.Handler)
		require.NotEmpty(t, letter.Topic)
		require.Equal(t, 1, letter.Tries)
		require.False(t, letter.First.IsZero())
		require.False(t, letter.Last.IsZero())
		require.LessOrEqual(t, len(b.letters[i]), 1<<20, "the broker takes it")
	}
	require.Equal(t, before, dump(t, b.subject.Pool))
	require.Equal(t, all(bus.Handled, len(b.events)), b.deliver(to, b.events...))
}

func poison(t *testing.T, b *bench) {
	setAside(t, b, func(e event.CloudEvent, _ []byte) []byte {
		e.Data = json.RawMessage(`{"userId": "nobody", "amount": -1}`)
		raw, err := json.Marshal(e)
		require.NoError(t, err)
		return raw
	})
}

func unknownVersion(t *testing.T, b *bench) {
	later := 0
	setAside(t, b, func(e event.CloudEvent, raw []byte) []byte {
		later++
		if later%2 == 0 {
			return bytes.Replace(raw, []byte(`"specversion"`), []byte(`"dataschema":"/schemas/`+e.Type+`/2","specversion"`), 1)
		}
		return bytes.Replace(raw, []byte(`"type":"`+e.Type+`"`), []byte(`"type":"`+e.Type+`.v2"`), 1)
	})
}

func oversized(t *testing.T, b *bench) {
	setAside(t, b, func(_ event.CloudEvent, raw []byte) []byte {
		return append(append(raw[:len(raw)-1], `,"more":"`+strings.Repeat("x", 1<<20)...), `"}`...)
	})
}

// crashBeforeCommit has the database undo everything at the last moment.
func crashBeforeCommit(t *testing.T, b *bench) {
	to := b.receiver(asItIs)
	for _, e := range b.events {
		before := dump(t, b.subject.Pool)
		_, err := b.subject.Pool.Exec(t.Context(), `
			CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the lights went out'; END $$;
			CREATE CONSTRAINT TRIGGER die AFTER INSERT ON inbox DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()`)
		require.NoError(t, err)
		require.Equal(t, []string{bus.Failed}, b.deliver(to, e), e.Type)
		_, err = b.subject.Pool.Exec(t.Context(), "DROP TRIGGER die ON inbox; DROP FUNCTION die()")
		require.NoError(t, err)
		require.Equal(t, before, dump(t, b.subject.Pool), e.Type)
		require.Equal(t, []string{bus.Handled}, b.deliver(to, e), e.Type)
	}
}

func crashBeforeAck(t *testing.T, b *bench) {
	dies := b.receiver(func(handle bus.Handler) bus.Handler {
		return func(ctx context.Context, e event.CloudEvent) (bool, error) {
			if _, err := handle(ctx, e); err != nil {
				return false, err
			}
			panic("the lights went out")
		}
	})
	to := b.receiver(asItIs)
	for _, e := range b.events {
		require.Equal(t, []string{bus.Failed}, b.deliver(dies, e), e.Type)
		before := dump(t, b.subject.Pool)
		require.Equal(t, []string{bus.Duplicate}, b.deliver(to, e), e.Type)
		require.Equal(t, before, dump(t, b.subject.Pool), e.Type)
	}
}

// batched are the events of each topic that is handled in batches.
func (b *bench) batched() map[string][]event.CloudEvent {
	found := map[string][]event.CloudEvent{}
	for topic := range b.subject.Batches {
		for _, e := range b.events {
			if its, _ := event.OfType(e.Type); its.Name == topic {
				found[topic] = append(found[topic], e)
			}
		}
		require.Greater(b.t, len(found[topic]), 1, "samples of %s", topic)
	}
	return found
}

func firsts(first bool, n int) []bool { return slices.Repeat([]bool{first}, n) }

func batches(t *testing.T, b *bench) {
	b.deliver(b.receiver(asItIs), b.events...)
	want := state(t, b.subject)
	first := b.subject
	b.subject = b.begin(t)
	for i, e := range b.events {
		b.events[i].Data = bytes.ReplaceAll(e.Data, []byte(first.User.String()), []byte(b.subject.User.String()))
	}
	together := b.batched()
	for topic, events := range together {
		answered, err := b.subject.Batches[topic](t.Context(), events)
		require.NoError(t, err)
		require.Equal(t, firsts(true, len(events)), answered)
	}
	b.deliver(b.receiver(asItIs), b.events...)
	require.Equal(t, want, strings.ReplaceAll(state(t, b.subject), b.subject.User.String(), first.User.String()))
}

func duplicatesInBatches(t *testing.T, b *bench) {
	for topic, events := range b.batched() {
		_, err := b.subject.Batches[topic](t.Context(), events[:1])
		require.NoError(t, err)
		answered, err := b.subject.Batches[topic](t.Context(), events)
		require.NoError(t, err)
		require.Equal(t, append([]bool{false}, firsts(true, len(events)-1)...), answered)
		before := dump(t, b.subject.Pool)
		answered, err = b.subject.Batches[topic](t.Context(), events)
		require.NoError(t, err)
		require.Equal(t, firsts(false, len(events)), answered)
		require.Equal(t, before, dump(t, b.subject.Pool))
	}
}

// poisonInBatches has the database refuse one event of a batch that is delivered at
// once: all others are handled, and it alone becomes a dead letter.
func poisonInBatches(t *testing.T, b *bench) {
	to := b.receiver(asItIs)
	for _, events := range b.batched() {
		poison := events[1]
		_, err := b.subject.Pool.Exec(t.Context(), `
			CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it is poisonous'; END $$;
			CREATE CONSTRAINT TRIGGER die AFTER INSERT ON inbox DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.event_id = '`+poison.ID+`') EXECUTE FUNCTION die()`)
		require.NoError(t, err)
		for round, left := 0, events; len(left) > 0; round++ {
			require.Less(t, round, 2*len(events), "events are delivered again and again")
			left = b.deliverAtOnce(to, left)
		}
		require.Len(t, b.letters, 1)
		var letter struct {
			ID string
			event.Death
		}
		require.NoError(t, json.Unmarshal(b.letters[0], &letter))
		require.Equal(t, poison.ID, letter.ID)
		require.Equal(t, 3, letter.Tries)
		handled := query(t, b.subject.Pool, "SELECT event_id::text FROM inbox", "")
		for _, e := range events {
			require.Equal(t, e.ID != poison.ID, strings.Contains(handled, e.ID))
		}
		_, err = b.subject.Pool.Exec(t.Context(), "DROP TRIGGER die ON inbox; DROP FUNCTION die()")
		require.NoError(t, err)
	}
}

// deliverAtOnce returns the events that are to be delivered again.
func (b *bench) deliverAtOnce(to http.Handler, events []event.CloudEvent) []event.CloudEvent {
	var wait sync.WaitGroup
	codes := make([]int, len(events))
	for i, e := range events {
		raw, err := json.Marshal(e)
		require.NoError(b.t, err)
		wait.Go(func() { codes[i] = b.post(to, e.Type, raw) })
	}
	wait.Wait()
	var again []event.CloudEvent
	for i, e := range events {
		if codes[i] != http.StatusOK {
			again = append(again, e)
		}
	}
	return again
}

// batchesAtOnce has several replicas handle batches that have events in common.
func batchesAtOnce(t *testing.T, b *bench) {
	for topic, events := range b.batched() {
		var mu sync.Mutex
		counted := map[string]int{}
		var wait sync.WaitGroup
		for i := range 4 {
			mine := slices.Clone(events)
			rand.New(rand.NewPCG(uint64(i), 7)).Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
			wait.Go(func() {
				answered, err := b.subject.Batches[topic](t.Context(), mine)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				for i, first := range answered {
					if first {
						counted[mine[i].ID]++
					}
				}
			})
		}
		wait.Wait()
		require.Len(t, counted, len(events))
		for id, times := range counted {
			require.Equal(t, 1, times, id)
		}
	}
}

// goneUser: whatever comes after user.deleted is taken, and nothing of it is kept.
func goneUser(t *testing.T, b *bench) {
	to := b.receiver(asItIs)
	b.deliver(to, b.events...)
	require.Contains(t, dump(t, b.subject.Pool), b.subject.User.String())
	if b.subject.Delete != nil {
		b.subject.Delete(t)
	} else {
		gone, err := event.New(t.Context(), event.Backend, event.TypeUserDeleted, "x", event.UserDeleted{UserID: b.subject.User, DeletedAt: b.events[0].Time})
		require.NoError(t, err)
		require.Equal(t, []string{bus.Handled}, b.deliver(to, gone))
	}
	require.NotContains(t, dump(t, b.subject.Pool, "gone"), b.subject.User.String())
	for _, e := range b.events {
		e.ID = tracing.NewID().String() // it is late, or the inbox has forgotten it
		require.Equal(t, []string{bus.Handled}, b.deliver(to, e))
	}
	require.NotContains(t, dump(t, b.subject.Pool, "gone"), b.subject.User.String())
	require.Empty(t, b.letters)
}
