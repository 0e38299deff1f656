package rules_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/policy/corpus"
	"github.com/wealth-companion/companion/policy/prices"
	"github.com/wealth-companion/companion/policy/rules"
)

// FuzzRules puts unknowns, nils and values of other types at random places of the corpus
// and of a whole plan: no rule may panic. The engine would take a panic for a crash of the
// pack, whatever the plan is like.
func FuzzRules(f *testing.F) {
	cases, err := corpus.Cases()
	require.NoError(f, err)
	plan := goldenPlan(f, "prod")
	for seed := range uint64(len(cases)) {
		f.Add(seed, uint8(seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, share uint8) {
		random := rand.New(rand.NewPCG(seed, uint64(share)))
		mutated := rules.Plan{MonthlyBudget: random.IntN(3) * 100, Prices: prices.Listed}
		add := func(r rules.Resource) {
			properties, _ := mutate(random, r.Properties, 1+random.IntN(int(share)+1)).(map[string]any)
			mutated.Resources = append(mutated.Resources, rules.New(r.Type, r.Name, r.URN, properties))
		}
		add(cases[random.IntN(len(cases))].Resource())
		for range 20 {
			add(plan.Resources[random.IntN(len(plan.Resources))])
		}
		for _, rule := range rules.All() {
			for _, r := range mutated.Resources {
				for _, v := range rule.Check(r) {
					require.NotEmpty(t, v.Message())
				}
			}
			for _, v := range rule.CheckPlan(mutated) {
				require.NotEmpty(t, v.Message())
			}
		}
	})
}

// mutate copies a value, and replaces one in so many of those in it.
func mutate(random *rand.Rand, value any, one int) any {
	if random.IntN(one+3) == 0 {
		return []any{
			rules.Unknown{}, nil, true, -1.0, 1e300, "", "x", "(", "=", "://:@", "apiVersion: v1\nkind: [", "apiVersion: v1\nkind: Pod\n---\n- kind", "\xff",
			[]any{}, []any{nil, rules.Unknown{}}, map[string]any{}, map[string]any{"containers": []any{nil, map[string]any{}}},
			map[string]any{"apiVersion": "v1", "kind": "Service"}, rules.Sealed{}, rules.Sealed{Value: rules.Unknown{}}, rules.Sealed{Value: rules.Sealed{Value: map[string]any{"a": 1.0}}},
		}[random.IntN(21)]
	}
	switch value := value.(type) {
	case map[string]any:
		made := map[string]any{}
		for key, inside := range value {
			made[key] = mutate(random, inside, one)
		}
		return made
	case []any:
		made := []any{}
		for _, inside := range value {
			made = append(made, mutate(random, inside, one))
		}
		return made
	}
	return value
}

// TestUnknownValuesPass: what is known only after an update breaks no rule.
func TestUnknownValuesPass(t *testing.T) {
	for _, r := range goldenPlan(t, "prod").Resources {
		if r.Properties == nil {
			continue
		}
		for key := range r.Properties {
			properties := map[string]any{}
			for other, value := range r.Properties {
				properties[other] = value
			}
			properties[key] = rules.Unknown{}
			for _, rule := range rules.All() {
				before := len(rule.Check(r))
				later := rules.New(r.Type, r.Name, r.URN, properties)
				later.Protected = r.Protected
				require.LessOrEqual(t, len(rule.Check(later)), before, "%s: %s of %s", rule.Name, key, r.URN)
			}
		}
	}
}
