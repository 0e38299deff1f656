package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/spantest"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestWhatIsContinued(t *testing.T) {
	id := uuid.NewString()
	for name, c := range map[string]struct {
		correlation, parent string
		id                  string // "": one that is made anew
		continues           bool
	}{
		"both":                          {id, parent, id, true},
		"neither":                       {"", "", "", false},
		"what is no id":                 {"x", parent, "", true},
		"another version":               {id, "zz" + parent[2:], id, false},
		"a trace of zeros":              {id, "00-00000000000000000000000000000000-00f067aa0ba902b7-01", id, false},
		"no step":                       {id, "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", id, false},
		"more than a trace parent says": {id, parent + "-x", id, false},
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := spantest.Root(t.Context()) // of somebody else
			ctx := tracing.Continue(before, c.correlation, c.parent)
			made := tracing.From(ctx).CorrelationID
			require.NoError(t, uuid.Validate(made))
			if c.id != "" {
				require.Equal(t, c.id, made)
			}
			if c.continues {
				require.Equal(t, c.parent, tracing.Parent(ctx))
				require.Equal(t, c.parent[3:35], tracing.TraceID(ctx))
			} else {
				require.Empty(t, tracing.Parent(ctx))
				require.Empty(t, tracing.TraceID(ctx))
			}
		})
	}
}

func TestAParentThatIsMadeIsValidAndNotRecorded(t *testing.T) {
	ctx := tracing.Remote(t.Context(), tracing.NewParent())
	require.NotEmpty(t, tracing.Parent(ctx))
	require.False(t, tracing.Recorded(ctx))
}

func TestAnErrorIsAStatusWithoutText(t *testing.T) {
	ended := spantest.Record(t)
	_, span := tracing.Start(t.Context(), "a")
	tracing.End(span, fmt.Errorf("of ada@example.org: %w", errors.ErrUnsupported))
	spans := ended()
	require.Len(t, spans, 1)
	require.Equal(t, sdk.Status{Code: codes.Error}, spans[0].Status)
	require.Equal(t, []attribute.KeyValue{attribute.String("error.type", "*errors.errorString")}, spans[0].Attributes)
	require.Empty(t, spans[0].Events)
}

// What is done for several at once is in the trace of each that is recorded, and is done once.
func TestWorkForSeveral(t *testing.T) {
	unrecorded := tracing.Remote(t.Context(), tracing.NewParent())
	first, its := spantest.Root(t.Context())
	second, others := spantest.Root(t.Context())
	for name, c := range map[string]struct {
		of     []context.Context
		within string // trace
		traces []string
	}{
		"one":                        {[]context.Context{first}, its, []string{its}},
		"several":                    {[]context.Context{first, second}, its, []string{its, others}},
		"some that are not recorded": {[]context.Context{unrecorded, second, unrecorded}, others, []string{others}},
		"none that is":               {[]context.Context{unrecorded, unrecorded}, tracing.TraceID(unrecorded), nil},
	} {
		t.Run(name, func(t *testing.T) {
			ended := spantest.Record(t)
			ctx, end := tracing.Each(c.of, "work")
			require.Equal(t, c.within, tracing.TraceID(ctx))
			end(nil)
			var traces []string
			for i, span := range ended() {
				traces = append(traces, span.SpanContext.TraceID().String())
				require.Len(t, span.Links, min(i, 1), "the others are linked to the first")
			}
			require.Equal(t, c.traces, traces)
		})
	}
}
