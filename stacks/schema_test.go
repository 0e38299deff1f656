package stacks

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/invopop/jsonschema"
	compiled "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the schemas anew")

// TestSchemas compares the schemas with what the types say: `make generate` writes
// them anew.
func TestSchemas(t *testing.T) {
	reflector := jsonschema.Reflector{ExpandedStruct: true, Mapper: secretSchema}
	require.NoError(t, reflector.AddGoComments("github.com/wealth-companion/companion/stacks", ".", jsonschema.WithFullComment()))
	for name, schema := range map[string]*jsonschema.Schema{
		"stack.schema.json":      stackFile("A stack of the Wealth Companion", reflector.Reflect(&Settings{})),
		"outputs.schema.json":    reflector.Reflect(&Outputs{}),
		"foundation.schema.json": stackFile("What a DigitalOcean account has once, for all stacks", reflector.Reflect(&Foundation{})),

		"foundation-outputs.schema.json": reflector.Reflect(&FoundationOutputs{}),
	} {
		schema.ID = ""
		var got bytes.Buffer
		encoder := json.NewEncoder(&got)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		require.NoError(t, encoder.Encode(schema))
		if *update {
			require.NoError(t, os.WriteFile(name, got.Bytes(), 0o644))
		}
		want, err := os.ReadFile(name)
		require.NoError(t, err)
		require.JSONEq(t, string(want), got.String(), "%s is of other types: run `make generate`", name)
	}
}

// secretSchema is a secret as a stack's file has it: in clear, or encrypted.
func secretSchema(of reflect.Type) *jsonschema.Schema {
	if of != reflect.TypeFor[Secret]() {
		return nil
	}
	return &jsonschema.Schema{Extras: map[string]any{"type": []string{"string", "object"}}}
}

// stackFile is the schema of a whole file. Pulumi itself writes some keys beside
// `config`, and knows those of its providers.
func stackFile(description string, settings *jsonschema.Schema) *jsonschema.Schema {
	config := &jsonschema.Schema{
		Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema,
		PatternProperties: map[string]*jsonschema.Schema{"^(pulumi|digitalocean|kubernetes):": jsonschema.TrueSchema},
	}
	for pair := settings.Properties.Oldest(); pair != nil; pair = pair.Next() {
		config.Properties.Set(namespace+pair.Key, pair.Value)
	}
	for _, key := range settings.Required {
		config.Required = append(config.Required, namespace+key)
	}
	file := &jsonschema.Schema{
		Version: jsonschema.Version, Title: "Pulumi.<stack>.yaml", Description: description,
		Type: "object", Properties: jsonschema.NewProperties(), Required: []string{"config"}, Definitions: settings.Definitions,
	}
	file.Properties.Set("config", config)
	return file
}

// A key without a description would leave its reader, and its error message, alone;
// a number without a range would be taken whatever it is.
func TestEveryKeyIsDescribed(t *testing.T) {
	for key, property := range configSchema.Properties {
		requireDescribed(t, key, property)
	}
	for key, property := range compiledOutputs.Properties {
		requireDescribed(t, "output "+key, property)
	}
	for key, property := range foundationConfig.Properties {
		requireDescribed(t, "foundation "+key, property)
	}
	for key, property := range compiledFoundationOutputs.Properties {
		requireDescribed(t, "foundation's output "+key, property)
	}
}

func requireDescribed(t *testing.T, key string, schema *compiled.Schema) {
	t.Helper()
	object := resolved(schema)
	require.False(t, schema.Description == "" && len(object.Properties) == 0, "%s has no description", key)
	if object.Types != nil && slices.Contains(object.Types.ToStrings(), "integer") {
		require.False(t, object.Minimum == nil || object.Maximum == nil, "%s has no range", key)
	}
	for name, property := range object.Properties {
		requireDescribed(t, key+"."+name, property)
	}
}
