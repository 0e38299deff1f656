package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// arguments are the schemas of tools' arguments, by the tool's name.
type arguments map[string]*jsonschema.Schema

// takes notes what a tool takes. A type that no schema can be made of is a mistake of this
// package, which adding the tool tells too.
func takes[In any](a arguments, tool string) {
	schema, err := jsonschema.For[In](nil)
	if err != nil {
		panic(fmt.Errorf("the arguments of %s: %w", tool, err))
	}
	a[tool] = schema
}

// checked refuses arguments that a tool does not take before the protocol's library does,
// in words that say what to do. It checks names and types; values are checked by the API.
func (a arguments) checked(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, request mcp.Request) (mcp.Result, error) {
		call, is := request.GetParams().(*mcp.CallToolParamsRaw)
		if !is || a[call.Name] == nil {
			return next(ctx, method, request)
		}
		if reason := refused(call.Name, a[call.Name], call.Arguments); reason != "" {
			return &mcp.CallToolResult{IsError: true, Content: []mcp.Content{&mcp.TextContent{Text: reason}}}, nil
		}
		return next(ctx, method, request)
	}
}

// refused says what is wrong with the arguments of a tool; empty: nothing.
func refused(tool string, schema *jsonschema.Schema, raw json.RawMessage) string {
	given := map[string]json.RawMessage{}
	if len(raw) > 0 && json.Unmarshal(raw, &given) != nil {
		return fmt.Sprintf("The arguments of %s must be a JSON object.", tool)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		its := schema.Properties[name]
		switch {
		case its == nil && len(schema.Properties) == 0:
			return fmt.Sprintf("%s takes no arguments: leave %s out.", tool, quoted(name))
		case its == nil:
			return fmt.Sprintf("%s is no argument of %s: it takes %s.", quoted(name), tool, strings.Join(schema.PropertyOrder, ", "))
		case !fits(its, given[name]):
			return fmt.Sprintf("%s must be %s: %s.", name, inWords(its), its.Description)
		}
	}
	for _, name := range schema.Required {
		if _, is := given[name]; !is {
			return fmt.Sprintf("%s is missing: %s.", name, schema.Properties[name].Description)
		}
	}
	return ""
}

// typeOf is the type of an argument, of which null is none: it is left out.
func typeOf(schema *jsonschema.Schema) string {
	for _, one := range schema.Types {
		if one != "null" {
			return one
		}
	}
	return schema.Type
}

// fits reports whether a value has an argument's type.
func fits(schema *jsonschema.Schema, value json.RawMessage) bool {
	value = bytes.TrimSpace(value)
	switch typeOf(schema) {
	case "string":
		return len(value) > 0 && value[0] == '"'
	case "integer":
		var number int
		return json.Unmarshal(value, &number) == nil && string(value) != "null"
	default:
		return true
	}
}

func inWords(schema *jsonschema.Schema) string {
	if typeOf(schema) == "integer" {
		return "a whole number"
	}
	return "a string"
}
