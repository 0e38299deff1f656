package kube

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDefinitionsAreUndescribed(t *testing.T) {
	for name, c := range map[string]struct{ definition, want string }{
		"a schema's": {
			`{"schema": {"openAPIV3Schema": {"description": "A thing.", "type": "object", "required": ["a"]}}}`,
			`{"schema": {"openAPIV3Schema": {"type": "object", "required": ["a"]}}}`,
		},
		"properties', however deep": {
			`{"properties": {"a": {"description": "A.", "items": {"description": "One.", "properties": {"b": {"description": "B.", "type": "string"}}}}}}`,
			`{"properties": {"a": {"items": {"properties": {"b": {"type": "string"}}}}}}`,
		},
		"those of alternatives": {
			`{"anyOf": [{"description": "One way."}, {"type": "integer", "description": "Another."}]}`,
			`{"anyOf": [{}, {"type": "integer"}]}`,
		},
		"a property that is called so stays": {
			`{"properties": {"description": {"description": "What it is.", "type": "string"}}}`,
			`{"properties": {"description": {"type": "string"}}}`,
		},
		"a property that is called properties has properties": {
			`{"properties": {"properties": {"description": "All.", "properties": {"description": {"description": "D.", "type": "string"}}}}}`,
			`{"properties": {"properties": {"properties": {"description": {"type": "string"}}}}}`,
		},
		"a column of kubectl's": {
			`{"additionalPrinterColumns": [{"name": "Ready", "description": "Whether it is.", "jsonPath": ".status.ready"}]}`,
			`{"additionalPrinterColumns": [{"name": "Ready", "jsonPath": ".status.ready"}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var definition any
			require.NoError(t, json.Unmarshal([]byte(c.definition), &definition))
			undescribed(definition, false)
			got, err := json.Marshal(definition)
			require.NoError(t, err)
			require.JSONEq(t, c.want, string(got))
		})
	}
}
