package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
)

const topic = "finance.transaction.created"

var (
	errAway   = errors.New("the database is unavailable")
	errDefect = errors.New("a defect")
)

// bench is a receiver with one handler, and what it said.
type bench struct {
	t        *testing.T
	receiver *Receiver
	outcomes []string
	letters  []deadLetter
	topics   []string
	broker   error // what publishing a dead letter answers
}

// deadLetter is an event with why it was dead-lettered.
type deadLetter struct {
	event.CloudEvent
	event.Death
}

func newBench(t *testing.T, handle Handler) *bench {
	b := &bench{t: t}
	b.receiver = &Receiver{
		Service: "analytics", Handlers: map[string]Handler{topic: handle}, Log: slog.New(slog.DiscardHandler),
		Outage:  func(_ context.Context, err error) bool { return errors.Is(err, errAway) },
		Outcome: func(_, outcome string) { b.outcomes = append(b.outcomes, outcome) },
		DeadLetter: func(_ context.Context, topic, _ string, payload []byte) error {
			if b.broker != nil {
				return b.broker
			}
			var letter deadLetter
			require.NoError(t, json.Unmarshal(payload, &letter))
			b.topics, b.letters = append(b.topics, topic), append(b.letters, letter)
			return nil
		},
	}
	return b
}

func (b *bench) deliver(path string, raw []byte) int {
	b.t.Helper()
	recorder := httptest.NewRecorder()
	b.receiver.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, path, bytes.NewReader(raw)))
	return recorder.Code
}

func encoded(t *testing.T) (event.CloudEvent, []byte) {
	e, err := event.New(context.Background(), event.Backend, event.TypeTransactionCreated, "x", event.TransactionCreated{
		TransactionID: tracing.NewID(), UserID: tracing.NewID(), Amount: "1.00", Currency: "EUR", Type: event.Expense,
		Category: "other", WalletID: tracing.NewID(), Timestamp: time.Now().UTC(),
	})
	require.NoError(t, err)
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	return e, raw
}

func answers(results ...error) Handler {
	return func(context.Context, event.CloudEvent) (bool, error) {
		err := results[0]
		if len(results) > 1 {
			results = results[1:]
		}
		return true, err
	}
}

func TestDeliveries(t *testing.T) {
	for name, c := range map[string]struct {
		handle     Handler
		deliveries int
		outcomes   []string
		last       int // the last answer
		letters    int
	}{
		"what is handled is taken":                               {answers(nil), 1, []string{Handled}, 200, 0},
		"a duplicate is taken":                                   {func(context.Context, event.CloudEvent) (bool, error) { return false, nil }, 1, []string{Duplicate}, 200, 0},
		"what fails three times is a dead letter":                {answers(errDefect), 3, []string{Failed, Failed, Dead}, 200, 1},
		"what fails twice comes again":                           {answers(errDefect), 2, []string{Failed, Failed}, 503, 0},
		"a panic is a failure":                                   {func(context.Context, event.CloudEvent) (bool, error) { panic("oh") }, 3, []string{Failed, Failed, Dead}, 200, 1},
		"an outage makes no dead letter":                         {answers(errAway), 10, []string{Postponed, Postponed, Postponed, Postponed, Postponed, Postponed, Postponed, Postponed, Postponed, Postponed}, 503, 0},
		"an outage uses up no attempt":                           {answers(errDefect, errAway, errAway, errDefect, nil), 5, []string{Failed, Postponed, Postponed, Failed, Handled}, 200, 0},
		"what was handled in the end has all its attempts again": {answers(errDefect, errDefect, nil, errDefect), 4, []string{Failed, Failed, Handled, Failed}, 503, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.handle)
			_, raw := encoded(t)
			var last int
			for range c.deliveries {
				last = b.deliver("/events/"+topic, raw)
			}
			require.Equal(t, c.outcomes, b.outcomes)
			require.Equal(t, c.last, last)
			require.Len(t, b.letters, c.letters)
		})
	}
}

func TestADeadLetterSaysHowItDied(t *testing.T) {
	b := newBench(t, answers(errDefect))
	e, raw := encoded(t)
	before := time.Now().UTC()
	for range maxAttempts {
		b.deliver("/events/"+topic, raw)
	}
	require.Equal(t, []string{"dlq." + topic}, b.topics)
	letter := b.letters[0]
	require.Equal(t, "a defect", letter.Reason)
	require.Equal(t, topic, letter.Topic)
	require.Equal(t, "analytics", letter.Handler)
	require.Equal(t, maxAttempts, letter.Tries)
	require.False(t, letter.First.Before(before))
	require.False(t, letter.Last.Before(letter.First))
	require.Equal(t, e, letter.CloudEvent, "it can be replayed")
}

func TestADeadLetterIsNeverTooLargeToBePublished(t *testing.T) {
	for name, filler := range map[string]string{"of plain text": "x", "of what JSON writes with six bytes": "\x01", "of quotes": `\"`, "of markup": "<"} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{event.MaxUnreadable - 100, event.MaxUnreadable, event.MaxUnreadable + 100, maxEvent - 200, maxEvent} {
				for _, whole := range []bool{true, false} {
					raw := []byte(`{"id":"1","data":"` + strings.Repeat(filler, size/len(filler)))
					if whole {
						raw = append(raw[:size-2], `"}`...)
					}
					died := event.Death{Topic: topic, Handler: event.Analytics, Reason: strings.Repeat("<", 5000), Tries: 1}
					require.LessOrEqual(t, len(letter(raw, died)), 950_000, "%d bytes", size)
				}
			}
		})
	}
}

func TestADeadLetterHasItsEventsKey(t *testing.T) {
	b := newBench(t, answers(errDefect))
	var keys []string
	b.receiver.DeadLetter = func(_ context.Context, _, key string, _ []byte) error {
		keys = append(keys, key)
		return nil
	}
	e, raw := encoded(t)
	for range maxAttempts {
		b.deliver("/events/"+topic, raw)
	}
	its, err := event.Decode[event.TransactionCreated](e)
	require.NoError(t, err)
	require.Equal(t, []string{its.UserID.String()}, keys)
}

func TestWhatBreaksItsContractIsADeadLetterAtOnce(t *testing.T) {
	for name, raw := range map[string][]byte{
		"no JSON":               []byte("hello"),
		"no object":             []byte("[]"),
		"an event without data": []byte(`{"specversion":"1.0","id":"9f3c1f6e-0000-7000-8000-000000000000","type":"transaction.created"}`),
		"an event that is too large": []byte(`{"specversion":"1.0","id":"9f3c1f6e-0000-7000-8000-000000000000","data":"` +
			strings.Repeat("x", maxEvent) + `"}`),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(context.Context, event.CloudEvent) (bool, error) {
				t.Error("it was handled")
				return true, nil
			})
			require.Equal(t, http.StatusOK, b.deliver("/events/"+topic, raw))
			require.Equal(t, []string{Refused}, b.outcomes)
			require.Len(t, b.letters, 1)
			require.NotEmpty(t, b.letters[0].Reason)
			require.Equal(t, 1, b.letters[0].Tries)
		})
	}
}

func TestAnEventIsNotTakenWhileItsDeadLetterIsNot(t *testing.T) {
	b := newBench(t, answers(errDefect))
	b.broker = errors.New("no broker")
	_, raw := encoded(t)
	for range maxAttempts + 2 {
		require.Equal(t, http.StatusServiceUnavailable, b.deliver("/events/"+topic, raw))
	}
	b.broker = nil
	require.Equal(t, http.StatusOK, b.deliver("/events/"+topic, raw))
	require.Len(t, b.letters, 1)
}

// The sidecar takes 404 for an order to drop the event without a trace.
func TestATopicThatIsNotKnownYetIsNotLost(t *testing.T) {
	b := newBench(t, answers(nil))
	_, raw := encoded(t)
	require.Equal(t, http.StatusServiceUnavailable, b.deliver("/events/finance.news", raw))
}
