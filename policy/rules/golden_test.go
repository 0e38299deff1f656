package rules_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/wealth-companion/companion/policy/levels"
	"github.com/wealth-companion/companion/policy/rules"
	"github.com/wealth-companion/companion/stacks"
)

// goldenPlan is the plan of a stack that infra's tests keep, as the engine would give it
// to the pack. Those of a component's resources begin with its name.
func goldenPlan(t testing.TB, stack string) rules.Plan {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "infra", "testdata", stack+".json"))
	require.NoError(t, err)
	var planned []struct {
		Type, Name string
		Inputs     json.RawMessage
		Protected  bool
	}
	require.NoError(t, json.Unmarshal(raw, &planned))
	var plan rules.Plan
	for _, p := range planned {
		chain := ""
		for {
			parent, longest := "", 0
			for _, c := range planned {
				if strings.HasPrefix(c.Type, "companion:") && (strings.HasPrefix(p.Name, c.Name+"-") || p.Name == c.Name && c.Type != p.Type) &&
					len(c.Name) > longest && !strings.Contains(chain, c.Type+"$") {
					parent, longest = c.Type, len(c.Name)
				}
			}
			if parent == "" || parent == p.Type {
				break
			}
			chain = parent + "$" + chain
		}
		var inputs map[string]any
		if len(p.Inputs) > 0 && p.Inputs[0] == '{' {
			require.NoError(t, json.Unmarshal(p.Inputs, &inputs))
		}
		properties, _ := sealed(inputs).(map[string]any)
		resource := rules.New(p.Type, p.Name, "urn:pulumi:"+stack+"::wealth-companion::"+chain+p.Type+"::"+p.Name, properties)
		resource.Protected = p.Protected
		plan.Resources = append(plan.Resources, resource)
	}
	return plan
}

// sealed puts back what the plan shows as words.
func sealed(value any) any {
	switch value := value.(type) {
	case string:
		switch value {
		case "[secret]":
			return rules.Sealed{Value: rules.Unknown{}}
		case "[unknown]":
			return rules.Unknown{}
		}
		// A file of the program's is shown by its name.
		if name, ok := strings.CutSuffix(strings.TrimPrefix(value, "["), ".json]"); ok {
			if raw, err := os.ReadFile(filepath.Join("..", "..", "infra", name+".json")); err == nil {
				return string(raw)
			}
		}
	case map[string]any:
		for key, inside := range value {
			value[key] = sealed(inside)
		}
	case []any:
		for i, inside := range value {
			value[i] = sealed(inside)
		}
	}
	return value
}

// policyOf is what a stack's file asks of the pack.
func policyOf(t testing.TB, stack string) stacks.Policy {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "Pulumi."+stack+".yaml"))
	if os.IsNotExist(err) {
		raw, err = os.ReadFile(filepath.Join("..", "..", "infra", "foundation", "Pulumi."+stack+".yaml"))
	}
	require.NoError(t, err)
	var file struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal(raw, &file))
	text, err := json.Marshal(file.Config["companion:policy"])
	require.NoError(t, err)
	policy, err := stacks.ReadPolicy(string(text))
	require.NoError(t, err)
	return policy
}

// TestPlansKeepToTheRules is what a preview of each stack would find, without an engine: no
// rule is broken but where the stack's file says so.
func TestPlansKeepToTheRules(t *testing.T) {
	for _, stack := range []string{"prod", "staging", "rehearsal", "account", "rehearsal-account"} {
		t.Run(stack, func(t *testing.T) {
			l, err := levels.New(policyOf(t, stack))
			require.NoError(t, err)
			plan := goldenPlan(t, stack)
			for rule, found := range rules.CheckAll(plan) {
				for _, v := range found {
					level, _ := l.Of(rule, v.Resource.Name)
					require.NotEqual(t, levels.Mandatory, level, "%s: %s (%s)", rule, v.Message(), v.Resource.Name)
				}
			}
		})
	}
}
