// Package plan reads the log of a preview's events (`pulumi preview --event-log`), for
// those who review a plan and for tools that check what it holds.
package plan

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// Plan is what a preview found.
type Plan struct {
	Steps   []Step         // what an update would change, in the order of the preview
	Changes map[string]int // numbers of resources by operation, "same" too
	// Report are the lines of the policy pack's (see package report); none where the preview
	// ended before.
	Report []string
	// Blocked are the violations that keep an update from starting.
	Blocked []string
	Errors  []string // of the program, the engine and its plugins
	// Complete tells that the preview ended without an error.
	Complete bool
}

// Step is what an update would do to one resource.
type Step struct {
	Op    string // create, update, replace, delete, ...
	URN   string
	Paths []string // of the properties that change
}

// Type is the resource's type, such as kubernetes:apps/v1:Deployment.
func (s Step) Type() string { return segment(s.URN, 2) }

// Name is the resource's name in Pulumi.
func (s Step) Name() string { return segment(s.URN, 3) }

// segment is a part of a URN; of a type with its parents' (a$b) the last.
func segment(urn string, n int) string {
	parts := strings.Split(urn, "::")
	if len(parts) <= n {
		return urn
	}
	return parts[n][strings.LastIndex(parts[n], "$")+1:]
}

// reportStart is how a policy report begins.
const reportStart = "Policies of stack "

// ownSteps are those of which the program's reader learns nothing: what stays, and the
// halves of a replacement.
var ownSteps = []apitype.OpType{apitype.OpSame, apitype.OpRead, apitype.OpReadDiscard, apitype.OpRefresh,
	apitype.OpCreateReplacement, apitype.OpDeleteReplaced, apitype.OpDiscardReplaced, apitype.OpRemovePendingReplace}

// maxEvent is the longest line of a log that is read: a resource's properties are in one.
const maxEvent = 64 << 20

// Read reads a log: a line of JSON for each event.
func Read(log io.Reader) (Plan, error) {
	p := Plan{Changes: map[string]int{}}
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, maxEvent)
	n := 0
	for lines.Scan() {
		if n++; len(lines.Bytes()) == 0 {
			continue
		}
		var event apitype.EngineEvent
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return Plan{}, fmt.Errorf("line %d is no event of Pulumi's engine: %w", n, err)
		}
		p.take(event)
	}
	return p, lines.Err()
}

func (p *Plan) take(event apitype.EngineEvent) {
	switch {
	case event.ResourcePreEvent != nil:
		p.step(event.ResourcePreEvent.Metadata)
	case event.PolicyEvent != nil && event.PolicyEvent.EnforcementLevel == "mandatory":
		e := event.PolicyEvent
		text := e.PolicyName + ": " + uncoloured(e.Message)
		if e.ResourceURN != "" {
			text = e.PolicyName + ": " + segment(e.ResourceURN, 3) + ": " + uncoloured(e.Message)
		}
		p.Blocked = append(p.Blocked, text)
	case event.DiagnosticEvent != nil:
		p.diagnostic(*event.DiagnosticEvent)
	case event.SummaryEvent != nil:
		for op, n := range event.SummaryEvent.ResourceChanges {
			p.Changes[string(op)] += n
		}
		p.Complete = event.SummaryEvent.Result == apitype.OperationResultSucceeded
	}
}

func (p *Plan) step(of apitype.StepEventMetadata) {
	if slices.Contains(ownSteps, of.Op) {
		return
	}
	step := Step{Op: string(of.Op), URN: of.URN}
	if len(of.DetailedDiff) > 0 {
		for path := range of.DetailedDiff {
			step.Paths = append(step.Paths, path)
		}
	} else {
		step.Paths = append(step.Paths, of.Diffs...)
	}
	slices.Sort(step.Paths)
	p.Steps = append(p.Steps, step)
}

// diagnostic keeps errors and the report, which the pack prints: the engine gives each
// of its lines as a diagnostic.
func (p *Plan) diagnostic(d apitype.DiagnosticEvent) {
	text := strings.TrimRight(uncoloured(d.Message), "\n")
	switch {
	case d.Ephemeral || text == "":
	case d.Severity == "error":
		p.Errors = append(p.Errors, strings.TrimSpace(text))
	case d.Severity == "info" && strings.HasPrefix(text, reportStart):
		p.Report = []string{text}
	case d.Severity == "info" && len(p.Report) > 0 && d.URN == "" && !strings.HasPrefix(text, "warning: "):
		p.Report = append(p.Report, text)
	}
}

// uncoloured takes the engine's marks for colours out of a text.
func uncoloured(text string) string {
	var out strings.Builder
	for {
		start := strings.Index(text, "<{%")
		if start < 0 {
			break
		}
		end := strings.Index(text[start:], "%}>")
		if end < 0 {
			break
		}
		out.WriteString(text[:start])
		text = text[start+end+len("%}>"):]
	}
	return out.String() + text
}
