package db

import (
	"context"
	"regexp"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
)

// tracer has each round trip to the database be a span, of whatever is done within one that is
// recorded. Spans are named after statements, which they do not hold.
type tracer struct{ *otelpgx.Tracer }

func newTracer() tracer {
	return tracer{otelpgx.NewTracer(
		otelpgx.WithTracerProvider(otel.GetTracerProvider()),
		otelpgx.WithTrimSQLInSpanName(), otelpgx.WithSpanNameFunc(statementName), otelpgx.WithDisableQuerySpanNamePrefix(),
		otelpgx.WithDisableSQLStatementInAttributes(), otelpgx.WithDisableConnectionDetailsInAttributes(), otelpgx.WithDisableAcquireTracer())}
}

// TraceBatchStart names a batch after its first statement that has a name.
func (t tracer) TraceBatchStart(ctx context.Context, connection *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	ctx = t.Tracer.TraceBatchStart(ctx, connection, data)
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return ctx
	}
	span.SetName("batch")
	for _, query := range data.Batch.QueuedQueries {
		if named := generated.FindStringSubmatch(query.SQL); named != nil {
			span.SetName("batch " + named[1])
			break
		}
	}
	return ctx
}

// TraceBatchQuery does nothing: a batch is one round trip, of which nobody knows how long any
// one of its statements took.
func (tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

var (
	// generated is how sqlc has statements begin.
	generated = regexp.MustCompile(`^-- name: (\w+) `)
	firstWord = regexp.MustCompile(`^\s*([A-Za-z]{1,20})\b`)
)

// statementName is a statement's name, or else its first word.
func statementName(sql string) string {
	if named := generated.FindStringSubmatch(sql); named != nil {
		return named[1]
	}
	if begins := firstWord.FindStringSubmatch(sql); begins != nil {
		return begins[1]
	}
	return "statement"
}
