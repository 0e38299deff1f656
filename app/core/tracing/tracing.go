// Package tracing carries through a context what ties a user's request to every
// event that follows from it: the correlation id and the W3C trace parent.
package tracing

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"time"

	"github.com/google/uuid"
)

// Trace is the trace context of the request that work is done for.
type Trace struct {
	CorrelationID string
	TraceParent   string
	// Accepted is when what the work follows from was accepted: for what is done about an
	// event. It is zero for a request, which is not accepted yet.
	Accepted time.Time
}

type key struct{}

var traceParent = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// With returns a context that carries t.
func With(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, key{}, t)
}

// From returns the trace context of ctx, or the zero one.
func From(ctx context.Context) Trace {
	t, _ := ctx.Value(key{}).(Trace)
	return t
}

// Continue takes up what a caller sent. What is missing or malformed is made
// anew, so that a trace context always has both parts.
func Continue(correlationID, parent string) Trace {
	if id, err := uuid.Parse(correlationID); err == nil {
		correlationID = id.String()
	} else {
		correlationID = NewID().String()
	}
	if !traceParent.MatchString(parent) {
		return Trace{CorrelationID: correlationID, TraceParent: "00-" + random(16) + "-" + random(8) + "-01"}
	}
	// Same trace, next span: what happens here is a child of the caller's step.
	return Trace{CorrelationID: correlationID, TraceParent: parent[:36] + random(8) + parent[52:]}
}

// TraceID returns the trace's id, or "" without one.
func (t Trace) TraceID() string {
	if !traceParent.MatchString(t.TraceParent) {
		return ""
	}
	return t.TraceParent[3:35]
}

// NewID returns a UUIDv7: unique, and in the order of its making.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func random(bytes int) string {
	buffer := make([]byte, bytes)
	_, _ = rand.Read(buffer) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(buffer)
}
