package digitalocean

import (
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// reveal is the value without the marks of secrets and outputs around it, or
// within it. What is unknown becomes a computed value.
func reveal(v resource.PropertyValue) resource.PropertyValue {
	switch {
	case v.IsSecret():
		return reveal(v.SecretValue().Element)
	case v.IsOutput():
		if !v.OutputValue().Known {
			return unknown()
		}
		return reveal(v.OutputValue().Element)
	case v.IsArray():
		items := make([]resource.PropertyValue, 0, len(v.ArrayValue()))
		for _, item := range v.ArrayValue() {
			items = append(items, reveal(item))
		}
		return resource.NewArrayProperty(items)
	case v.IsObject():
		return resource.NewObjectProperty(revealAll(v.ObjectValue()))
	default:
		return v
	}
}

// revealAll reveals every property and drops those that are null.
func revealAll(values resource.PropertyMap) resource.PropertyMap {
	plain := resource.PropertyMap{}
	for key, value := range values {
		if value = reveal(value); !value.IsNull() {
			plain[key] = value
		}
	}
	return plain
}

func unknown() resource.PropertyValue {
	return resource.MakeComputed(resource.NewStringProperty(""))
}

// known drops what is not known yet.
func known(values resource.PropertyMap) resource.PropertyMap {
	plain := resource.PropertyMap{}
	for key, value := range values {
		switch {
		case value.IsComputed():
		case value.IsObject():
			plain[key] = resource.NewObjectProperty(known(value.ObjectValue()))
		case value.ContainsUnknowns():
		default:
			plain[key] = value
		}
	}
	return plain
}

// zero says whether a value is as good as none.
func zero(v resource.PropertyValue) bool {
	switch {
	case v.IsNull():
		return true
	case v.IsBool():
		return !v.BoolValue()
	case v.IsNumber():
		return v.NumberValue() == 0
	case v.IsString():
		return v.StringValue() == ""
	case v.IsArray():
		return len(v.ArrayValue()) == 0
	case v.IsObject():
		for _, value := range v.ObjectValue() {
			if !zero(value) {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// decode fills a resource's struct with what is known.
func decode[S any](values resource.PropertyMap) (S, error) {
	var into S
	encoded, err := json.Marshal(known(revealAll(values)).Mappable())
	if err != nil {
		return into, err
	}
	if err := json.Unmarshal(encoded, &into); err != nil {
		return into, fmt.Errorf("properties that Check should have refused: %w", err)
	}
	return into, nil
}

// encode turns a resource's struct into properties.
func encode[S any](from S) (resource.PropertyMap, error) {
	encoded, err := json.Marshal(from)
	if err != nil {
		return nil, err
	}
	var plain map[string]any
	if err := json.Unmarshal(encoded, &plain); err != nil {
		return nil, err
	}
	return revealAll(resource.NewPropertyMapFromMap(plain)), nil
}

// protect marks as secret what the schema says is, and what was secret before.
func protect(fields []*property, values, before resource.PropertyMap) resource.PropertyMap {
	for key, value := range values {
		p := field(fields, key)
		if (p != nil && p.secret || before[key].ContainsSecrets()) && !value.IsSecret() {
			values[key] = resource.MakeSecret(value)
		}
	}
	return values
}
