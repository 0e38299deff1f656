package kubernetes

import (
	"math"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// unknown stands for a value that preview cannot know, inside the plain maps
// that everything here is computed on.
type unknown struct{}

// maxExact is the largest integer a property value, which is a float64, holds
// without loss.
const maxExact = 1 << 53

// dashed are the schema fields of a CustomResourceDefinition whose names no
// SDK can spell; programs write them with underscores.
var dashed = map[string]string{
	"x_kubernetes_embedded_resource":       "x-kubernetes-embedded-resource",
	"x_kubernetes_int_or_string":           "x-kubernetes-int-or-string",
	"x_kubernetes_list_map_keys":           "x-kubernetes-list-map-keys",
	"x_kubernetes_list_type":               "x-kubernetes-list-type",
	"x_kubernetes_map_type":                "x-kubernetes-map-type",
	"x_kubernetes_preserve_unknown_fields": "x-kubernetes-preserve-unknown-fields",
	"x_kubernetes_validations":             "x-kubernetes-validations",
}

var underscored = func() map[string]string {
	names := make(map[string]string, len(dashed))
	for underscore, dash := range dashed {
		names[dash] = underscore
	}
	return names
}()

// plainMap turns properties into the map that the API speaks: secrets without
// their wrapping, whole numbers as integers, unknown values as unknown{}.
func plainMap(properties resource.PropertyMap) map[string]any {
	out := make(map[string]any, len(properties))
	for key, value := range properties {
		name := string(key)
		if dash, ok := dashed[name]; ok {
			name = dash
		}
		out[name] = plain(value)
	}
	return out
}

func plain(value resource.PropertyValue) any {
	switch {
	case value.IsSecret():
		return plain(value.SecretValue().Element)
	case value.IsComputed():
		return unknown{}
	case value.IsOutput():
		if !value.OutputValue().Known {
			return unknown{}
		}
		return plain(value.OutputValue().Element)
	case value.IsObject():
		return plainMap(value.ObjectValue())
	case value.IsArray():
		items := make([]any, 0, len(value.ArrayValue()))
		for _, item := range value.ArrayValue() {
			items = append(items, plain(item))
		}
		return items
	case value.IsNumber():
		number := value.NumberValue()
		if number == math.Trunc(number) && math.Abs(number) <= maxExact {
			return int64(number)
		}
		return number
	case value.IsBool():
		return value.BoolValue()
	case value.IsString():
		return value.StringValue()
	case value.IsResourceReference():
		return plain(value.ResourceReferenceValue().ID)
	default:
		return nil
	}
}

// propertyMap is the way back from plainMap.
func propertyMap(object map[string]any) resource.PropertyMap {
	out := make(resource.PropertyMap, len(object))
	for name, value := range object {
		if underscore, ok := underscored[name]; ok {
			name = underscore
		}
		out[resource.PropertyKey(name)] = property(value)
	}
	return out
}

func property(value any) resource.PropertyValue {
	switch value := value.(type) {
	case unknown:
		return resource.MakeComputed(resource.NewStringProperty(""))
	case map[string]any:
		return resource.NewObjectProperty(propertyMap(value))
	case []any:
		items := make([]resource.PropertyValue, 0, len(value))
		for _, item := range value {
			items = append(items, property(item))
		}
		return resource.NewArrayProperty(items)
	case int64:
		return resource.NewNumberProperty(float64(value))
	case int:
		return resource.NewNumberProperty(float64(value))
	default:
		return resource.NewPropertyValue(value)
	}
}

// hasUnknown reports whether any value below is not known yet.
func hasUnknown(value any) bool {
	switch value := value.(type) {
	case unknown:
		return true
	case map[string]any:
		for _, item := range value {
			if hasUnknown(item) {
				return true
			}
		}
	case []any:
		for _, item := range value {
			if hasUnknown(item) {
				return true
			}
		}
	}
	return false
}

// keepSecrets marks in out what is secret in its source, and the data of every
// Secret. An array that holds a secret becomes one as a whole: the API may
// reorder it, and a value must not surface in another's place.
func keepSecrets(out, source resource.PropertyMap) {
	if kind, ok := out["kind"]; ok && kind.IsString() && kind.StringValue() == "Secret" {
		for _, key := range []resource.PropertyKey{"data", "stringData"} {
			if value, ok := out[key]; ok && !value.IsSecret() && !value.IsNull() {
				out[key] = resource.MakeSecret(value)
			}
		}
	}
	for key, from := range source {
		value, ok := out[key]
		switch {
		case !ok || value.IsSecret():
		case value.IsObject() && from.IsObject():
			keepSecrets(value.ObjectValue(), from.ObjectValue())
		case from.ContainsSecrets():
			out[key] = resource.MakeSecret(value)
		}
	}
}
