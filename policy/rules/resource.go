package rules

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Resource is a resource as a plan describes it. New makes it.
type Resource struct {
	Type string // such as kubernetes:apps/v1:Deployment
	Name string
	URN  string
	// Parents are the types of the components that it is in, the outermost first.
	Parents []string
	// Protected resources cannot be destroyed before somebody lifts the protection.
	Protected bool
	// Properties hold maps, slices, strings, float64s, bools and nil, as JSON would,
	// Unknown where a value is known only after an update, and Sealed where Pulumi
	// keeps a value secret.
	Properties map[string]any

	objects []object
	written []writing // objects that are written into texts
}

// Unknown stands for a value that is known only after an update. No rule takes
// it for a violation: the update is checked again, with the value.
type Unknown struct{}

// Sealed is a value that Pulumi keeps secret: it is encrypted in the stack's state
// and not shown.
type Sealed struct{ Value any }

// New makes a resource of what the engine tells of it. The URN holds the types of its
// parents.
func New(token, name, urn string, properties map[string]any) Resource {
	r := Resource{Type: token, Name: name, URN: urn, Parents: parents(urn), Properties: properties}
	r.findObjects()
	return r
}

// parents reads the types of the components from a URN
// (urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME).
func parents(urn string) []string {
	parts := strings.SplitN(urn, "::", 4)
	if len(parts) < 4 {
		return nil
	}
	chain := strings.Split(parts[2], "$")
	return chain[:len(chain)-1]
}

// in tells whether the resource is in a component of that type.
func (r Resource) in(component string) bool { return slices.Contains(r.Parents, component) }

// Component is the innermost component that the resource is in; empty: in none.
func (r Resource) Component() string {
	if len(r.Parents) == 0 {
		return ""
	}
	return r.Parents[len(r.Parents)-1]
}

// Label is what a person calls the resource: its kind, and its name in Kubernetes where
// it has one.
func (r Resource) Label() string {
	if r.URN == "" && r.Type == "" {
		return "the stack"
	}
	kind := r.Kind()
	for _, o := range r.objects {
		if o.nested {
			continue
		}
		name, namespace := text(at(o.fields, "metadata", "name")), text(at(o.fields, "metadata", "namespace"))
		switch {
		case name != "" && namespace != "":
			return fmt.Sprintf("%s %s/%s", kind, namespace, name)
		case name != "":
			return kind + " " + name
		}
	}
	return kind + " " + r.Name
}

// LeftOut tells whether the update leaves the resource out (--exclude, --target) which is not
// there yet: the engine shows it without any property. An update that has it is checked again.
func (r Resource) LeftOut() bool { return r.isKubernetes() && len(r.Properties) == 0 }

// Kind is the resource's, without its group and version.
func (r Resource) Kind() string { return r.Type[strings.LastIndex(r.Type, ":")+1:] }

// isKubernetes tells whether the Kubernetes provider makes the resource.
func (r Resource) isKubernetes() bool { return strings.HasPrefix(r.Type, "kubernetes:") }

// isRelease tells whether the resource installs a Helm chart: as a Release, or as a Chart.
func (r Resource) isRelease() bool { return strings.HasPrefix(r.Type, "kubernetes:helm.sh/") }

// chart is the name of the chart that a release installs, without its address.
func (r Resource) chart() string {
	chart := text(r.Properties["chart"])
	return chart[strings.LastIndex(chart, "/")+1:]
}

// object is a Kubernetes object in a resource: the resource itself, or one that its
// properties hold, such as the objects of a ConfigGroup, of a List, or of a chart's values.
type object struct {
	kind   string
	fields map[string]any
	// partial objects are laid over one that is there already.
	partial bool
	nested  bool
}

func (o object) namespace() any { return at(o.fields, "metadata", "namespace") }
func (o object) name() string   { return text(at(o.fields, "metadata", "name")) }
func (o object) spec(path ...string) any {
	return at(o.fields, append([]string{"spec"}, path...)...)
}

// findObjects finds every Kubernetes object in the resource's properties, also those that
// are written into texts. The definitions of custom resources are none: their schemas look
// like what they describe.
func (r *Resource) findObjects() {
	if r.isKubernetes() && !r.isRelease() {
		kind := r.Kind()
		own := object{kind: strings.TrimSuffix(kind, "Patch"), fields: r.Properties, partial: strings.HasSuffix(kind, "Patch")}
		if named := text(r.Properties["kind"]); named != "" && kind == "CustomResource" {
			own.kind = named
		}
		if own.kind == "CustomResourceDefinition" {
			return
		}
		r.objects = append(r.objects, own)
		for _, item := range each(r.Properties["items"]) {
			if single, list := strings.CutSuffix(own.kind, "List"); list && !isObject(item) {
				r.objects = append(r.objects, object{kind: single, fields: item, nested: true})
			}
		}
	}
	r.findNested(r.Properties, false, 0)
}

// maxNesting is how deep texts with objects may be in objects of texts.
const maxNesting = 4

// writing is an object that a text holds, and whether Pulumi keeps the text secret.
type writing struct {
	document map[string]any
	sealed   bool
}

func (r *Resource) findNested(root any, sealed bool, depth int) {
	walkSealed(nil, root, sealed, func(path []string, value any, sealed bool) bool {
		switch value := value.(type) {
		case map[string]any:
			if len(path) == 0 || !isObject(value) {
				return true
			}
			if text(value["kind"]) == "CustomResourceDefinition" {
				return false
			}
			r.objects = append(r.objects, object{kind: text(value["kind"]), fields: value, nested: true})
		case string:
			for _, document := range documents(value) {
				r.objects = append(r.objects, object{kind: text(document["kind"]), fields: document, nested: true})
				r.written = append(r.written, writing{document, sealed})
				if depth < maxNesting {
					r.findNested(document, sealed, depth+1)
				}
			}
		}
		return true
	})
}

// isObject tells an object from a reference to one, such as an autoscaler's target.
func isObject(value map[string]any) bool {
	if text(value["kind"]) == "" || text(value["apiVersion"]) == "" {
		return false
	}
	return value["name"] == nil || value["metadata"] != nil
}

// walkAll visits the resource's properties, and those of the objects that are written
// into its texts.
func (r Resource) walkAll(visit func(path []string, value any) bool) {
	walk(r.Properties, visit)
	for _, text := range r.written {
		walk(text.document, visit)
	}
}

// documents reads a text that holds Kubernetes objects as YAML or JSON; none when it
// holds something else.
func documents(value string) []map[string]any {
	if !strings.Contains(value, "apiVersion") || !strings.Contains(value, "kind") {
		return nil
	}
	var all []map[string]any
	decoder := yaml.NewDecoder(strings.NewReader(value))
	for {
		var document map[string]any
		if err := decoder.Decode(&document); err != nil {
			return all // the end, or no YAML
		}
		if text(document["kind"]) == "" || text(document["apiVersion"]) == "" || text(document["kind"]) == "CustomResourceDefinition" {
			continue
		}
		plain := fields(plainYAML(document))
		all = append(all, plain)
	}
}

// plainYAML turns a value of YAML's into one of JSON's: keys are texts, numbers float64s.
func plainYAML(value any) any {
	switch value := value.(type) {
	case map[string]any:
		plain := map[string]any{}
		for key, inside := range value {
			plain[key] = plainYAML(inside)
		}
		return plain
	case map[any]any:
		plain := map[string]any{}
		for key, inside := range value {
			plain[fmt.Sprint(key)] = plainYAML(inside)
		}
		return plain
	case []any:
		plain := make([]any, len(value))
		for i, inside := range value {
			plain[i] = plainYAML(inside)
		}
		return plain
	case int:
		return float64(value)
	case string, bool, float64, nil:
		return value
	}
	return fmt.Sprint(value) // times and numbers of other sizes
}

// walk visits a value and everything in it, in the order of keys. Visit returns whether
// to go on into the value. A path's list entries are numbers.
func walk(value any, visit func(path []string, value any) bool) { descend(nil, value, visit) }

func descend(path []string, value any, visit func(path []string, value any) bool) {
	value = open(value)
	if !visit(path, value) {
		return
	}
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			descend(append(slices.Clip(path), key), value[key], visit)
		}
	case []any:
		for i, entry := range value {
			descend(append(slices.Clip(path), strconv.Itoa(i)), entry, visit)
		}
	}
}

// open is the value that is sealed; any other value as it is.
func open(value any) any {
	for {
		s, sealed := value.(Sealed)
		if !sealed {
			return value
		}
		value = s.Value
	}
}

// at follows a path through maps; nil where it ends too early, Unknown where
// what would come is unknown.
func at(value any, path ...string) any {
	value = open(value)
	for _, key := range path {
		if unknown(value) {
			return value
		}
		inside, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = open(inside[key])
	}
	return value
}

func unknown(value any) bool {
	_, is := open(value).(Unknown)
	return is
}

// text is a string; empty for anything else.
func text(value any) string {
	s, _ := open(value).(string)
	return s
}

// number reads a number, or a text that is one, as Kafka's settings are.
func number(value any) (float64, bool) {
	switch value := open(value).(type) {
	case float64:
		return value, true
	case int:
		return float64(value), true
	case string:
		n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		return n, err == nil
	}
	return 0, false
}

// yes tells that a value is true, as a bool or as a text.
func yes(value any) bool {
	value = open(value)
	return value == true || value == "true"
}

// fields is a value as a map; nil for anything else.
func fields(value any) map[string]any {
	m, _ := open(value).(map[string]any)
	return m
}

// entries is a value as a list; nil for anything else.
func entries(value any) []any {
	l, _ := open(value).([]any)
	return l
}

// each returns the maps of a list.
func each(value any) []map[string]any {
	var all []map[string]any
	for _, entry := range entries(value) {
		if inside := fields(entry); inside != nil {
			all = append(all, inside)
		}
	}
	return all
}

// texts returns the strings of a list; a string alone counts as a list of it.
func texts(value any) []string {
	if s := text(value); s != "" {
		return []string{s}
	}
	var all []string
	for _, entry := range entries(value) {
		if s := text(entry); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// hasUnknown tells that an entry of a list, or the list itself, is known later.
func hasUnknown(value any) bool {
	return unknown(value) || slices.ContainsFunc(entries(value), unknown)
}
