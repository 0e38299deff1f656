package rules

import (
	"slices"
	"strconv"
	"strings"
)

// pod is the specification of pods, wherever a resource holds one: below the template of
// any controller's kind, in a custom resource, in a chart's values.
type pod struct {
	object object // what makes the pods; its kind is empty when no object holds them
	spec   map[string]any
	// metadata is the pods' own: labels, annotations.
	metadata any
	// partial pods are laid over others, as those of a Patch: what they lack may be there.
	partial bool
}

// container is one of a pod's.
type container struct {
	name   string
	fields map[string]any
	init   bool // ends before the others start
}

// pods finds every pod specification in the resource: a map that has a list of containers.
func (r Resource) pods() []pod {
	var all []pod
	for _, o := range r.objects {
		all = append(all, podsIn(o, o.fields)...)
	}
	if r.isRelease() {
		all = append(all, podsIn(object{partial: true}, r.Properties)...)
	}
	if len(r.objects) == 0 && !r.isRelease() && !strings.HasSuffix(r.Type, ":CustomResourceDefinition") {
		all = append(all, podsIn(object{}, r.Properties)...)
	}
	return all
}

func podsIn(o object, root map[string]any) []pod {
	var all []pod
	walk(root, func(path []string, value any) bool {
		inside := fields(value)
		if inside == nil {
			return true
		}
		if len(path) > 0 && isObject(inside) {
			return false // found by itself
		}
		if len(each(inside["containers"])) == 0 && len(each(inside["initContainers"])) == 0 && len(each(inside["ephemeralContainers"])) == 0 {
			return true
		}
		p := pod{object: o, spec: inside, partial: o.partial}
		if last := len(path) - 1; last >= 0 && path[last] == "spec" {
			p.metadata = follow(root, append(slices.Clone(path[:last]), "metadata"))
		}
		all = append(all, p)
		return true
	})
	return all
}

// follow is what is at a path of walk's, whose lists are entered by number.
func follow(value any, path []string) any {
	for _, step := range path {
		if list := entries(value); list != nil {
			if i, err := strconv.Atoi(step); err == nil && i < len(list) {
				value = list[i]
				continue
			}
			return nil
		}
		value = at(value, step)
	}
	return value
}

// containers lists a pod's containers.
func (p pod) containers() []container {
	var all []container
	for _, key := range []string{"initContainers", "containers", "ephemeralContainers"} {
		for _, c := range each(p.spec[key]) {
			// A sidecar that starts first goes on running.
			init := key == "initContainers" && text(c["restartPolicy"]) != "Always"
			all = append(all, container{name: text(c["name"]), fields: c, init: init})
		}
	}
	return all
}

// runsToEnd tells that the pods end by themselves, as those of Jobs. Of controllers'
// pods it is the kind that counts: their restartPolicy means nothing.
func (p pod) runsToEnd() bool {
	switch p.object.kind {
	case "Job", "CronJob":
		return true
	case "Pod":
		policy := text(p.spec["restartPolicy"])
		return policy == "Never" || policy == "OnFailure"
	}
	return false
}

// The types of the components that make what services run on. Everything else that
// runs pods is a service.
var infrastructure = []string{
	"companion:cluster:Cluster", "companion:foundation:Foundation", "companion:edge:Edge", "companion:dapr:Dapr", "companion:kafka:Kafka",
	"companion:data:Redis", "companion:data:Valkey", "companion:observability:Observability", "companion:observability:Tracing", "companion:autoscaling:Autoscaling", "companion:delivery:Delivery",
}

// Application is the namespace of the services.
const Application = "companion"

// isService tells whether pods are one of the services: whatever runs on in the
// application's namespace, or outside the components of the infrastructure.
func (r Resource) isService(p pod) bool {
	return !p.runsToEnd() && p.object.kind != "" && r.isOurs(p.object)
}

// isOurs tells whether an object belongs to the application.
func (r Resource) isOurs(o object) bool {
	if r.isRelease() {
		return false
	}
	return text(o.namespace()) == Application || !slices.ContainsFunc(infrastructure, r.in)
}
