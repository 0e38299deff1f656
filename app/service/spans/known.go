package spans

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	listed "github.com/wealth-companion/companion/app/core/tracing/known"
)

// attributes are those that leave the process (docs/decisions/0153).
var attributes = map[attribute.Key]bool{}

func init() {
	for _, key := range listed.Attributes() {
		attributes[attribute.Key(key)] = true
	}
}

// known exports spans without the attributes that are not among those that are known, and
// without the texts of errors, which are the log's.
type known struct {
	sdk.SpanExporter
	count func(outcome string, spans int)
}

func (k known) ExportSpans(ctx context.Context, all []sdk.ReadOnlySpan) error {
	lean := make([]sdk.ReadOnlySpan, len(all))
	for i, one := range all {
		lean[i] = span{one}
	}
	if err := k.SpanExporter.ExportSpans(ctx, lean); err != nil {
		k.count(Failed, len(all))
		return err
	}
	k.count(Exported, len(all))
	return nil
}

type span struct{ sdk.ReadOnlySpan }

func (s span) Attributes() []attribute.KeyValue { return only(s.ReadOnlySpan.Attributes()) }

func (s span) Status() sdk.Status { return sdk.Status{Code: s.ReadOnlySpan.Status().Code} }

func (s span) Events() []sdk.Event {
	events := slices.Clone(s.ReadOnlySpan.Events())
	for i := range events {
		events[i].Attributes = only(events[i].Attributes)
	}
	return events
}

func (s span) Links() []sdk.Link {
	links := slices.Clone(s.ReadOnlySpan.Links())
	for i := range links {
		links[i].Attributes = only(links[i].Attributes)
	}
	return links
}

func only(given []attribute.KeyValue) []attribute.KeyValue {
	kept := make([]attribute.KeyValue, 0, len(given))
	for _, one := range given {
		if attributes[one.Key] {
			kept = append(kept, one)
		}
	}
	return kept
}
