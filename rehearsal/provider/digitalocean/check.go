package digitalocean

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// checker collects what is wrong with a program's values.
type checker struct {
	failures []sdk.CheckFailure
}

func (c *checker) failf(path resource.PropertyPath, format string, args ...any) {
	c.failures = append(c.failures, sdk.CheckFailure{
		Property: resource.PropertyKey(path.String()),
		Reason:   fmt.Sprintf(format, args...), // the engine writes the path before it
	})
}

// object checks the properties of a resource or of an object within it.
func (c *checker) object(path resource.PropertyPath, fields []*property, values resource.PropertyMap) {
	for _, key := range values.StableKeys() {
		p := field(fields, key)
		at := within(path, string(key))
		switch {
		case strings.HasPrefix(string(key), "__"): // the engine's own
		case p == nil:
			c.failf(at, "there is no such property%s; there are %s", meant(string(key), fields), inputNames(fields))
		case p.output:
			c.failf(at, "is set by the provider, a program cannot set it")
		default:
			c.value(at, p, reveal(values[key]))
		}
	}
	for _, p := range fields {
		if p.required && reveal(values[resource.PropertyKey(p.name)]).IsNull() {
			c.failf(within(path, p.name), "is required, but was not set")
		}
	}
}

func (c *checker) value(path resource.PropertyPath, p *property, v resource.PropertyValue) {
	if v.IsComputed() || v.IsNull() {
		return
	}
	fits := false
	switch p.kind {
	case text:
		fits = v.IsString()
	case flag:
		fits = v.IsBool()
	case number:
		fits = v.IsNumber()
	case integer:
		fits = v.IsNumber() && v.NumberValue() == math.Trunc(v.NumberValue())
	case list:
		fits = v.IsArray()
	case dict, block:
		fits = v.IsObject()
	}
	if !fits {
		c.failf(path, "must be a %s, not %s", p.kind, describe(v))
		return
	}
	switch p.kind {
	case list:
		for i, item := range v.ArrayValue() {
			c.value(append(slices.Clone(path), i), p.item, item)
		}
	case dict:
		for _, key := range v.ObjectValue().StableKeys() {
			c.value(within(path, string(key)), p.item, v.ObjectValue()[key])
		}
	case block:
		c.object(path, p.fields, v.ObjectValue())
	default:
	}
}

func describe(v resource.PropertyValue) string {
	switch {
	case v.IsString():
		return fmt.Sprintf("the string %q", v.StringValue())
	case v.IsNumber():
		return fmt.Sprintf("the number %v", v.NumberValue())
	case v.IsBool():
		return fmt.Sprintf("the boolean %v", v.BoolValue())
	default:
		return "a " + v.TypeString()
	}
}

// meant suggests the property that a misspelt one may have been meant for.
func meant(name string, fields []*property) string {
	for _, p := range fields {
		if strings.EqualFold(strings.ReplaceAll(name, "_", ""), p.name) || p.name == name+"s" || p.name+"s" == name {
			return fmt.Sprintf(" (%s?)", p.name)
		}
	}
	return ""
}

// fill adds the defaults that a program leaves out. An unknown object is not
// looked into.
func fill(fields []*property, values resource.PropertyMap) resource.PropertyMap {
	filled := resource.PropertyMap{}
	for key, value := range values {
		if !reveal(value).IsNull() {
			filled[key] = value
		}
	}
	for _, p := range fields {
		key := resource.PropertyKey(p.name)
		value, given := filled[key]
		switch {
		case !given && !p.fallback.IsNull():
			filled[key] = p.fallback
		case given && p.kind == block && value.IsObject():
			filled[key] = resource.NewObjectProperty(fill(p.fields, value.ObjectValue()))
		}
	}
	return filled
}

// defaulted is where the official plugin notes which inputs are its own, not the program's.
const defaulted resource.PropertyKey = "__defaults"

// autonamed tells whether the provider chose the object's name.
func autonamed(inputs resource.PropertyMap) bool {
	return inputs[defaulted].IsArray() && slices.ContainsFunc(inputs[defaulted].ArrayValue(), func(v resource.PropertyValue) bool {
		return v.IsString() && v.StringValue() == "name"
	})
}

// autoname names what has no name: as it was named before, or with a new suffix.
func autoname(fields []*property, req sdk.CheckRequest, inputs resource.PropertyMap) error {
	for _, p := range fields {
		key := resource.PropertyKey(p.name)
		if _, named := inputs[key]; !p.autoname || named {
			continue
		}
		inputs[defaulted] = resource.NewArrayProperty([]resource.PropertyValue{resource.NewStringProperty(p.name)})
		if before, ok := req.Olds[key]; ok && reveal(before).IsString() {
			inputs[key] = before
			continue
		}
		name, err := newName(req)
		if err != nil {
			return err
		}
		inputs[key] = resource.NewStringProperty(name)
	}
	return nil
}

func newName(req sdk.CheckRequest) (string, error) {
	if req.Autonaming != nil && req.Autonaming.Mode == sdk.AutonamingModeDisabled {
		return "", fmt.Errorf("%s has no name, and naming by the provider is switched off", req.URN)
	}
	if req.Autonaming != nil && req.Autonaming.ProposedName != "" {
		return req.Autonaming.ProposedName, nil
	}
	return resource.NewUniqueName(req.RandomSeed, req.Name+"-", 7, 255, nil)
}

func within(path resource.PropertyPath, name string) resource.PropertyPath {
	return append(slices.Clone(path), name)
}
