package levels

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/policy/rules"
	"github.com/wealth-companion/companion/stacks"
)

func TestLevels(t *testing.T) {
	l, err := New(stacks.Policy{Exceptions: []stacks.Exception{
		{Rule: "probes", Resources: []string{"redis"}, Level: "disabled", Reason: "a reason"},
		{Rule: "probes", Resources: []string{"companion-*"}, Reason: "another reason"},
		{Rule: "default-deny", Resources: []string{"*"}, Reason: "a third reason"},
	}})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		rule, resource string
		want           Level
		reason         string
	}{
		"a rule without exceptions blocks":                 {"no-commands", "redis", Mandatory, ""},
		"a resource that no exception names is blocked":    {"probes", "redis-2", Mandatory, ""},
		"an exception is advisory unless it says more":     {"probes", "companion-app", Advisory, "another reason"},
		"an exception may disable the rule":                {"probes", "redis", Disabled, "a reason"},
		"a star alone stands for all":                      {"default-deny", "anything", Advisory, "a third reason"},
		"a violation of the whole stack has no name":       {"default-deny", "", Advisory, "a third reason"},
		"a prefix does not stand for the name before it":   {"probes", "companion", Mandatory, ""},
		"another rule's exception is none":                 {"dashboards", "redis", Mandatory, ""},
		"a violation of the whole stack is blocked though": {"probes", "", Mandatory, ""},
	} {
		t.Run(name, func(t *testing.T) {
			level, reason := l.Of(c.rule, c.resource)
			require.Equal(t, c.want, level)
			require.Equal(t, c.reason, reason)
		})
	}
	unneeded := l.Unneeded(map[string][]rules.Violation{"probes": {{Resource: rules.Resource{Name: "redis"}}}})
	require.Len(t, unneeded, 2)
	require.Equal(t, []string{"companion-*"}, unneeded[0].Resources)
}

func TestAnExceptionOfNoRuleIsAnError(t *testing.T) {
	_, err := New(stacks.Policy{Exceptions: []stacks.Exception{{Rule: "probe", Resources: []string{"*"}}, {Rule: "probes", Resources: []string{"*"}}, {Rule: "x", Resources: []string{"*"}}}})
	require.ErrorContains(t, err, `companion:policy.exceptions.0.rule is "probe", which is no rule: docs/policies.md lists them`)
	require.ErrorContains(t, err, "exceptions.2.rule")
	require.NotContains(t, err.Error(), "exceptions.1.")
}
