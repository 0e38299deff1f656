package plan

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDiffOfGoldenPlans(t *testing.T) {
	const before = `[
		{"type": "a:b:C", "name": "gone"},
		{"type": "a:b:C", "name": "same", "inputs": {"x": [1, 2]}},
		{"type": "a:b:C", "name": "changed", "protected": true, "inputs": {"spec": {"size": "s-2", "tags": ["a", "b"], "old": {"k": 1}}}}
	]`
	const after = `[
		{"type": "a:b:C", "name": "changed", "inputs": {"spec": {"size": "s-4", "tags": ["a", "c", "d"], "new": null, "text": "LONG"}}},
		{"type": "a:b:C", "name": "same", "inputs": {"x": [1, 2]}},
		{"type": "d:e:F", "name": "new"}
	]`
	var out strings.Builder
	require.NoError(t, Diff(&out, strings.NewReader(before), strings.NewReader(strings.Replace(after, "LONG", strings.Repeat("x", 200), 1))))
	require.Equal(t, `~ a:b:C changed
    - inputs.spec.old: {"k":1}
    inputs.spec.size: "s-2" -> "s-4"
    inputs.spec.tags[1]: "b" -> "c"
    + inputs.spec.tags[2]: "d"
    + inputs.spec.text: "`+strings.Repeat("x", 119)+`...
    - protected: true
- a:b:C gone
+ d:e:F new
`, out.String())
	out.Reset()
	require.NoError(t, Diff(&out, strings.NewReader(before), strings.NewReader(before)))
	require.Empty(t, out.String())
	require.ErrorContains(t, Diff(&out, strings.NewReader(before), strings.NewReader("{}")), "not a golden plan")
}
