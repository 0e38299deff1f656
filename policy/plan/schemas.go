package plan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"gopkg.in/yaml.v3"
)

// A schema is a JSON Schema.
type schema = map[string]any

// Schemas are JSON Schemas of Kubernetes objects by SchemaFile's name. An unknown field is
// an error, as it is to an API server that validates strictly.
type Schemas map[string]schema

// SchemaFile is the name of a kind's schema, as kubeconform's template has it:
// {{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json, in which the core's group is v1.
func SchemaFile(group, version, kind string) string {
	return fmt.Sprintf("%s/%s_%s.json", cmp.Or(group, version), strings.ToLower(kind), version)
}

// AddOpenAPI adds the kinds of Kubernetes's own OpenAPI document (swagger.json).
func (s Schemas) AddOpenAPI(document io.Reader) error {
	var read struct {
		Definitions map[string]struct {
			Kinds []struct{ Group, Version, Kind string } `json:"x-kubernetes-group-version-kind"`
		}
	}
	raw, err := io.ReadAll(document)
	if err != nil {
		return err
	}
	var whole struct{ Definitions map[string]any }
	if err := errors.Join(json.Unmarshal(raw, &read), json.Unmarshal(raw, &whole)); err != nil {
		return fmt.Errorf("OpenAPI document: %w", err)
	}
	for _, definition := range whole.Definitions {
		strict(definition)
	}
	for name, definition := range read.Definitions {
		for _, kind := range definition.Kinds {
			own := schema{"$schema": draft, "definitions": schema{}}
			needed(name, whole.Definitions, own["definitions"].(schema))
			maps.Copy(own, whole.Definitions[name].(schema))
			s[SchemaFile(kind.Group, kind.Version, kind.Kind)] = own
		}
	}
	return nil
}

const draft = "http://json-schema.org/draft-07/schema#"

const definitionsPrefix = "#/definitions/"

// needed collects the definitions that one refers to.
func needed(name string, all map[string]any, into schema) {
	if _, known := into[name]; known {
		return
	}
	into[name] = all[name]
	walk(all[name], func(object schema) {
		if to, is := object["$ref"].(string); is {
			needed(strings.TrimPrefix(to, definitionsPrefix), all, into)
		}
	})
}

// AddDefinitions adds the kinds of the custom resource definitions in YAML documents; what
// is no definition, or a chart's template that is no YAML, is left out.
func (s Schemas) AddDefinitions(documents []byte) {
	for _, document := range bytes.Split(documents, []byte("\n---")) {
		var read struct {
			Kind string
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct {
						OpenAPI schema `yaml:"openAPIV3Schema"`
					}
				}
			}
		}
		if yaml.Unmarshal(document, &read) != nil || read.Kind != "CustomResourceDefinition" {
			continue
		}
		for _, version := range read.Spec.Versions {
			strict(version.Schema.OpenAPI)
			s[SchemaFile(read.Spec.Group, version.Name, read.Spec.Names.Kind)] = version.Schema.OpenAPI
		}
	}
}

// strict turns OpenAPI's schema into a JSON Schema in which unknown fields are errors.
func strict(of any) {
	walk(of, func(object schema) {
		_, properties := object["properties"].(schema)
		if _, open := object["additionalProperties"]; properties && !open && object["x-kubernetes-preserve-unknown-fields"] != true {
			object["additionalProperties"] = false
		}
		if object["x-kubernetes-int-or-string"] == true || object["format"] == "int-or-string" {
			object["type"] = []any{"string", "integer"}
			delete(object, "anyOf")
		}
		if strings.Contains(fmt.Sprint(object["description"]), "fixed-point representation of a number") {
			object["type"] = []any{"string", "number"} // a quantity
		}
	})
}

// walk visits the objects of a schema, the outermost first.
func walk(of any, visit func(schema)) {
	switch of := of.(type) {
	case schema:
		if _, named := of["properties"].(schema); named || of["type"] != nil || of["$ref"] != nil || of["items"] != nil {
			visit(of)
		}
		for _, inside := range of {
			walk(inside, visit)
		}
	case []any:
		for _, inside := range of {
			walk(inside, visit)
		}
	}
}
