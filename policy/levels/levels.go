// Package levels decides where a rule blocks: everywhere but where the stack's
// configuration names an exception, with its reason.
package levels

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wealth-companion/companion/policy/rules"
	"github.com/wealth-companion/companion/stacks"
)

// Level is what a violation does.
type Level string

// The levels.
const (
	Mandatory Level = "mandatory" // it blocks
	Advisory  Level = "advisory"  // it is shown
	Disabled  Level = "disabled"
)

// ExceptionsOf names the policy that shows what a rule's exceptions let pass. The engine
// has one level for a policy, so that a rule with exceptions is two.
func ExceptionsOf(rule string) string { return rule + exceptionSuffix }

const exceptionSuffix = "-exceptions"

// RuleOf is the rule of a policy, and whether the policy is that of its exceptions.
func RuleOf(policy string) (rule string, exceptions bool) {
	return strings.CutSuffix(policy, exceptionSuffix)
}

// Levels are a stack's.
type Levels struct{ exceptions []stacks.Exception }

// New reads a stack's exceptions. The error names every rule that does not exist.
func New(policy stacks.Policy) (Levels, error) {
	var errs []error
	for i, e := range policy.Exceptions {
		if _, exists := rules.Find(e.Rule); !exists {
			errs = append(errs, fmt.Errorf("companion:policy.exceptions.%d.rule is %q, which is no rule: docs/policies.md lists them", i, e.Rule))
		}
	}
	return Levels{policy.Exceptions}, errors.Join(errs...)
}

// Of is the level of a rule for a resource, and why it is not mandatory. Of several
// exceptions the first that names the resource counts.
func (l Levels) Of(rule, resource string) (level Level, reason string) {
	for _, e := range l.exceptions {
		if e.Rule == rule && names(e, resource) {
			return cmp.Or(Level(e.Level), Advisory), e.Reason
		}
	}
	return Mandatory, ""
}

// HasExceptions tells whether the rule does not hold somewhere.
func (l Levels) HasExceptions(rule string) bool {
	return slices.ContainsFunc(l.exceptions, func(e stacks.Exception) bool { return e.Rule == rule })
}

// Unneeded are the exceptions that none of the violations needs: the rule holds there now.
func (l Levels) Unneeded(violations map[string][]rules.Violation) []stacks.Exception {
	var unneeded []stacks.Exception
	for _, e := range l.exceptions {
		if !slices.ContainsFunc(violations[e.Rule], func(v rules.Violation) bool { return names(e, v.Resource.Name) }) {
			unneeded = append(unneeded, e)
		}
	}
	return unneeded
}

func names(e stacks.Exception, resource string) bool {
	return slices.ContainsFunc(e.Resources, func(pattern string) bool {
		prefix, open := strings.CutSuffix(pattern, "*")
		return pattern == resource || open && strings.HasPrefix(resource, prefix)
	})
}
