// Package rules is what every plan must keep to, as pure functions of a
// resource: one file a principle.
package rules

import (
	"fmt"
	"strings"
)

// Resource is a resource as a plan describes it. Properties hold maps, slices,
// strings, float64s, bools and nil, as JSON would, and Unknown where a value is
// known only after an update.
type Resource struct {
	Type       string // such as kubernetes:apps/v1:Deployment
	Name       string
	URN        string // holds the types of its parents too
	Properties map[string]any
}

// Unknown stands for a value that is known only after an update. No rule takes
// it for a violation: the update is checked again, with the value.
type Unknown struct{}

// Rule is one principle.
type Rule struct {
	Name        string
	Description string
	// Check returns what breaks the rule, and what to do about it.
	Check func(Resource) []string
}

// All lists the rules.
func All() []Rule { return []Rule{tlsEverywhere, noPlainSecrets, throughDapr} }

// at follows a path through maps; nil where it ends too early, Unknown where
// what would come is unknown.
func at(value any, path ...string) any {
	for _, key := range path {
		if unknown(value) {
			return value
		}
		inside, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = inside[key]
	}
	return value
}

func unknown(value any) bool {
	_, is := value.(Unknown)
	return is
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

// each returns the maps of a list.
func each(value any) []map[string]any {
	list, _ := value.([]any)
	var found []map[string]any
	for _, entry := range list {
		if inside, ok := entry.(map[string]any); ok {
			found = append(found, inside)
		}
	}
	return found
}

// podSpec returns the pods that a resource makes; nil when it makes none.
func podSpec(r Resource) map[string]any {
	path := []string{"spec", "template", "spec"}
	switch kind(r) {
	case "Pod":
		path = []string{"spec"}
	case "CronJob":
		path = []string{"spec", "jobTemplate", "spec", "template", "spec"}
	case "Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet":
	default:
		return nil
	}
	spec, _ := at(r.Properties, path...).(map[string]any)
	return spec
}

// kind is a Kubernetes resource's kind; "" for those of other providers.
func kind(r Resource) string {
	if !strings.HasPrefix(r.Type, "kubernetes:") {
		return ""
	}
	return r.Type[strings.LastIndex(r.Type, ":")+1:]
}

// containers lists all of a pod's containers, init containers among them.
func containers(pod map[string]any) []map[string]any {
	return append(each(pod["initContainers"]), each(pod["containers"])...)
}

func violation(format string, args ...any) []string { return []string{fmt.Sprintf(format, args...)} }
