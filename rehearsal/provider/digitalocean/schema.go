package digitalocean

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// kind is the type of a property's values.
type kind string

const (
	text    kind = "string"
	flag    kind = "boolean"
	integer kind = "integer"
	number  kind = "number"
	list    kind = "list"
	dict    kind = "map"
	block   kind = "object"
)

// property is what Check and Diff know of one property.
type property struct {
	name   string
	kind   kind
	item   *property   // what a list or a map holds
	fields []*property // what an object holds

	required, replace, output, computed, autoname, set, secret bool

	fallback resource.PropertyValue // null where there is none
}

// schemaOf reads a resource's properties from the tags of its struct. A tag
// that makes no sense is a mistake in this package, hence the panic.
func schemaOf(of reflect.Type) []*property {
	var all []*property
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		p := propertyOf(field.Type)
		p.name = name
		for word := range strings.SplitSeq(field.Tag.Get("do"), ",") {
			switch word {
			case "":
			case "required":
				p.required = true
			case "replace":
				p.replace = true
			case "output":
				p.output = true
			case "computed":
				p.computed = true
			case "autoname":
				p.autoname = true
			case "set":
				p.set = true
			case "secret":
				p.secret = true
			default:
				panic(fmt.Sprintf("%s.%s: unknown word %q in its tag", of.Name(), field.Name, word))
			}
		}
		if value, ok := field.Tag.Lookup("default"); ok {
			p.fallback = fallbackOf(p.kind, value)
		}
		all = append(all, p)
	}
	return all
}

func propertyOf(of reflect.Type) *property {
	switch of.Kind() {
	case reflect.Pointer:
		return propertyOf(of.Elem())
	case reflect.String:
		return &property{kind: text}
	case reflect.Bool:
		return &property{kind: flag}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return &property{kind: integer}
	case reflect.Float64:
		return &property{kind: number}
	case reflect.Slice:
		return &property{kind: list, item: propertyOf(of.Elem())}
	case reflect.Map:
		return &property{kind: dict, item: propertyOf(of.Elem())}
	case reflect.Struct:
		return &property{kind: block, fields: schemaOf(of)}
	default:
		panic("no property can hold a " + of.String())
	}
}

func fallbackOf(k kind, value string) resource.PropertyValue {
	switch k {
	case flag:
		on, err := strconv.ParseBool(value)
		if err != nil {
			panic(err)
		}
		return resource.NewBoolProperty(on)
	default:
		return resource.NewStringProperty(value)
	}
}

// field finds a property by its name.
func field(fields []*property, name resource.PropertyKey) *property {
	at := slices.IndexFunc(fields, func(p *property) bool { return p.name == string(name) })
	if at < 0 {
		return nil
	}
	return fields[at]
}

// inputNames are what a program may set, for messages.
func inputNames(fields []*property) string {
	var names []string
	for _, p := range fields {
		if !p.output {
			names = append(names, p.name)
		}
	}
	return strings.Join(names, ", ")
}
