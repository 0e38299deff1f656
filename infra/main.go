// The Pulumi program: it maps a stack's configuration to arguments.
package main

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kafka"
	"github.com/wealth-companion/companion/infra/platform"
	"github.com/wealth-companion/companion/infra/values"
	"github.com/wealth-companion/companion/stacks"
)

func main() { values.Run(run) }

// run creates everything of a stack. Values are its configuration, as Pulumi gives
// it to the program.
func run(ctx *pulumi.Context, values map[string]string) error {
	settings, secrets, err := load(values)
	if err != nil {
		return err
	}
	p, err := platform.NewPlatform(ctx, "companion", arguments(settings, secrets))
	if err != nil {
		return err
	}
	outputs := outputsOf(p, settings)
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		ctx.Export(name, outputs[name])
	}
	return nil
}

// outputsOf are the stack's outputs, named and described by stacks.Outputs.
func outputsOf(p *platform.Platform, settings stacks.Config) pulumi.Map {
	namespaces := pulumi.StringMap{"application": p.Companion.Namespace, "kafka": p.Kafka.Namespace, "edge": p.Edge.GatewayNamespace}
	if p.Store.Namespace != nil {
		namespaces["data"] = p.Store.Namespace
	}
	return pulumi.Map{
		"kubeconfig":      p.Cluster.Kubeconfig,
		"smokeKubeconfig": p.Smoke.Kubeconfig,
		"clusterName":     p.Cluster.Name,
		"clusterId":       p.Cluster.ID,
		"url":             p.Companion.URL,
		"apiUrl":          pulumi.Sprintf("%s/api/v1", p.Companion.URL),
		"gatewayAddress":  p.Edge.Address,
		"registry":        p.Cluster.Registry,
		"release":         pulumi.String(settings.Release),
		"topics":          pulumi.ToStringArray(kafka.TopicNames()),
		"namespaces":      namespaces,
	}
}
