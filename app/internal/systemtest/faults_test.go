//go:build integration || faults

package systemtest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/stack"
)

// fault is something that goes wrong, and what makes it right again.
type fault struct {
	name         string
	of           string // a program
	wrong, right func(*stack.Stack)
}

// accepts tells whether people's transactions are accepted nevertheless: of what
// can be away, only two programs are needed for that.
func (f fault) accepts() bool { return f.of != event.Backend && f.of != stack.PostgreSQL }

func killed(name string) fault {
	return fault{name + " killed", name, func(s *stack.Stack) { s.Kill(name) }, func(s *stack.Stack) { s.Run(name) }}
}

func paused(name string) fault {
	return fault{name + " paused", name, func(s *stack.Stack) { s.Pause(name) }, func(s *stack.Stack) { s.Resume(name) }}
}

func refusing(name string) fault {
	return fault{"network to " + name + " refused", name, func(s *stack.Stack) { s.Refuse(name) }, func(s *stack.Stack) { s.Heal(name) }}
}

func silent(name string) fault {
	return fault{"network to " + name + " silent", name, func(s *stack.Stack) { s.Silence(name) }, func(s *stack.Stack) { s.Heal(name) }}
}

// faults are all that can happen to one program at a time.
var faults = []fault{
	killed(event.Backend),
	killed(event.Analytics),
	killed(stack.Redis),
	killed(stack.Kafka),
	killed(stack.PostgreSQL),
	killed(event.Notification),
	killed(stack.Sidecar(event.Backend)),
	killed(stack.Sidecar(event.Analytics)),
	paused(event.Analytics),
	refusing(stack.PostgreSQL),
	silent(stack.PostgreSQL),
	refusing(stack.Kafka),
	silent(stack.Kafka),
	silent(stack.Redis),
}

// trial is how hard it is made.
type trial struct {
	people, transactions int
	outage               time.Duration // how long each fault lasts
	pause                time.Duration // between a person's transactions
}

// observed is what came of a fault.
type observed struct {
	name                       string
	accepted                   int           // while it lasted
	acceptsAgain, handlesAgain time.Duration // after it was made right
}

// endure has people enter transactions while everything fails in turn, and
// then looks at the books.
func endure(t *testing.T, its trial) {
	s := stack.Start(t, stack.Options{})
	b := openBooks(t, s)
	l := newLoad(t, s, its.people, its.transactions, 4)
	l.pause = its.pause
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	loaded := make(chan error, 1)
	l.allowed.Store(0)
	go func() {
		err := l.run(ctx)
		if err != nil {
			t.Error(err)
		}
		loaded <- err
	}()

	planted := []string{poison(t, s)}
	var seen []observed
	share := int64(its.transactions / (len(faults) + 1))
	for i, f := range faults {
		// Half of a fault's share may come while it lasts, so that some come afterwards.
		o := suffer(t, s, b, l, f, its.outage, int64(i)*share+share/2, int64(i+1)*share)
		seen = append(seen, o)
		t.Logf("%-34s accepted again after %s, handled again after %s", f.name, o.acceptsAgain, o.handlesAgain)
	}
	l.allowed.Store(math.MaxInt64)
	planted = append(planted, poison(t, s))
	require.NoError(t, <-loaded)
	took := time.Since(began)
	b.settle(t, 3*time.Minute)
	settled := time.Since(began)

	b.check(t, l)
	require.ElementsMatch(t, planted, deadLetters(t, s), "dead letters")

	report := &strings.Builder{}
	fmt.Fprintf(report, "%d transactions of %d people accepted in %s (all events handled after %s), %d requests sent again\n",
		l.progress(), its.people, took.Round(time.Millisecond), settled.Round(time.Millisecond), l.retried.Load())
	for _, service := range stack.Services() {
		fmt.Fprintf(report, "duplicates that %s saw: %d\n", service, inLog(t, s, service, `"duplicate event"`))
	}
	fmt.Fprintf(report, "%-34s %10s %12s %14s %14s\n", "fault", "lasted", "accepted", "accepts again", "handles again")
	for _, o := range seen {
		fmt.Fprintf(report, "%-34s %10s %12d %14s %14s\n", o.name, its.outage, o.accepted, o.acceptsAgain.Round(time.Millisecond), o.handlesAgain.Round(time.Millisecond))
	}
	t.Log("\n" + report.String())
}

// suffer has a fault happen and lets it last, makes it right, and waits until a
// transaction that was accepted afterwards was handled.
func suffer(t *testing.T, s *stack.Stack, b books, l *load, f fault, outage time.Duration, meanwhile, allowed int64) observed {
	t.Helper()
	f.wrong(s)
	o := observed{name: f.name, accepted: -l.progress()}
	l.allowed.Store(meanwhile)
	time.Sleep(outage) // how long a fault lasts is what is tried
	o.accepted += l.progress()
	if f.accepts() {
		require.Positive(t, o.accepted, "no transaction was accepted during: %s", f.name)
	}
	healed := time.Now() // a program's start is a part of its downtime
	l.allowed.Store(allowed)
	f.right(s)
	var first acceptance
	require.Eventually(t, func() (ok bool) {
		first, ok = l.firstAfter(healed)
		return ok
	}, time.Minute, 5*time.Millisecond, "no transaction is accepted after: %s", f.name)
	o.acceptsAgain = first.at.Sub(healed)
	require.Eventually(t, func() bool {
		known, err := column[bool](t.Context(), b, "SELECT EXISTS (SELECT FROM analytics.seen_transactions WHERE id = $1)", first.id)
		return err == nil && known[0]
	}, 2*time.Minute, 10*time.Millisecond, "no transaction is handled after: %s", f.name)
	o.handlesAgain = time.Since(healed)
	return o
}

// poison publishes an event whose data breaks the contract, and returns its id.
func poison(t *testing.T, s *stack.Stack) string {
	t.Helper()
	created, _ := event.OfType(event.TypeTransactionCreated)
	user := uuid.NewString()
	e, err := event.New(t.Context(), event.Backend, event.TypeTransactionCreated, user, map[string]string{"userId": user, "amount": "a lot"})
	require.NoError(t, err)
	require.Error(t, event.Check(e))
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	require.NoError(t, s.Kafka.Publish(created.Name, user, raw))
	return e.ID
}

// deadLetters lists the events on all topics of dead letters, each once.
func deadLetters(t *testing.T, s *stack.Stack) []string {
	t.Helper()
	var found []string
	for _, topic := range event.Catalogue() {
		letters, err := s.Kafka.DeadLetters(t.Context(), topic.Name, 1000)
		require.NoError(t, err)
		for _, letter := range letters {
			if !slices.Contains(found, letter.Event.ID) {
				found = append(found, letter.Event.ID)
			}
		}
	}
	return found
}
