package kube

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	helmv3 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/helm/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// NewReleaseWithDefinitions installs a chart that has custom resource definitions in its
// folder crds/. Helm creates those once, and from then on neither upgrades nor compares
// them: here they are resources of the program, which come before the release and are
// upgraded with the chart. They stay when the release goes, as with Helm: with a
// definition all objects of its kind would be deleted.
func NewReleaseWithDefinitions(ctx *pulumi.Context, name, release string, e Environment, chart Chart, namespace pulumi.StringInput, values map[string]any, opts ...pulumi.ResourceOption) (*helmv3.Release, error) {
	if err := Check("kube.Environment", map[string]any{"Provider": e.Provider, "Cluster": e.Cluster}); err != nil {
		return nil, err
	}
	// Without a cluster, as in the first preview, the provider reads no chart: neither for
	// the release.
	definitions := pulumi.All(e.Cluster, namespace).ApplyT(func(known []any) ([]pulumi.Resource, error) {
		in, _ := known[1].(string)
		found, err := definitionsOf(ctx, e.Provider, release, chart, in, Merge(values, chart.Values))
		if err != nil {
			return nil, fmt.Errorf("definitions of chart %s %s: %w", chart.Chart, chart.Version, err)
		}
		var all []pulumi.Resource
		for _, one := range found {
			its, err := NewUntyped(ctx, name+"-"+one.name, "apiextensions.k8s.io/v1", "CustomResourceDefinition", pulumi.ToMap(one.fields), append(slices.Clone(opts), pulumi.RetainOnDelete(true))...)
			if err != nil {
				return nil, err
			}
			all = append(all, its)
		}
		return all, nil
	}).(pulumi.ResourceArrayOutput)
	return newRelease(ctx, name, release, chart, namespace, values, true, append(slices.Clone(opts), pulumi.DependsOnInputs(definitions))...)
}

// definition is a custom resource definition as a chart has it.
type definition struct {
	name   string
	fields map[string]any
}

// definitionsOf asks the provider for a chart's definitions, in the order of their names. It
// is what the SDK's helm/v3:Chart asks for too.
func definitionsOf(ctx *pulumi.Context, provider pulumi.ProviderResource, release string, chart Chart, namespace string, values map[string]any) ([]definition, error) {
	options := map[string]any{"chart": chart.Chart, "version": chart.Version, "namespace": namespace, "release_name": release, "values": values}
	if chart.Repo != "" {
		options["fetch_opts"] = map[string]any{"repo": chart.Repo}
	}
	raw, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	var rendered struct {
		Result []map[string]any `pulumi:"result"`
	}
	args := struct {
		JSONOpts string `pulumi:"jsonOpts"`
	}{string(raw)}
	if err := ctx.Invoke("kubernetes:helm:template", &args, &rendered, pulumi.Provider(provider)); err != nil {
		return nil, err
	}
	var found []definition
	for _, object := range rendered.Result {
		if object["kind"] != "CustomResourceDefinition" {
			continue
		}
		metadata, _ := object["metadata"].(map[string]any)
		name, _ := metadata["name"].(string)
		if name == "" {
			return nil, fmt.Errorf("a definition has no name")
		}
		delete(metadata, "namespace")         // it is of the cluster
		delete(metadata, "creationTimestamp") // null, as generators write it
		delete(object, "status")
		converts(object, namespace)
		undescribed(object, false)
		found = append(found, definition{name, object})
	}
	slices.SortFunc(found, func(a, b definition) int { return strings.Compare(a.name, b.name) })
	return found, nil
}

// converts has a webhook that converts between versions be in the release's namespace: files
// in crds/ are no templates, and Dapr's has a word there that its operator replaces.
func converts(definition map[string]any, namespace string) {
	var inside any = definition
	for _, key := range []string{"spec", "conversion", "webhook", "clientConfig", "service"} {
		fields, _ := inside.(map[string]any)
		inside = fields[key]
	}
	if service, is := inside.(map[string]any); is {
		service["namespace"] = namespace
	}
}

// undescribed takes the descriptions out of a definition's schemas, of which they are three
// quarters. A state has every definition twice and is written after each resource's change, the
// API server keeps each of them parsed, and every reader of a plan scrolls over them; what
// their fields mean is in their authors' documentation. A property may be called description:
// names are kept.
func undescribed(value any, names bool) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if _, text := inner.(string); text && key == "description" && !names {
				delete(value, key)
				continue
			}
			undescribed(inner, !names && (key == "properties" || key == "patternProperties"))
		}
	case []any:
		for _, inner := range value {
			undescribed(inner, false)
		}
	}
}
