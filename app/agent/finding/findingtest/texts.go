// Package findingtest holds what detectors tell people against tables that a reviewer
// can read from top to bottom.
package findingtest

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
)

var update = flag.Bool("update", false, "write the tables of texts anew")

// Case is a finding, and a sentence that says when it is made.
type Case struct {
	When string
	finding.Finding
}

// Names are what the user of the tables calls categories that are not named as their
// slug says.
var Names = map[string]string{
	"groceries": "Groceries", "housing": "Housing",
	"long":   "Everything that the children need for school and their sports clubs in winter",
	"markup": `<b>Fun</b> & "games"`,
}

// wrong are what no text may say.
var wrong = map[string]*regexp.Regexp{
	"a plural of one":                  regexp.MustCompile(`\b1 (days|months|charges|purchases|payments|times|weeks)\b`),
	"a singular of several":            regexp.MustCompile(`\b([02-9]|[0-9]{2,}) (day|month|charge|purchase|payment|week)\b`),
	"what fmt could not write":         regexp.MustCompile(`%!|<nil>|NaN|Inf\b`),
	"two blanks, or one before a mark": regexp.MustCompile(`  | [.,;:!?]`),
	"an empty name":                    regexp.MustCompile(`\b(at|on|of|by|your) (,|\.|;|:|$)`),
	"a percentage beyond a thousand":   regexp.MustCompile(`\b[0-9]{4,}(\.[0-9]+)?%`),
	"nothing, as if it were something": regexp.MustCompile(`\b(about|of|than) 0(\.0+)? (months|days|times|[A-Z]{3})\b`),
	"a mark of a category":             regexp.MustCompile("[\uE000\uE001]"),
	"an amount without its currency":   regexp.MustCompile(`[0-9]\.[0-9]{2,3}(\)|,|;|\.?$| (a|on|at|more|too|left)\b)`),
}

// Check holds cases against a table in a file; with -update it writes the table. Each
// text must fit its event, be complete and keep to what any text keeps to.
func Check(t *testing.T, source, path string, cases []Case) {
	t.Helper()
	var table strings.Builder
	table.WriteString("Written by the test beside it (`go test -run Texts -update`): read it as the person whose money it is.\n\n| when | title | message | what ends it |\n|---|---|---|---|\n")
	seen := map[string]bool{}
	for _, c := range cases {
		require.False(t, seen[c.When], "two cases are %q", c.When)
		seen[c.When] = true
		f := Sound(t, source, c)
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", c.When, cell(f.Title), cell(f.Message), cell(f.Dismiss))
	}
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(table.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), table.String(), "a text changed: read it, then run the test with -update")
}

// Sound checks what any text keeps to, and that the finding of an agent (source) fits its
// event. It returns the finding with the names of categories.
func Sound(t *testing.T, source string, c Case) finding.Finding {
	t.Helper()
	f := c.Named(Names)
	for what, text := range map[string]string{"title": f.Title, "message": f.Message, "what ends it": f.Dismiss} {
		require.NotEmpty(t, text, "%s: the %s", c.When, what)
		for fault, pattern := range wrong {
			require.NotRegexp(t, pattern, text, "%s: %s in the %s", c.When, fault, what)
		}
	}
	require.LessOrEqual(t, utf8.RuneCountInString(f.Title), 100, "%s: the title is cut", c.When)
	require.LessOrEqual(t, utf8.RuneCountInString(f.Message), 500, "%s: the message is cut", c.When)
	require.LessOrEqual(t, utf8.RuneCountInString(f.Dismiss), 200, "%s: what ends it is cut", c.When)
	require.NotEmpty(t, f.Facts, c.When)
	e, err := event.New(t.Context(), source, event.TypeInsightGenerated, "x", f.Insight(tracing.NewID(), uuid.UUID{1}))
	require.NoError(t, err, c.When)
	require.NoError(t, event.Check(e), c.When)
	return f
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
