package mcp

import (
	"encoding/json"
	"path"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// schemaOf is the JSON Schema of the API's answers of type T, made as the API's own
// OpenAPI document makes it.
func schemaOf[T any]() map[string]any {
	registry := huma.NewMapRegistry("#/$defs/", schemaName)
	root := asMap(registry.Schema(reflect.TypeFor[T](), false, ""))
	if definitions := registry.Map(); len(definitions) > 0 {
		root["$defs"] = asMap(definitions)
	}
	open(root)
	return root
}

// schemaName names a type by its package too, for several have types of one name.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return path.Base(t.PkgPath()) + "." + huma.DefaultSchemaNamer(t, hint)
}

// asMap panics when a schema cannot be written, which is a defect that every start
// of the program shows.
func asMap(schema any) map[string]any {
	raw, err := json.Marshal(schema)
	if err != nil {
		panic(err)
	}
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		panic(err)
	}
	return object
}

// open lets objects have fields that this program does not know: during an update the
// API may be newer.
func open(schema any) {
	switch its := schema.(type) {
	case map[string]any:
		if its["additionalProperties"] == false {
			delete(its, "additionalProperties")
		}
		for _, one := range its {
			open(one)
		}
	case []any:
		for _, one := range its {
			open(one)
		}
	}
}

// object is the schema of an object with properties, all of which are there.
func object(properties map[string]map[string]any) map[string]any {
	schema := map[string]any{"type": "object"}
	definitions, its, required := map[string]any{}, map[string]any{}, []any{}
	for name, property := range properties {
		for defined, definition := range lift(property) {
			definitions[defined] = definition
		}
		its[name], required = property, append(required, name)
	}
	schema["properties"], schema["required"] = its, required
	if len(definitions) > 0 {
		schema["$defs"] = definitions
	}
	return schema
}

// lift takes a schema's definitions out of it, for they are looked for at the root.
func lift(schema map[string]any) map[string]any {
	definitions, _ := schema["$defs"].(map[string]any)
	delete(schema, "$defs")
	return definitions
}

// outcome is the schema of what a tool answers that changes something: what the
// person is asked, or what was done and its result of type T.
func outcome[T any]() map[string]any {
	result := schemaOf[T]()
	definitions := lift(result)
	words := func(description string) map[string]any {
		return map[string]any{"type": "string", "description": description}
	}
	schema := map[string]any{
		"type": "object", "required": []any{"status"},
		"properties": map[string]any{
			"status":       map[string]any{"type": "string", "enum": []any{statusAsk, statusDone, statusDeclined}},
			"would":        words("What would be done, in words: to be shown to the person as it is"),
			"confirmation": words("With confirmation_required: what to call again with once the person has agreed"),
			"next":         words("What to do now"),
			"did":          words("What was done, in words"),
			"result":       result,
		},
	}
	if len(definitions) > 0 {
		schema["$defs"] = definitions
	}
	return schema
}
