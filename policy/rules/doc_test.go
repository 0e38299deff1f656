package rules_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/policy/rules"
)

var update = flag.Bool("update", false, "write docs/policies.md anew")

const (
	document = "../../docs/policies.md"
	begin    = "<!-- The table is written by `cd policy && go test ./rules -run TestDocument -update`. -->\n"
)

// TestDocument keeps the table of docs/policies.md as the rules and the stacks' files are.
func TestDocument(t *testing.T) {
	raw, err := os.ReadFile(document)
	require.NoError(t, err)
	text, _, found := strings.Cut(string(raw), begin)
	require.True(t, found)
	want := text + begin + table(t)
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(raw), "the table is of other rules: write it anew with -update")
}

// table lists the rules, and where they do not hold yet.
func table(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, p := range rules.Principles() {
		fmt.Fprintf(&out, "\n### %d. %s\n| rule | what has to hold | remedy |\n|---|---|---|\n", int(p), p)
		for _, rule := range rules.All() {
			if rule.Principle == p {
				fmt.Fprintf(&out, "| `%s` | %s | %s |\n", rule.Name, rule.Description, rule.Remedy)
			}
		}
	}
	out.WriteString("\n## Exceptions\n| rule | resources | stacks | why |\n|---|---|---|---|\n")
	where, order := map[string][]string{}, []string(nil)
	for _, stack := range []string{"prod", "staging", "rehearsal", "account", "rehearsal-account"} {
		for _, e := range policyOf(t, stack).Exceptions {
			row := fmt.Sprintf("| `%s` | %s | %%s | %s |\n", e.Rule, strings.ReplaceAll(strings.Join(e.Resources, ", "), "*", "\\*"), e.Reason)
			name := stack
			if e.Level == "disabled" {
				name += " (disabled)"
			}
			if !slices.Contains(order, row) {
				order = append(order, row)
			}
			where[row] = append(where[row], name)
		}
	}
	slices.Sort(order)
	for _, row := range order {
		fmt.Fprintf(&out, row, strings.Join(where[row], ", "))
	}
	return out.String()
}
