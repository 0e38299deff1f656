package bus

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/spantest"
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
	ended := spantest.Record(t)
	e, _ := encoded(t)
	for name, c := range map[string]struct{ parent, sidecars string }{
		"of an event's trace":                 {e.TraceParent, ""},
		"by way of the sidecar's span":        {e.TraceParent, e.TraceParent[:36] + "00f067aa0ba902b7-01"},
		"and not by the sidecar's of another": {e.TraceParent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
	} {
		t.Run(name, func(t *testing.T) {
			var its, handed string
			var from tracing.Trace
			see := act(func(ctx context.Context, e event.CloudEvent) (bool, error) {
				its, from, handed = tracing.Parent(ctx), tracing.From(ctx), e.TraceParent
				return true, nil
			})
			outcome, err := traced(see)(tracing.Remote(t.Context(), c.sidecars), delivery{event: e, topic: "a"})
			require.NoError(t, err)
			require.Equal(t, Handled, outcome)
			require.Equal(t, e.CorrelationID, from.CorrelationID)
			require.Equal(t, e.TraceParent[:36], its[:36], "the same trace")
			require.NotEqual(t, e.TraceParent, its, "a step of its own")
			require.Equal(t, its, handed, "what is published of it follows from that step")
			spans := ended()
			want := e.TraceParent
			if c.sidecars != "" && c.sidecars[:36] == want[:36] {
				want = c.sidecars
			}
			last := spans[len(spans)-1]
			require.Equal(t, "process a", last.Name)
			require.Equal(t, want[36:52], last.Parent.SpanID().String())
		})
	}
}

// The text of an error is not for spans, nor is the id of what is no event.
func TestASpanTellsOfAFailureWithoutItsText(t *testing.T) {
	ended := spantest.Record(t)
	e, _ := encoded(t)
	for _, c := range []struct {
		outcome string
		knows   bool
	}{{Failed, true}, {Refused, false}} {
		_, err := traced(func(context.Context, delivery) (string, error) { return c.outcome, errDefect })(t.Context(), delivery{event: e, topic: c.outcome})
		require.Error(t, err)
		spans := spantest.Named(ended(), "process "+c.outcome)
		require.Len(t, spans, 1)
		require.Equal(t, sdk.Status{Code: codes.Error}, spans[0].Status)
		require.Empty(t, spans[0].Events)
		require.Equal(t, c.knows, slices.Contains(spans[0].Attributes, semconv.MessagingMessageID(e.ID)))
		require.Contains(t, spans[0].Attributes, attribute.String("companion.outcome", c.outcome))
	}
}

// Each event of a batch has its own span in its own trace; what is done for all of them is in
// that of the first, and linked to the others'.
func TestABatchIsLinkedToItsEvents(t *testing.T) {
	ended := spantest.Record(t)
	var batch []*waiter
	for range 3 {
		ctx, span := tracing.Start(t.Context(), "process x")
		defer span.End()
		batch = append(batch, &waiter{ctx: ctx, d: delivery{topic: "x"}})
	}
	ctx, end := traceBatch(t.Context(), batch)
	require.Equal(t, tracing.TraceID(batch[0].ctx), tracing.TraceID(ctx))
	end(nil)
	spans := spantest.Named(ended(), "process batch x")
	require.Len(t, spans, 1)
	require.Len(t, spans[0].Links, 2)
	for i, link := range spans[0].Links {
		require.Equal(t, tracing.TraceID(batch[i+1].ctx), link.SpanContext.TraceID().String())
	}

	alone, end := traceBatch(batch[0].ctx, batch[:1])
	end(nil)
	require.Equal(t, batch[0].ctx, alone, "an event alone has its own span only")
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
