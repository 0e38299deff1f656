//go:build integration

package mcp

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"
)

// complete are arguments with which every tool works.
func (w *world) complete() map[string]map[string]any {
	w.t.Helper()
	wallet := w.purse()
	task := w.post("/tasks", map[string]any{"title": "compare insurers"})["id"]
	return map[string]map[string]any{
		"get_financial_summary": {}, "analyze_spending": {}, "get_health_score": {}, "get_dashboard_metrics": {},
		"simulate_investment": {"initial": "1000.00", "monthly": "100.00", "months": 120},
		"list_wallets":        {}, "list_categories": {}, "list_budgets": {}, "list_goals": {}, "list_tasks": {},
		"create_budget":   {"category": "groceries", "amount": "100", "currency": "EUR", "month": "2026-12"},
		"add_transaction": bread(wallet),
		"create_task":     {"title": "call the bank"},
		"update_task":     {"id": task, "title": "compare banks"},
		"complete_task":   {"id": task},
	}
}

// tools are all there are, with the names of their arguments and which are required.
func (w *world) tools() (all map[string]*mcp.Tool, arguments, required map[string][]string) {
	w.t.Helper()
	list, err := w.session.ListTools(w.t.Context(), nil)
	require.NoError(w.t, err)
	all, arguments, required = map[string]*mcp.Tool{}, map[string][]string{}, map[string][]string{}
	for _, tool := range list.Tools {
		schema, is := tool.InputSchema.(map[string]any)
		require.True(w.t, is, tool.Name)
		all[tool.Name] = tool
		properties, _ := schema["properties"].(map[string]any)
		for name := range properties {
			arguments[tool.Name] = append(arguments[tool.Name], name)
		}
		names, _ := schema["required"].([]any)
		for _, name := range names {
			required[tool.Name] = append(required[tool.Name], name.(string))
		}
	}
	return all, arguments, required
}

func TestNullIsLeftOutInEveryTool(t *testing.T) {
	w := newWorld(t)
	complete := w.complete()
	all, arguments, required := w.tools()
	for tool := range all {
		require.Contains(t, complete, tool, "a tool that this test does not know of")
		given := maps.Clone(complete[tool])
		for _, name := range arguments[tool] {
			if _, has := given[name]; !has {
				given[name] = nil
			}
		}
		result := w.try(tool, given)
		require.False(t, result.IsError, "%s: %s", tool, said(result))
		for _, name := range required[tool] {
			missing := maps.Clone(complete[tool])
			missing[name] = nil
			result, err := w.session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: missing})
			require.True(t, err != nil || result.IsError, "%s without %s", tool, name)
		}
	}
}

// wrong are values that no tool can take, by the argument's name.
var wrong = map[string][]any{
	"walletId": {uuid.NewString(), "none"}, "id": {uuid.NewString(), "none"}, "amount": {"-1", "0", "1e400", "12,50", "0.001"}, "type": {"gift", "transfer"},
	"category": {"none-such", "salary"}, "description": {strings.Repeat("x", 5000)}, "timestamp": {"yesterday", "2126-01-01T00:00:00Z"},
	"currency": {"EUX", "DEM"}, "month": {"2026-13", "December"}, "title": {strings.Repeat("x", 201), " "}, "notes": {strings.Repeat("x", 5000)},
	"due": {"2026-02-30", "soon"}, "remindAt": {"soon"}, "confirmation": {"made up"},
}

// Whatever argument is wrong, the person is not asked: what they agree to is done.
func TestNobodyIsAskedForWhatIsRefused(t *testing.T) {
	w := newWorld(t)
	complete := w.complete()
	all, arguments, _ := w.tools()
	asked := false
	w.asking(func(*mcp.ElicitParams) *mcp.ElicitResult {
		asked = true
		return &mcp.ElicitResult{Action: "decline"}
	})
	for name, tool := range all {
		if tool.Annotations.ReadOnlyHint {
			continue
		}
		for _, argument := range arguments[name] {
			require.Contains(t, wrong, argument, "%s: give a wrong value of it", name)
			for _, value := range wrong[argument] {
				t.Run(strings.Join([]string{name, argument, strings.TrimSpace(value.(string)[:min(12, len(value.(string)))])}, " "), func(t *testing.T) {
					given := maps.Clone(complete[name])
					given[argument] = value
					asked = false
					result, err := w.session.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: given})
					require.True(t, err != nil || result.IsError)
					require.False(t, asked, "the person was asked")
				})
			}
		}
	}
}
