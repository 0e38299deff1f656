package service

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/wealth-companion/companion/app/core/tracing"
)

// NewLog writes JSON, one line an entry, with the trace and the correlation
// that the context carries. Times are UTC. Errors are logged without addresses,
// credentials and values.
func NewLog(out io.Writer, service string, level slog.Level) *slog.Logger {
	handler := slog.NewJSONHandler(out, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.String(slog.TimeKey, a.Value.Time().UTC().Format(time.RFC3339Nano))
			}
			return redacted(a)
		},
	})
	return slog.New(traced{handler}).With("service", service)
}

// traced adds what the context carries.
type traced struct{ slog.Handler }

func (t traced) Handle(ctx context.Context, record slog.Record) error {
	if id := tracing.TraceID(ctx); id != "" {
		record.AddAttrs(slog.String("trace_id", id))
	}
	if id := tracing.From(ctx).CorrelationID; id != "" {
		record.AddAttrs(slog.String("correlation_id", id))
	}
	return t.Handler.Handle(ctx, record)
}

func (t traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{t.Handler.WithAttrs(attrs)} }
func (t traced) WithGroup(name string) slog.Handler       { return traced{t.Handler.WithGroup(name)} }
