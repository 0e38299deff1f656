// Package report writes what the rules found in a plan for whoever reviews it.
package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wealth-companion/companion/policy/levels"
	"github.com/wealth-companion/companion/policy/rules"
)

// Report is what the rules found in a stack's plan.
type Report struct {
	Stack  string
	Plan   rules.Plan
	Levels levels.Levels
	// Violations are all, by rule, whatever their level.
	Violations map[string][]rules.Violation
}

// group is the violations of one rule that one reason excepts; without a reason they block.
type group struct {
	rule   rules.Rule
	reason string
	found  []rules.Violation
}

// Write writes the counts of each principle, what blocks with its remedy, what is excepted
// with its reason, and the cost.
func (r Report) Write(out io.Writer) {
	blocked, excepted := r.groups()
	fmt.Fprintf(out, "Policies of stack %s: %d rules; %d violations block, %d are excepted\n", r.Stack, len(rules.All()), count(blocked), count(excepted))
	for _, p := range rules.Principles() {
		of := func(groups []group) []group {
			return slices.DeleteFunc(slices.Clone(groups), func(g group) bool { return g.rule.Principle != p })
		}
		n := 0
		for _, rule := range rules.All() {
			if rule.Principle == p {
				n++
			}
		}
		fmt.Fprintf(out, "  %2d %-46s %d rules %4d block %4d excepted\n", int(p), p, n, count(of(blocked)), count(of(excepted)))
	}
	for _, g := range blocked {
		fmt.Fprintf(out, "Blocked by %s (principle %d, %s): %s\n", g.rule.Name, g.rule.Principle, g.rule.Principle, g.rule.Description)
		for _, v := range g.found {
			fmt.Fprintf(out, "  - %s: %s\n    %s\n", v.Resource.Label(), v.What, v.Remedy)
		}
	}
	for _, g := range excepted {
		fmt.Fprintf(out, "Excepted from %s (principle %d): %s\n", g.rule.Name, g.rule.Principle, g.reason)
		fmt.Fprintf(out, "  - %s\n", strings.Join(labels(g.found), ", "))
	}
	r.writeCost(out)
}

func (r Report) groups() (blocked, excepted []group) {
	for _, rule := range rules.All() {
		own, byReason := group{rule: rule}, map[string]*group{}
		var order []string
		for _, v := range r.Violations[rule.Name] {
			level, reason := r.Levels.Of(rule.Name, v.Resource.Name)
			switch level {
			case levels.Mandatory:
				own.found = append(own.found, v)
			case levels.Advisory:
				if byReason[reason] == nil {
					byReason[reason] = &group{rule: rule, reason: reason}
					order = append(order, reason)
				}
				byReason[reason].found = append(byReason[reason].found, v)
			}
		}
		if len(own.found) > 0 {
			blocked = append(blocked, own)
		}
		for _, reason := range order {
			excepted = append(excepted, *byReason[reason])
		}
	}
	return blocked, excepted
}

func count(groups []group) int {
	n := 0
	for _, g := range groups {
		n += len(g.found)
	}
	return n
}

// labels are the resources' of violations, each once.
func labels(found []rules.Violation) []string {
	var all []string
	for _, v := range found {
		if label := v.Resource.Label(); !slices.Contains(all, label) {
			all = append(all, label)
		}
	}
	return all
}

// writeCost writes what the plan costs a month, by component.
func (r Report) writeCost(out io.Writer) {
	costs := r.Plan.Costs()
	budget := "no budget is set (companion:policy.monthlyBudget)"
	if r.Plan.MonthlyBudget > 0 {
		budget = fmt.Sprintf("of a budget of $%d", r.Plan.MonthlyBudget)
	}
	fmt.Fprintf(out, "Cost: about %s a month, %s (price list of %s; without traffic, snapshots and the database)\n",
		rules.Dollars(rules.Total(costs)), budget, cmp.Or(r.Plan.Prices.Date, "no date"))
	components, cents := rules.ByComponent(costs)
	for _, component := range components {
		var parts []string
		for _, c := range costs {
			switch {
			case c.Component != component:
			case c.Unknown != "":
				parts = append(parts, c.What+" (its price is not known)")
			default:
				parts = append(parts, c.What+" "+rules.Dollars(c.Cents))
			}
		}
		fmt.Fprintf(out, "  %-28s %9s  %s\n", cmp.Or(component, "no component"), rules.Dollars(cents[component]), strings.Join(parts, ", "))
	}
}
