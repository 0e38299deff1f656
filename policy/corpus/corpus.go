// Package corpus holds resources that the rules have to block or to let pass, for the
// rules' own tests and for those through the real engine.
package corpus

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/wealth-companion/companion/policy/rules"
)

//go:embed corpus.yaml
var file []byte

// Case is a resource, and the rules about single resources that it breaks.
type Case struct {
	Title   string
	Type    string
	Name    string   // the resource's; else its title
	In      []string // the components' types that it is in, the outermost first
	Protect bool
	// Component tells that no provider of the tests makes the resource.
	Component  bool
	Properties map[string]any
	Breaks     []string
}

// Cases are all, in the order of their titles.
func Cases() ([]Case, error) {
	var read struct{ Cases map[string]Case }
	if err := yaml.Unmarshal(file, &read); err != nil {
		return nil, err
	}
	var all []Case
	for _, title := range slices.Sorted(maps.Keys(read.Cases)) {
		c := read.Cases[title]
		c.Title = title
		if c.Name == "" {
			c.Name = title
		}
		c.Component = c.Component || !strings.HasPrefix(c.Type, "kubernetes:")
		c.Properties = value(c.Properties).(map[string]any)
		all = append(all, c)
	}
	return all, nil
}

// Resource is the case's resource as a plan has it.
func (c Case) Resource() rules.Resource {
	r := rules.New(c.Type, c.Name, c.URN("test"), c.Properties)
	r.Protected = c.Protect
	return r
}

// URN is what the engine calls the resource in that stack.
func (c Case) URN(stack string) string {
	return fmt.Sprintf("urn:pulumi:%s::policies::%s::%s", stack, strings.Join(append(slices.Clone(c.In), c.Type), "$"), c.Name)
}

// value turns YAML's values into a plan's.
func value(from any) any {
	switch from := from.(type) {
	case map[string]any:
		made := map[string]any{}
		for key, inside := range from {
			made[key] = value(inside)
		}
		return made
	case []any:
		made := []any{}
		for _, inside := range from {
			made = append(made, value(inside))
		}
		return made
	case int:
		return float64(from)
	case string:
		if from == "(later)" {
			return rules.Unknown{}
		}
		if secret, is := strings.CutPrefix(from, "(secret) "); is {
			return rules.Sealed{Value: secret}
		}
	}
	return from
}
