// Package trace finds the traces that Jaeger keeps in the cluster, and lays them out as trees.
package trace

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Trace is what is known of one request or event and of all that followed from it.
type Trace struct {
	ID    string    `json:"traceId"`
	Start time.Time `json:"start"`
	// Duration is from the first beginning to the last end.
	Duration Milliseconds `json:"durationMs"`
	// Spans are in the order of the tree: each is followed by those that it is the parent of.
	Spans []Span `json:"spans"`
}

// Span is one step: a request, an event that is published or handled, a delivery.
type Span struct {
	ID      string `json:"spanId"`
	Parent  string `json:"parentSpanId,omitempty"`
	Depth   int    `json:"depth"` // in the tree, from 0
	Service string `json:"service"`
	// Sidecar tells that the service's sidecar recorded it.
	Sidecar    bool              `json:"sidecar,omitempty"`
	Operation  string            `json:"operation"`
	Kind       string            `json:"kind"`     // internal, server, client, producer or consumer
	Offset     Milliseconds      `json:"offsetMs"` // from the trace's start
	Duration   Milliseconds      `json:"durationMs"`
	Failed     bool              `json:"failed,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`

	start time.Time
}

// Milliseconds is a duration that JSON has as a number of milliseconds.
type Milliseconds time.Duration

// MarshalJSON writes microseconds as decimals.
func (m Milliseconds) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%.3f", float64(m)/float64(time.Millisecond)), nil
}

func (m Milliseconds) String() string {
	return fmt.Sprintf("%.1fms", float64(m)/float64(time.Millisecond))
}

// newTrace lays spans out as a tree. One whose parent is not among them, as it was not
// recorded or has not arrived, begins a tree of its own.
func newTrace(id string, spans []Span) Trace {
	slices.SortStableFunc(spans, func(a, b Span) int { return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.ID, b.ID)) })
	known, children := map[string]bool{}, map[string][]int{}
	for _, span := range spans {
		known[span.ID] = true
	}
	t := Trace{ID: id}
	var roots []int
	var end time.Time
	for i, span := range spans {
		if i == 0 {
			t.Start = span.start
		}
		if until := span.start.Add(time.Duration(span.Duration)); until.After(end) {
			end = until
		}
		if !known[span.Parent] || span.Parent == span.ID {
			roots = append(roots, i)
			continue
		}
		children[span.Parent] = append(children[span.Parent], i)
	}
	if len(spans) > 0 {
		t.Duration = Milliseconds(end.Sub(t.Start))
	}
	laid := make([]bool, len(spans))
	var lay func(i, depth int)
	lay = func(i, depth int) {
		if laid[i] {
			return
		}
		laid[i] = true
		span := spans[i]
		span.Depth, span.Offset = depth, Milliseconds(span.start.Sub(t.Start))
		t.Spans = append(t.Spans, span)
		for _, child := range children[span.ID] {
			lay(child, depth+1)
		}
	}
	for _, root := range roots {
		lay(root, 0)
	}
	for i := range spans { // those that are their own ancestors, which nobody should send
		lay(i, 0)
	}
	return t
}

// Services are those that have spans in the trace, in the order of their first.
func (t Trace) Services() []string {
	var names []string
	for _, span := range t.Spans {
		if !slices.Contains(names, span.Service) {
			names = append(names, span.Service)
		}
	}
	return names
}

// Write draws the trace as a tree, a line for each span.
func (t Trace) Write(to io.Writer) error {
	services := t.Services()
	fmt.Fprintf(to, "trace %s: %d spans of %d services (%s) in %s, from %s\n", t.ID, len(t.Spans), len(services), strings.Join(services, ", "), t.Duration, t.Start.UTC().Format(time.RFC3339Nano))
	table := tabwriter.NewWriter(to, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "AFTER\tTOOK\tSERVICE\tOPERATION")
	for _, span := range t.Spans {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", span.Offset, span.Duration, span.by(), strings.Repeat("  ", span.Depth)+span.says())
	}
	return table.Flush()
}

// by is who recorded the span.
func (s Span) by() string {
	if s.Sidecar {
		return s.Service + " (daprd)"
	}
	return s.Service
}

// says is the span's operation, and how it failed if it did.
func (s Span) says() string {
	if !s.Failed {
		return s.Operation
	}
	return s.Operation + "  FAILED " + cmp.Or(s.Attributes["error.type"], s.Attributes["http.response.status_code"], s.Attributes["dapr.status_code"], "(see the logs of this trace)")
}
