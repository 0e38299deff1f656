package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/policyx"

	"github.com/wealth-companion/companion/policy/levels"
	"github.com/wealth-companion/companion/policy/report"
	"github.com/wealth-companion/companion/policy/rules"
	"github.com/wealth-companion/companion/stacks"
)

// pack runs the rules for one stack.
type pack struct {
	stack  string
	asked  stacks.Policy
	levels levels.Levels
	prices rules.Prices

	mu sync.Mutex
	// seen are the resources as the program asked for them, by URN. Rules about the plan
	// look at these: the engine gives them what the clouds answered, which has defaults
	// that nobody asked for.
	seen map[string]rules.Resource
}

// policies are one for each rule, one for the exceptions of each rule that has any, and
// one about the exceptions themselves.
func (p *pack) policies() []policyx.Policy {
	var all []policyx.Policy
	for _, rule := range rules.All() {
		all = append(all, p.policy(rule, rule.Name, levels.Mandatory, policyx.EnforcementLevelMandatory))
		if p.levels.HasExceptions(rule.Name) {
			all = append(all, p.policy(rule, levels.ExceptionsOf(rule.Name), levels.Advisory, policyx.EnforcementLevelAdvisory))
		}
	}
	return append(all, policyx.NewStackValidationPolicy("exceptions-are-needed", policyx.StackValidationPolicyArgs{
		Description: "An exception that nothing needs any more would let the next mistake pass.", EnforcementLevel: policyx.EnforcementLevelAdvisory,
		ValidateStack: func(_ context.Context, args policyx.StackValidationArgs) error {
			plan := p.plan(args.Resources)
			violations := rules.CheckAll(plan)
			for _, e := range p.levels.Unneeded(violations) {
				args.Manager.ReportViolation(fmt.Sprintf("%s holds for %s: take the exception out of companion:policy.exceptions.", e.Rule, strings.Join(e.Resources, ", ")), "")
			}
			// The engine shows it among its diagnostics: it is the last policy to be asked.
			report.Report{Stack: p.stack, Plan: plan, Levels: p.levels, Violations: violations}.Write(os.Stdout)
			return nil
		},
	}))
}

// policy reports the violations of a rule that have that level in this stack.
func (p *pack) policy(rule rules.Rule, name string, level levels.Level, enforced policyx.EnforcementLevel) policyx.Policy {
	description := fmt.Sprintf("Principle %d, %s. %s", rule.Principle, rule.Principle, rule.Description)
	report := func(manager policyx.PolicyManager, found []rules.Violation) {
		for _, v := range found {
			if is, reason := p.levels.Of(rule.Name, v.Resource.Name); is == level {
				message := v.Message()
				if reason != "" {
					message += "\nException: " + reason
				}
				manager.ReportViolation(message, v.Resource.URN)
			}
		}
	}
	if rule.ForPlan() {
		return policyx.NewStackValidationPolicy(name, policyx.StackValidationPolicyArgs{
			Description: description, EnforcementLevel: enforced,
			ValidateStack: func(_ context.Context, args policyx.StackValidationArgs) error {
				report(args.Manager, rule.CheckPlan(p.plan(args.Resources)))
				return nil
			},
		})
	}
	return policyx.NewResourceValidationPolicy(name, policyx.ResourceValidationPolicyArgs{
		// The engine looks at the level of each policy, not at the pack's.
		Description: description, EnforcementLevel: enforced,
		ValidateResource: func(_ context.Context, args policyx.ResourceValidationArgs) error {
			resource := read(args.Resource)
			p.mu.Lock()
			p.seen[resource.URN] = resource
			p.mu.Unlock()
			report(args.Manager, rule.Check(resource))
			return nil
		},
	})
}

// plan is the stack as the program asked for it.
func (p *pack) plan(resources []policyx.AnalyzerResource) rules.Plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	plan := rules.Plan{MonthlyBudget: p.asked.MonthlyBudget, Prices: p.prices}
	for _, r := range resources {
		asked, seen := p.seen[r.URN]
		if !seen {
			asked = read(r)
		}
		if asked.LeftOut() {
			plan.LeftOut = append(plan.LeftOut, asked.Kind())
			continue
		}
		plan.Resources = append(plan.Resources, asked)
	}
	// The engine gives them in any order.
	slices.SortFunc(plan.Resources, func(a, b rules.Resource) int { return strings.Compare(a.URN, b.URN) })
	return plan
}

// read turns a resource of the engine's into one of the rules'.
func read(r policyx.AnalyzerResource) rules.Resource {
	resource := rules.New(r.Type, r.Name, r.URN, plainMap(r.Properties))
	resource.Protected = r.Options.Protect
	return resource
}

func plainMap(m property.Map) map[string]any {
	values := map[string]any{}
	for key, value := range m.All {
		values[key] = plain(value)
	}
	return values
}

// plain turns a value into what rules look at.
func plain(value property.Value) any {
	if value.Secret() {
		return rules.Sealed{Value: plain(value.WithSecret(false))}
	}
	switch {
	case value.IsComputed():
		return rules.Unknown{}
	case value.IsMap():
		return plainMap(value.AsMap())
	case value.IsArray():
		list := []any{}
		for _, entry := range value.AsArray().All {
			list = append(list, plain(entry))
		}
		return list
	case value.IsString():
		return value.AsString()
	case value.IsNumber():
		return value.AsNumber()
	case value.IsBool():
		return value.AsBool()
	}
	if value.IsAsset() {
		return value.AsAsset().Text // empty, where it is a file's
	}
	return nil // null, archives and references: no rule looks at them
}
