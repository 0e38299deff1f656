package plan

import (
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

const findings = `[{"type_meta": {"kind": "Deployment"}, "object_meta": {"name": "backend"}, "checks": [
	{"check": {"id": "container-resources"}, "grade": 1, "comments": [{"path": "backend", "summary": "CPU limit is not set"}]},
	{"check": {"id": "pod-probes"}, "grade": 10}, {"check": {"id": "stable-version"}, "grade": 5, "comments": [{"summary": "a warning"}]},
	{"check": {"id": "skipped"}, "grade": 1, "skipped": true, "comments": [{"summary": "not checked"}]}]}]`

func TestScore(t *testing.T) {
	const reason = ", reason: because of what it is"
	for name, c := range map[string]struct {
		accepted string
		want     []string
	}{
		"a critical finding is a problem":    {"accepted: []", []string{"Deployment/backend: container-resources: backend CPU limit is not set"}},
		"one that is accepted is none":       {"accepted: [{check: container-resources, objects: [Deployment/backend]" + reason + "}]", nil},
		"by a pattern":                       {"accepted: [{check: container-resources, objects: [Deployment/*]" + reason + "}]", nil},
		"an acceptance needs a reason":       {"accepted: [{check: container-resources, objects: [Deployment/*]}]", []string{"container-resources of Deployment/* is accepted without a reason"}},
		"of another object it is no help":    {"accepted: [{check: container-resources, objects: [Job/*]" + reason + "}]", []string{"Deployment/backend: container-resources: backend CPU limit is not set", "container-resources of Job/* is accepted, but there is no such finding any more: take it out"}},
		"one that nothing needs is reported": {"accepted: [{check: container-resources, objects: [Deployment/*]" + reason + "}, {check: pod-probes, objects: [Deployment/*]" + reason + "}]", []string{"pod-probes of Deployment/* is accepted, but there is no such finding any more: take it out"}},
	} {
		t.Run(name, func(t *testing.T) {
			problems, err := Score(strings.NewReader(findings), strings.NewReader(c.accepted))
			require.NoError(t, err)
			require.Equal(t, c.want, problems)
		})
	}
	_, err := Score(strings.NewReader("[]"), strings.NewReader("accepted: []"))
	require.ErrorContains(t, err, "no objects")
	_, err = Score(strings.NewReader(findings), strings.NewReader("acepted: []"))
	require.ErrorContains(t, err, "acepted")
}

const openAPI = `{"definitions": {
	"Thing": {"type": "object", "x-kubernetes-group-version-kind": [{"group": "apps", "version": "v1", "kind": "Thing"}], "properties": {
		"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "port": {"$ref": "#/definitions/IntOrString"},
		"labels": {"type": "object", "additionalProperties": {"type": "string"}}, "next": {"$ref": "#/definitions/Thing"}}},
	"IntOrString": {"type": "string", "format": "int-or-string"}, "Other": {"type": "object"}}}`

const definition = `# a chart's
---
kind: CustomResourceDefinition
spec:
  group: example.com
  names: {kind: Widget}
  versions:
    - name: v1
      schema: {openAPIV3Schema: {type: object, properties: {metadata: {type: object}, spec: {type: object, properties: {size: {type: integer}}},
        open: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string}}}}}}
---
{{ a template }}
`

func TestSchemasAreStrict(t *testing.T) {
	all := Schemas{}
	require.NoError(t, all.AddOpenAPI(strings.NewReader(openAPI)))
	all.AddDefinitions([]byte(definition))
	require.Len(t, all, 2)
	require.NotContains(t, all["apps/thing_v1.json"]["definitions"], "Other", "what a kind does not refer to")
	for name, c := range map[string]struct {
		kind    string
		object  map[string]any
		refused bool
	}{
		"a port by number":                  {"apps/thing_v1.json", map[string]any{"port": 80}, false},
		"a port by name":                    {"apps/thing_v1.json", map[string]any{"port": "http"}, false},
		"a port that is none":               {"apps/thing_v1.json", map[string]any{"port": true}, true},
		"a field that does not exist":       {"apps/thing_v1.json", map[string]any{"ports": 80}, true},
		"the same further in":               {"apps/thing_v1.json", map[string]any{"next": map[string]any{"ports": 80}}, true},
		"a label of any name":               {"apps/thing_v1.json", map[string]any{"labels": map[string]any{"a": "b"}}, false},
		"metadata":                          {"example.com/widget_v1.json", map[string]any{"metadata": map[string]any{"name": "a"}, "spec": map[string]any{"size": 1}}, false},
		"a custom resource's unknown field": {"example.com/widget_v1.json", map[string]any{"spec": map[string]any{"sise": 1}}, true},
		"one where they are welcome":        {"example.com/widget_v1.json", map[string]any{"open": map[string]any{"b": 1}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			compiler := jsonschema.NewCompiler()
			require.NoError(t, compiler.AddResource("schema.json", all[c.kind]))
			err := compiler.MustCompile("schema.json").Validate(c.object)
			require.Equal(t, c.refused, err != nil, "%v", err)
		})
	}
}
