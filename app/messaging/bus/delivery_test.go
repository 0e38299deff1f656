package bus

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
)

func TestTheFirstOfAChainIsTheOutermost(t *testing.T) {
	var order []string
	named := func(name string) middleware {
		return func(next step) step {
			return func(ctx context.Context, d delivery) (string, error) {
				order = append(order, name)
				return next(ctx, d)
			}
		}
	}
	last := func(context.Context, delivery) (string, error) { return Handled, nil }
	outcome, err := chain(last, named("a"), named("b"))(t.Context(), delivery{})
	require.NoError(t, err)
	require.Equal(t, Handled, outcome)
	require.Equal(t, []string{"a", "b"}, order)
}

func TestHandlersContinueTheTrace(t *testing.T) {
	e, _ := encoded(t)
	var its tracing.Trace
	see := act(func(ctx context.Context, _ event.CloudEvent) (bool, error) { its = tracing.From(ctx); return true, nil })
	_, err := traced(see)(t.Context(), delivery{event: e})
	require.NoError(t, err)
	require.Equal(t, e.CorrelationID, its.CorrelationID)
	require.Equal(t, e.TraceParent[:36], its.TraceParent[:36], "the same trace")
	require.NotEqual(t, e.TraceParent, its.TraceParent, "a step of its own")
}

func TestACancelledDeliveryUsesUpNoAttempt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	fails := act(answers(errDefect))
	never := func(context.Context, error) bool { return false }
	outcome, err := postponed(never)(fails)(ctx, delivery{})
	require.ErrorIs(t, err, errDefect)
	require.Equal(t, Failed, outcome)
	cancel()
	outcome, err = postponed(never)(fails)(ctx, delivery{})
	require.ErrorIs(t, err, errDefect)
	require.Equal(t, Postponed, outcome)
}

func TestEveryDeliveryIsCounted(t *testing.T) {
	var seen []string
	var first []string
	count := counted(func(topic, outcome string) { seen = append(seen, topic+" "+outcome) },
		func(_ string, e event.CloudEvent) { first = append(first, e.ID) })
	_, _ = count(act(answers(nil, errDefect)))(t.Context(), delivery{topic: "a", event: event.CloudEvent{ID: "1"}})
	_, _ = logged(slog.New(slog.DiscardHandler))(count(act(answers(errDefect))))(t.Context(), delivery{topic: "b"})
	require.Equal(t, []string{"a handled", "b failed"}, seen)
	require.Equal(t, []string{"1"}, first, "what was not handled is not counted as such")
}
