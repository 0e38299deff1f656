package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
)

// deliverAll delivers events in one request, as the sidecar does, and returns whether
// each was taken.
func deliverAll(t *testing.T, to http.Handler, raws ...[]byte) (takes []bool) {
	t.Helper()
	type entry struct {
		ID    string          `json:"entryId"`
		Event json.RawMessage `json:"event"`
	}
	var entries []entry
	for i, raw := range raws {
		entries = append(entries, entry{fmt.Sprint(i), raw})
	}
	body, err := json.Marshal(map[string]any{"id": "x", "topic": topic, "entries": entries})
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	to.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, sidecar.EventsTogether+topic, bytes.NewReader(body)))
	require.Equal(t, http.StatusOK, recorder.Code, recorder.Body)
	var its struct{ Statuses []entryStatus }
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &its))
	require.Len(t, its.Statuses, len(raws))
	for i, one := range its.Statuses {
		require.Equal(t, fmt.Sprint(i), one.ID)
		takes = append(takes, one.Status == taken)
	}
	return takes
}

func TestEventsThatComeTogetherAreHandledInTheirOrder(t *testing.T) {
	b := newBatches(t, func(context.Context, []string) error { return nil })
	close(b.gate)
	var ids []string
	var raws [][]byte
	for range sidecar.MaxTogether {
		e, raw := encoded(t)
		ids, raws = append(ids, e.ID), append(raws, raw)
	}
	require.Equal(t, slices.Repeat([]bool{true}, len(raws)), deliverAll(t, b.receiver.Handler(), raws...))
	require.Equal(t, ids, slices.Concat(b.seen...))
}

// The first of several, handled alone, would have the others wait for it.
func TestEventsThatComeTogetherAreOneBatch(t *testing.T) {
	b := newBatches(t, func(context.Context, []string) error { return nil })
	close(b.gate)
	to := b.receiver.Handler()
	for n := range 200 {
		var raws [][]byte
		for range 20 {
			_, raw := encoded(t)
			raws = append(raws, raw)
		}
		deliverAll(t, to, raws...)
		require.Len(t, b.seen, n+1)
		require.Len(t, b.seen[n], 20)
	}
}

// A dead letter may take as long as the broker does.
func TestWhatIsRefusedHoldsUpNothingThatCameWithIt(t *testing.T) {
	b := newBatches(t, func(context.Context, []string) error { return nil })
	close(b.gate)
	handled := make(chan struct{})
	b.receiver.Batches[topic] = func(_ context.Context, events []event.CloudEvent) ([]bool, error) {
		close(handled)
		return []bool{true}, nil
	}
	letter := b.receiver.DeadLetter
	b.receiver.DeadLetter = func(ctx context.Context, topic, key string, payload []byte) error {
		select {
		case <-handled:
		case <-time.After(10 * time.Second):
			return errAway
		}
		return letter(ctx, topic, key, payload)
	}
	_, good := encoded(t)
	require.Equal(t, []bool{true, true}, deliverAll(t, b.receiver.Handler(), []byte(`7`), good))
}

// In one request a key may have several events, which alone it never has in delivery.
func TestNothingOvertakesAnEventOfItsKeyThatFailed(t *testing.T) {
	poison, raw := encoded(t)
	for name, one := range map[string]struct {
		before func(*Receiver)
		fails  func(ids []string) error
	}{
		"by itself": {func(*Receiver) {}, func(ids []string) error {
			if slices.Contains(ids, poison.ID) {
				return errDefect
			}
			return nil
		}},
		"as one that is handled alone": {func(r *Receiver) { r.failures.isolate(topic, poison.ID) }, func(ids []string) error {
			if slices.Contains(ids, poison.ID) {
				return errAway
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			earlier, rawEarlier := sameUser(t, poison)
			later, rawLater := sameUser(t, poison)
			other, rawOther := encoded(t)
			b := newBatches(t, func(_ context.Context, ids []string) error { return one.fails(ids) })
			close(b.gate)
			one.before(b.receiver)
			to := b.receiver.Handler()
			require.Equal(t, []bool{true, false, false, true}, deliverAll(t, to, rawEarlier, raw, rawLater, rawOther))
			for _, ids := range b.seen {
				require.False(t, slices.Contains(ids, later.ID) && !slices.Contains(ids, poison.ID), "it would overtake")
			}
			require.Contains(t, slices.Concat(b.seen...), earlier.ID)
			require.Contains(t, slices.Concat(b.seen...), other.ID)
			_, counted := b.receiver.failures.of(topic, later.ID)
			require.False(t, counted)

			b.fails = func(context.Context, []string) error { return nil }
			b.seen = nil
			require.Equal(t, []bool{true, true}, deliverAll(t, to, raw, rawLater))
			require.Equal(t, []string{poison.ID, later.ID}, slices.Concat(b.seen...))
		})
	}
}

func TestWhatIsRefusedAmongSeveralIsDeadLetteredAlone(t *testing.T) {
	b := newBatches(t, func(context.Context, []string) error { return nil })
	close(b.gate)
	_, good := encoded(t)
	takes := deliverAll(t, b.receiver.Handler(), good, []byte(`{"id":"x","type":"transaction.created"}`), []byte(`7`), good)
	require.Equal(t, []bool{true, true, true, true}, takes)
	require.Len(t, b.letters, 2)
	require.ElementsMatch(t, []string{Handled, Refused, Refused, Handled}, b.outcomes)
}

func TestARequestThatCannotBeReadComesAgain(t *testing.T) {
	b := newBatches(t, func(context.Context, []string) error { return nil })
	require.Equal(t, http.StatusServiceUnavailable, b.deliver(sidecar.EventsTogether+topic, []byte(`{"entries":`)))
	require.Equal(t, []string{Postponed}, b.outcomes)
}

func TestASubscriptionToSeveralWaitsForAProgramThatTakesThem(t *testing.T) {
	b := newBench(t, func(context.Context, event.CloudEvent) (bool, error) { return true, nil })
	require.Equal(t, http.StatusServiceUnavailable, b.deliver(sidecar.EventsTogether+topic, []byte(`{"entries":[]}`)))
}
