// Package rules is what every plan must keep to, as pure functions of its
// resources: one file a principle.
package rules

import (
	"fmt"
	"slices"
)

// Principle is one of the ten that the project is built on.
type Principle int

// The principles.
const (
	FromCode Principle = iota + 1
	EventDriven
	NothingByHand
	Observable
	Portable
	NoHardCodedSecrets
	NoCoupling
	ThroughSidecars
	Idempotent
	EncryptedInTransit
)

var principles = map[Principle]string{
	FromCode:           "infrastructure only from code",
	EventDriven:        "event-driven through Dapr pub/sub",
	NothingByHand:      "nothing by hand in production",
	Observable:         "observability required",
	Portable:           "portable services",
	NoHardCodedSecrets: "no hard-coded secrets",
	NoCoupling:         "no point-to-point coupling between services",
	ThroughSidecars:    "services talk through Dapr sidecars",
	Idempotent:         "events idempotent",
	EncryptedInTransit: "TLS on every ingress",
}

// Principles lists them in their order.
func Principles() []Principle {
	all := make([]Principle, 0, len(principles))
	for p := FromCode; p <= EncryptedInTransit; p++ {
		all = append(all, p)
	}
	return all
}

func (p Principle) String() string { return principles[p] }

// Rule is one thing that a plan has to keep to. It looks either at one resource,
// before it is created, or at the whole plan.
type Rule struct {
	Name      string
	Principle Principle
	// Description says what has to hold, in one sentence.
	Description string
	// Remedy says what to do about a violation that has no remedy of its own.
	Remedy string

	resource func(Resource) []Violation
	plan     func(Plan) []Violation
}

// Violation is one breach of a rule.
type Violation struct {
	// Resource is the one that breaks the rule; without a URN it is the whole stack.
	Resource Resource
	// What is wrong, without a full stop.
	What string
	// Remedy says what to do about it.
	Remedy string
}

// Message is what the reader of a plan sees: the resource, what is wrong with it,
// and the remedy. The engine puts the rule's description before it.
func (v Violation) Message() string {
	return fmt.Sprintf("%s: %s.\nRemedy: %s.", v.Resource.Label(), v.What, v.Remedy)
}

// Plan is all resources of a stack.
type Plan struct {
	Resources []Resource
	// LeftOut are the kinds of the Kubernetes objects that this update leaves out, and of which
	// nothing is known here (see Resource.LeftOut).
	LeftOut []string
	// MonthlyBudget is the most that the stack may cost a month, in US dollars; 0: no limit.
	MonthlyBudget int
	Prices        Prices
}

// ForPlan tells that the rule looks at the whole plan.
func (r Rule) ForPlan() bool { return r.plan != nil }

// Check returns what in a resource breaks the rule; nothing for a rule about the plan, nor
// of a resource that is left out.
func (r Rule) Check(resource Resource) []Violation {
	if r.resource == nil || resource.LeftOut() {
		return nil
	}
	found := r.resource(resource)
	for i := range found {
		found[i].Resource = resource
	}
	return r.complete(found)
}

// CheckPlan returns what in a plan breaks the rule; nothing for a rule about one resource.
func (r Rule) CheckPlan(plan Plan) []Violation {
	if r.plan == nil {
		return nil
	}
	return r.complete(r.plan(plan))
}

// complete adds the rule's remedy, and leaves out what is found twice.
func (r Rule) complete(found []Violation) []Violation {
	type key struct{ urn, what string }
	seen := map[key]bool{}
	kept := slices.DeleteFunc(found, func(v Violation) bool {
		k := key{v.Resource.URN, v.What}
		defer func() { seen[k] = true }()
		return seen[k]
	})
	for i := range kept {
		if kept[i].Remedy == "" {
			kept[i].Remedy = r.Remedy
		}
	}
	return kept
}

// CheckAll returns the violations of a plan, by rule.
func CheckAll(plan Plan) map[string][]Violation {
	all := map[string][]Violation{}
	for _, rule := range All() {
		all[rule.Name] = rule.CheckPlan(plan)
		for _, r := range plan.Resources {
			all[rule.Name] = append(all[rule.Name], rule.Check(r)...)
		}
	}
	return all
}

// All lists the rules by principle.
func All() []Rule {
	return slices.Concat(
		fromCode, eventDriven, nothingByHand, observable, portable, noHardCodedSecrets, noCoupling, throughSidecars, idempotent, encryptedInTransit)
}

// Find returns the rule of that name.
func Find(name string) (Rule, bool) {
	all := All()
	at := slices.IndexFunc(all, func(r Rule) bool { return r.Name == name })
	if at < 0 {
		return Rule{}, false
	}
	return all[at], true
}

// found collects violations.
type found []Violation

func (f *found) add(format string, args ...any) {
	*f = append(*f, Violation{What: fmt.Sprintf(format, args...)})
}

// addWith adds one that has a remedy of its own.
func (f *found) addWith(remedy, format string, args ...any) {
	*f = append(*f, Violation{What: fmt.Sprintf(format, args...), Remedy: remedy})
}

// on adds one that a rule about the plan finds in a resource.
func (f *found) on(r Resource, format string, args ...any) {
	*f = append(*f, Violation{Resource: r, What: fmt.Sprintf(format, args...)})
}
