package bus

import (
	"context"
	"log/slog"
)

// logged writes a line for every delivery. That of a dead letter is an error, and
// is written by deadLettered, which knows its reason.
func logged(log *slog.Logger) middleware {
	return func(next step) step {
		return func(ctx context.Context, d delivery) (string, error) {
			outcome, err := next(ctx, d)
			about := []any{"topic", d.topic, "type", d.event.Type, "event_id", d.event.ID, "outcome", outcome}
			switch {
			case err != nil:
				log.ErrorContext(ctx, "event not handled", append(about, "error", err)...)
			case outcome == Handled:
				log.InfoContext(ctx, "event handled", about...)
			case outcome == Duplicate:
				log.InfoContext(ctx, "duplicate event", about...)
			}
			return outcome, err
		}
	}
}
