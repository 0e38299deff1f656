package plan

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/policy/levels"
	"github.com/wealth-companion/companion/policy/prices"
	"github.com/wealth-companion/companion/policy/report"
	"github.com/wealth-companion/companion/policy/rules"
)

const urn = "urn:pulumi:prod::wealth-companion::companion:platform:Platform$kubernetes:apps/v1:Deployment::companion-app-backend"

// logOf writes events as the engine does.
func logOf(t *testing.T, events ...apitype.EngineEvent) *strings.Reader {
	t.Helper()
	var log strings.Builder
	for _, event := range events {
		require.NoError(t, json.NewEncoder(&log).Encode(event))
	}
	return strings.NewReader(log.String())
}

func step(op apitype.OpType, urn string, diffs ...string) apitype.EngineEvent {
	return apitype.EngineEvent{ResourcePreEvent: &apitype.ResourcePreEvent{Metadata: apitype.StepEventMetadata{
		Op: op, URN: urn, Diffs: diffs, New: &apitype.StepEventStateMetadata{Inputs: map[string]any{"password": "secret-value"}},
	}}}
}

func said(severity, text string) apitype.EngineEvent {
	return apitype.EngineEvent{DiagnosticEvent: &apitype.DiagnosticEvent{Severity: severity, Message: text}}
}

func summarized(result apitype.OperationResult, changes map[apitype.OpType]int) apitype.EngineEvent {
	return apitype.EngineEvent{SummaryEvent: &apitype.SummaryEvent{Result: result, ResourceChanges: changes}}
}

// reported are the diagnostics of a report, as the engine makes one of each line.
func reported(t *testing.T) []apitype.EngineEvent {
	t.Helper()
	var out strings.Builder
	report.Report{Stack: "prod", Plan: rules.Plan{MonthlyBudget: 350, Prices: prices.Listed}, Levels: levels.Levels{}}.Write(&out)
	var events []apitype.EngineEvent
	for line := range strings.Lines(out.String()) {
		events = append(events, said("info", "<{%reset%}>"+line+"\n<{%reset%}>"))
	}
	return events
}

func TestCommentOfAPlan(t *testing.T) {
	events := append([]apitype.EngineEvent{step(apitype.OpUpdate, urn, "spec", "metadata"), step(apitype.OpSame, urn+"-2")}, reported(t)...)
	events = append(events, said("info", "warning: the listed prices are used"), said("info#err", "a debug line"),
		summarized(apitype.OperationResultSucceeded, map[apitype.OpType]int{"update": 1, "same": 152}))
	p, err := Read(logOf(t, events...))
	require.NoError(t, err)
	comment := Comment("prod", p)
	for _, want := range []string{
		"### ✅ Stack `prod`: 1 to update, 152 unchanged\n", "- Policies of stack prod: ", "- Cost: about $0.00 a month, of a budget of $350",
		"\n! update kubernetes:apps/v1:Deployment companion-app-backend: metadata, spec\n", "  10 TLS on every ingress ",
	} {
		require.Contains(t, comment, want)
	}
	for _, not := range []string{"companion-app-backend-2", "secret-value", "warning:", "debug", "<{%"} {
		require.NotContains(t, comment, not)
	}
}

func TestCommentOfDrift(t *testing.T) {
	ended := summarized(apitype.OperationResultSucceeded, map[apitype.OpType]int{"same": 152})
	p, err := Read(logOf(t, append(reported(t), ended)...))
	require.NoError(t, err)
	require.Contains(t, Drift("prod", p), "### ✅ Drift of stack `prod`: 152 unchanged\n")
	p, err = Read(logOf(t, append(reported(t), step(apitype.OpUpdate, urn, "spec"), ended)...))
	require.NoError(t, err)
	require.Contains(t, Drift("prod", p), "### ❌ Drift of stack `prod`: 152 unchanged\n")
}

func TestCommentOfAFailure(t *testing.T) {
	blocked := func(urn, level string) apitype.EngineEvent {
		return apitype.EngineEvent{PolicyEvent: &apitype.PolicyEvent{PolicyName: "probes", EnforcementLevel: level, ResourceURN: urn, Message: "no ```probe```"}}
	}
	for name, c := range map[string]struct {
		events []apitype.EngineEvent
		wants  []string
	}{
		"an error of the program": {
			[]apitype.EngineEvent{said("error", "companion:dapr.haa is no key"), summarized(apitype.OperationResultFailed, nil)},
			[]string{"### ❌ Stack `prod`: no plan", "The policy pack made no report", "companion:dapr.haa is no key"},
		},
		"a rule that blocks": {
			append(reported(t), blocked(urn, "mandatory"), blocked(urn, "advisory"), summarized(apitype.OperationResultFailed, map[apitype.OpType]int{"create": 2})),
			[]string{"### ❌ Stack `prod`: 2 to create", "<details open><summary>What blocks the update</summary>\n\n````\nprobes: companion-app-backend: no ```probe```\n````\n"},
		},
		"a preview that ended before it began": {nil, []string{"### ❌ Stack `prod`: no plan"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Read(logOf(t, c.events...))
			require.NoError(t, err)
			for _, want := range c.wants {
				require.Contains(t, Comment("prod", p), want)
			}
		})
	}
	_, err := Read(strings.NewReader("{}\nnot JSON\n"))
	require.ErrorContains(t, err, "line 2 is no event")
}

// GitHub takes 65,536 characters; a comment has two stacks.
func TestCommentFits(t *testing.T) {
	p := Plan{Complete: true}
	for i := range 5000 {
		p.Steps = append(p.Steps, Step{Op: "create", URN: fmt.Sprintf("%s-%d", urn, i)})
	}
	comment := Comment("prod", p)
	require.Less(t, len(comment), 32_000)
	require.Regexp(t, `\.\.\. and \d{4} more: the whole plan is in the job's log`, comment)
}

func TestObjectsOfAGoldenPlan(t *testing.T) {
	var out strings.Builder
	require.NoError(t, WriteObjects(&out, strings.NewReader(`[
		{"type": "digitalocean:index/vpc:Vpc", "name": "network", "inputs": {"name": "x"}},
		{"type": "kubernetes:helm.sh/v3:Release", "name": "chart", "inputs": {"chart": "dapr"}},
		{"type": "kubernetes:core/v1:Namespace", "name": "companion", "inputs": {"stringData": "[secret]", "metadata": {"name": "companion"}}},
		{"type": "kubernetes:apps/v1:Deployment", "name": "backend", "inputs": {"metadata": {"name": "backend"}}}]`)))
	require.Equal(t, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: companion\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: backend\n", out.String())
	require.ErrorContains(t, WriteObjects(&out, strings.NewReader("{}")), "not a golden plan")
	out.Reset()
	require.NoError(t, WriteObjects(&out, strings.NewReader(`[{"type": "digitalocean:index/vpc:Vpc", "name": "network"}]`)))
	require.Empty(t, out.String())
}
