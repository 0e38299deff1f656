package corpus_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/policy/corpus"
	"github.com/wealth-companion/companion/policy/rules"
)

func TestCorpus(t *testing.T) {
	cases, err := corpus.Cases()
	require.NoError(t, err)
	broken := map[string]bool{}
	for _, c := range cases {
		t.Run(c.Title, func(t *testing.T) {
			var got []string
			for _, rule := range rules.All() {
				for _, v := range rule.Check(c.Resource()) {
					t.Logf("%s: %s", rule.Name, v.Message())
					require.NotEmpty(t, v.Remedy)
					got = append(got, rule.Name)
				}
			}
			slices.Sort(got)
			require.Equal(t, c.Breaks, slices.Compact(got))
			for _, rule := range got {
				broken[rule] = true
			}
		})
	}
	for _, rule := range rules.All() {
		require.True(t, rule.ForPlan() || broken[rule.Name], "no case breaks %s", rule.Name)
	}
}

func TestEveryPrincipleHasARule(t *testing.T) {
	names := map[string]bool{}
	byPrinciple := map[rules.Principle]int{}
	for _, rule := range rules.All() {
		require.False(t, names[rule.Name], rule.Name)
		names[rule.Name] = true
		byPrinciple[rule.Principle]++
		require.NotEmpty(t, rule.Remedy, rule.Name)
		require.NotEmpty(t, rule.Description, rule.Name)
	}
	for _, p := range rules.Principles() {
		require.NotZero(t, byPrinciple[p], "%s", p)
	}
}
